"""What no single section can see: names that must stand elsewhere, sets that lack a split, files that two would write."""

from collections.abc import Collection, Iterable, Iterator

from ash.config.kinds import SPLITS
from ash.config.settings import Settings
from ash.errors import known

SOURCE = "source"  # the target that stands for the held-out images of an experiment's own source
TAKEN_SETS = (SOURCE, "weights")  # names that `ash evaluate` and `ash acquire` take for something else
WRITTEN = ("claims", "contrasts", "cost")  # tables that no entry of `tables` describes
# Rules of the workflow, which makes one of each group of tables too.
RULES = frozenset(
    [
        "acquire_weights",
        "all",
        "answer_claims",
        "authors_models",
        "authors_table",
        "cost",
        "draw_miniature",
        "evaluate",
        "evaluate_as",
        "evaluate_authors",
        "evaluate_further",
        "everything",
        "features",
        "figures",
        "fit_decoder",
        "forest",
        "import_authors",
        "import_stylizer",
        "initial_weights",
        "manifest",
        "matrix",
        "measure_cost",
        "metrics",
        "plots",
        "prepare",
        "protocols",
        "rain",
        "refit",
        "refit_stylizer",
        "report",
        "score_matrix",
        "stylisation",
        "stylised_samples",
        "stylizer",
        "table",
        "train",
    ]
)


def disagreements(settings: Settings) -> list[str]:
    """Faults that no single section can see, a line each."""
    faults = [*_undescribed(settings), *_late(settings), *_unknown(settings), *_taken(settings), *_used(settings)]
    return faults or [*_too_small(settings), *_scored_on(settings)]


def _undescribed(settings: Settings) -> list[str]:
    """Data sets that are named and that the protocol does not describe."""
    params, protocol = settings.params, settings.protocol
    named = [
        ("targets", settings.targets),
        ("further_targets", protocol.further_targets),
        ("held_out", [protocol.held_out] if protocol.held_out else []),
        ("style_set", [protocol.style_set]),
        ("decoder.contents", () if protocol.decoder is None else protocol.decoder.contents),
        *((f"experiments.{n}.source", [e.source]) for n, e in params.experiments.items()),
        *((f"experiments.{n}.target", [e.target]) for n, e in params.experiments.items() if e.target),
    ]
    return [
        f"{where}: {name!r} is not a data set of protocols/{params.protocol}.yaml; {known(name, protocol.datasets)}; "
        "describe it under `datasets` there"
        for where, names in named
        for name in names
        if name not in protocol.datasets
    ]


def _unknown(settings: Settings) -> list[str]:
    """Tables, groups, targets and experiments that are named and not there."""
    params = settings.params
    checks: list[tuple[str, Iterable[str], Collection[str]]] = [
        *((f"experiments.{n}.tables", e.tables, params.tables) for n, e in params.experiments.items()),
        ("groups", params.groups, dict.fromkeys(table.group for table in params.tables.values())),
        *(
            (f"tables.{n}.targets", t.targets, (*settings.targets, *settings.further, SOURCE))
            for n, t in params.tables.items()
        ),
        *((f"tables.{n}.reference", [t.reference], settings.rows(n)) for n, t in params.tables.items()),
        *((f"figures.{n}", columns.values(), params.standard) for n, columns in params.figures),
    ]
    return [
        f"{where}: {name!r} is unknown; {known(name, there)}"
        for where, names, there in checks
        for name in names
        if name not in there
    ]


def _late(settings: Settings) -> list[str]:
    """Experiments that only `everything` trains, in tables that the default target builds."""
    tables = [name for name, table in settings.params.tables.items() if table.group in settings.params.groups]
    return [
        f"more_experiments.{name}: in {table}, which the default target builds; move it to `experiments`"
        for name in settings.params.more_experiments
        for table in tables
        if table in settings.params.experiments[name].tables
    ]


