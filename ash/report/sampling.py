"""What an interval over the images of a target may draw by itself: single images, or blocks of a video's frames."""

from collections.abc import Collection

import numpy as np

from ash.datasets import _sequences
from ash.report.runs import Runs


def blocks(runs: Runs, experiment: str, target: str) -> np.ndarray | None:
    """The block of each image that an experiment was scored on (N,); None with several seeds, as no image is drawn then."""
    return _sequences.blocks(target, _ids(runs, experiment, target)) if len(runs.seeds) == 1 else None


def notes(runs: Runs, experiment: str, targets: Collection[str]) -> list[str]:
    """A note for each target of frames that follow each other."""
    return [_note(target, _ids(runs, experiment, target), runs) for target in targets if target in _sequences.SEQUENCE]


def _note(target: str, ids: list[str], runs: Runs) -> str:
    drives = len(set(_sequences.sequences(target, ids)))
    count = len(set(_sequences.blocks(target, ids).tolist()))
    drawn = (
        f"the bootstrap draws them in {count} blocks of up to {_sequences.FRAMES}, none across two drives"
        if len(runs.seeds) == 1
        else "the interval is over seeds on these frames"
    )
    return (
        f"{target}: {len(ids)} frames of {drives} drive{'s' * (drives != 1)}, which follow each other; {drawn}, and says"
        " nothing of other drives."
    )


def _ids(runs: Runs, experiment: str, target: str) -> list[str]:
    return list(runs.scores(experiment, target)[0]["images"]["id"])
