"""Stand-in until the rules of selection are merged: the same names and signature."""

from collections.abc import Collection, Mapping

from ash.errors import ConfigError, known

RULES = ("last", "source_validation", "leave_one_domain_out", "oracle")


def select(
    trials: Mapping[str, Mapping[str, float]],
    rule: str,
    targets: Collection[str],
    source: str = "source",
    held_out: str | None = None,
) -> str:
    """The trial that a rule picks by the scores of each on each set."""
    if rule not in RULES:
        raise ConfigError(f"rule {rule!r}: {known(rule, RULES)}")
    if rule == "last":
        return list(trials)[-1]
    if rule == "leave_one_domain_out" and held_out is None:
        raise ConfigError("leave_one_domain_out: no held-out domain; state `held_out` in the protocol")
    sets = {"source_validation": [source], "leave_one_domain_out": [str(held_out)], "oracle": list(targets)}[rule]
    return max(trials, key=lambda name: sum(trials[name][one] for one in sets))