def _used(settings: Settings) -> Iterator[str]:
    """Uses of the held-out set that would let a choice see what it must not, and further targets that are not further."""
    params, protocol, held_out = settings.params, settings.protocol, settings.protocol.held_out
    for name in protocol.further_targets:
        if name in settings.targets:
            yield f"further_targets: {name!r} is one of `targets`, on which every model is scored; name it in one place"
    uses = [("targets", settings.targets), ("further_targets", protocol.further_targets)]
    uses += [("style_set", (protocol.style_set,))]
    uses += [("decoder.contents", () if protocol.decoder is None else protocol.decoder.contents)]
    uses += [(f"experiments.{n}.source", (e.source,)) for n, e in params.experiments.items()]
    uses += [(f"experiments.{n}.target", (e.target,)) for n, e in params.experiments.items() if e.target]
    for where, names in uses:
        if held_out in names:
            yield f"{where}: {held_out!r} is held out, so no model learns from it or is tuned to it as a target; name another"
    for name, table in params.tables.items():
        if table.group in params.groups and {*settings.further} & {*table.targets}:
            yield (
                f"tables.{name}: shows further targets, which the default target does not score, and is of its group "
                f"{table.group}; give it another group, or remove `further`"
            )


def _taken(settings: Settings) -> Iterator[str]:
    """Names that mean something else already, and pairs of them that would give one file or one folder."""
    params, protocol = settings.params, settings.protocol
    for name in protocol.datasets.keys() & {*TAKEN_SETS}:
        yield f"datasets.{name}: {name!r} means something else on the command line; rename the set"
    for name, table in params.tables.items():
        if name in WRITTEN or name.removesuffix("_classes") in params.tables.keys() - {name}:
            yield f"tables.{name}: would be written into files of another table; rename it"
        if table.group in RULES or table.group.startswith("acquire_"):
            yield f"tables.{name}.group: {table.group!r} is a rule of the workflow; rename the group"
    plots = [(f"{name}_{target}", f"experiments.{name}") for name in params.standard for target in settings.targets]
    yield from (f"{where}: its plot {file} has the name of another's; rename it" for file, where in _again(plots))
    roots = [(d.root.rstrip("/"), f"datasets.{name}.root") for name, d in protocol.datasets.items() if d.draw]
    yield from (f"{where}: another set is drawn into {root}; give each its own" for root, where in _again(roots))


def _again(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs whose first part stood in one before them."""
    return [pair for k, pair in enumerate(pairs) if pair[0] in [first for first, _ in pairs[:k]]]


def lacking_splits(settings: Settings) -> Iterator[str]:
    """Drawn sets without the images that an experiment or a target asks them for, a line each; the workflow needs them."""
    params, sets = settings.params, settings.protocol.datasets
    wanted = {(name, "val"): "targets" for name in (*settings.targets, *settings.further)}
    wanted[settings.protocol.style_set, "train"] = "style_set"
    for name, entry in params.experiments.items():
        for split in SPLITS:
            wanted.setdefault((entry.source, split), f"experiments.{name}.source")
        if entry.target:
            wanted.setdefault((entry.target, "train"), f"experiments.{name}.target")
    for (name, split), where in wanted.items():
        dataset = sets[name]
        if dataset.draw and split not in dataset.draw and not (split == "val" and dataset.validation):
            more = ", or hold some out with `validation`" if split == "val" else ""
            yield f"{where}: {name} has no images of split {split}; draw some with `draw: {{{split}: N}}`{more}"


def _too_small(settings: Settings) -> Iterator[str]:
    """Labels of which nothing is left."""
    protocol = settings.protocol
    for name in settings.params.experiments:
        experiment = settings.experiment(name)
        side, stride = min(protocol.datasets[experiment.source].label_size), experiment.training.label_stride
        if stride > side:
            yield f"experiments.{name}: training.label_stride {stride} exceeds the {side} pixels of its labels; lower it"


def _scored_on(settings: Settings) -> Iterator[str]:
    """Trainings that ask for the held-out images of a set whose val split is a published one."""
    for name, entry in settings.params.experiments.items():
        if (
            settings.experiment(name).training.images == "all"
            and not settings.protocol.datasets[entry.source].validation
        ):
            yield (
                f"experiments.{name}: training.images: all, but the images of split val of {entry.source} are its own, which "
                "models are scored on; state images: train"
            )
