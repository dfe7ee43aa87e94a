"""Tiles cover a picture, overlap, and leave no seam."""

import pytest
import torch

from ash.experiment.tiles import spans, tiled


@pytest.mark.parametrize(("length", "tile"), [(100, 64), (65, 64), (1000, 96), (64, 64), (10, 64), (5000, 37)])
def test_spans_cover_a_side_with_equal_tiles_that_share_a_quarter(length, tile):
    """The first begins at 0, the last ends at the end, all are as long as the tile, and neighbours share enough."""
    found = spans(length, tile)
    assert found[0].start == 0 and found[-1].stop == length
    assert {part.stop - part.start for part in found} == {min(tile, length)}
    assert all(a.stop - b.start >= tile // 4 for a, b in zip(found, found[1:], strict=False))


def test_what_looks_at_single_pixels_is_the_same_in_tiles():
    """Every pixel is weighted to one, in every overlap of two and of four tiles."""
    image = torch.rand((1, 3, 90, 70), generator=torch.Generator().manual_seed(0))
    found = tiled(lambda part: torch.cat([part, 1 - part], 1), image, (32, 40))
    torch.testing.assert_close(found, torch.cat([image, 1 - image], 1))


def test_between_two_tiles_that_disagree_the_mean_passes_without_a_step():
    """By hand on 1x28 in tiles of 16: 0 to the left, 1 to the right, and the shared pixels rise from the one to the other."""
    parts = iter((0.0, 1.0))
    found = tiled(lambda part: torch.full((1, 1, 1, 1), next(parts)), torch.zeros(1, 3, 1, 28), (16, 16))[0, 0, 0]
    assert (found[:12] == 0).all() and (found[16:] == 1).all()
    torch.testing.assert_close(found[12:16], torch.tensor([1 / 5, 2 / 5, 3 / 5, 4 / 5]))
