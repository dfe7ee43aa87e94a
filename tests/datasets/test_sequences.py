"""Frames that follow each other are drawn in blocks; single images are drawn one by one."""

import numpy as np

from ash.datasets import names
from ash.datasets._sequences import FRAMES, SEQUENCE, blocks, sequences


def test_blocks_are_consecutive_frames_of_one_drive():
    """23 frames of one drive and 4 of another, in any order: blocks of 10, 10, 3 and 4, by the frames' numbers."""
    ids = [f"0016E5_{k:05d}" for k in range(7959, 7959 + 2 * 23, 2)] + [f"Seq05VD_f{k:05d}" for k in range(4)]
    order = np.random.default_rng(0).permutation(len(ids))
    found = blocks("camvid_test", [ids[k] for k in order])
    wanted = np.repeat([0, 1, 2, 3], [FRAMES, FRAMES, 3, 4])
    drives = [sequences("camvid_test", ids)[k] for k in order]
    partition = {frozenset(order[found == k]) for k in set(found.tolist())}
    assert partition == {frozenset(np.flatnonzero(wanted == k)) for k in range(4)}
    assert all(len({drive for drive, block in zip(drives, found, strict=True) if block == k}) == 1 for k in range(4))


def test_single_images_stand_for_themselves():
    """A set without videos: as many blocks as images."""
    assert blocks("cityscapes", ["b", "a", "c"]).tolist() == [0, 1, 2]
    assert sequences("cityscapes", ["a"]) == []


def test_every_set_of_videos_is_there():
    """The names are those of sets."""
    assert {*SEQUENCE} <= {*names()}
