"""The difference between two experiments, seed by seed: the question that a table answers for its reference row only."""

from ash.config import Settings
from ash.evaluation.intervals import combined
from ash.evaluation.scores import shared as of_pair
from ash.labels import classes_of
from ash.report import sampling
from ash.report.means import among, left_out
from ash.report.runs import Runs


def contrast(settings: Settings, first: str, second: str, runs: Runs) -> list[str]:
    """A line for each target: mIoU of `second` minus `first` of each seed, their mean and deviation, and the interval.

    Over 16 classes if both learn from SYNTHIA, over 19 otherwise; a line more where the sets share fewer.
    ConfigError for an unknown experiment, StoreError for runs that are missing or do not pair.
    """
    classes = max(classes_of(settings.experiment(name).source) for name in (first, second))
    runs.require((first, second), [f"{target}.json" for target in settings.targets])
    lines = []
    for target in settings.targets:
        shared = among(settings, (first, second), target)
        differences = runs.miou(second, target, classes, shared) - runs.miou(first, target, classes, shared)
        spread = f", sd {differences.std(ddof=1):.1f}" if len(differences) > 1 else ""
        counts = runs.pairing((first, second), target)
        drawn, resamples = sampling.blocks(runs, first, target), settings.protocol.evaluation.resamples
        interval = combined((-1, 1), counts, of_pair(classes, shared), resamples, drawn)
        lines.append(
            f"{target}: {second} - {first}, mIoU{classes}: {' '.join(f'{d:+.1f}' for d in differences)}; "
            f"mean {differences.mean():+.1f}{spread} (n = {len(differences)}), "
            f"95 % over {interval.over} [{interval.low:+.1f}, {interval.high:+.1f}]"
        )
        note = left_out(settings, (first, second), target, classes)
        lines += [] if note is None else [note]
        lines += sampling.notes(runs, first, [target])
    return lines
