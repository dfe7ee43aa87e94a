"""The sets that models are scored on, by what their scores may be used for."""

from ash.config import Settings

UNHELD = "no set is held out; state `held_out: NAME` in the protocol, a set that is nobody's source and nobody's target"


def columns(settings: Settings) -> list[str]:
    """All of them: the targets of params.yaml, the one that is held out, then all others."""
    third = settings.protocol.held_out
    first = (*settings.params.targets, *([third] if third else []))
    return list(dict.fromkeys((*first, *settings.targets, *settings.further)))


def targets(settings: Settings) -> list[str]:
    """Those that count for a method: all but the one on which its settings may have been chosen."""
    return [name for name in columns(settings) if name != settings.protocol.held_out]
