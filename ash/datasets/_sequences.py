"""Frames that follow each other in a video, and the blocks of them that a bootstrap draws as one.

Neighbouring frames of a drive show nearly the same street, so that a bootstrap which draws frame by frame takes one place
for many, and its interval is far too narrow.  Blocks of consecutive frames keep neighbours together (Carlstein 1986; Künsch
1989).  Whole sequences would be drawn if there were many: CamVid has four, its split val is of one.  So nothing here speaks
of other drives.
"""

from collections.abc import Callable, Sequence

import numpy as np

FRAMES = 10  # of a block, at most: ten seconds of CamVid at most, whose labels lie a second apart


def _before_number(sample_id: str) -> str:
    return sample_id.partition("_")[0]


# The sequence of an id, for each set of videos; the images of all other sets stand for themselves.
SEQUENCE: dict[str, Callable[[str], str]] = dict.fromkeys(
    ("camvid", "camvid_test", "camvid_original", "carla"), _before_number
)


def sequences(name: str, ids: Sequence[str]) -> list[str]:
    """The sequence of each image of a set of videos; empty for other sets."""
    return [SEQUENCE[name](sample_id) for sample_id in ids] if name in SEQUENCE else []


def blocks(name: str, ids: Sequence[str]) -> np.ndarray:
    """The number of the block of each image (N,), in the order of `ids`; without a video each is a block of its own.

    A block holds up to FRAMES frames, and of one sequence.
    """
    drives = sequences(name, ids)
    if not drives:
        return np.arange(len(ids))
    numbers = np.zeros(len(ids), int)
    count = 0
    for drive in dict.fromkeys(drives):
        frames = sorted((k for k, other in enumerate(drives) if other == drive), key=lambda k: ids[k])
        for place, k in enumerate(frames):
            numbers[k] = count + place // FRAMES
        count += -(-len(frames) // FRAMES)
    return numbers
