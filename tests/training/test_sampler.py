"""Batches are functions of (seed, step)."""

import numpy as np

from ash.labels import VOID
from ash.training.sampler import draw, jitter, most_classes


def test_every_image_is_seen_once_in_a_pass():
    """Seven images in batches of two: the first seven samples are all different, and so are the next seven."""
    order = np.concatenate([draw(3, step, 2, 7).images for step in range(7)])
    assert sorted(order[:7]) == list(range(7))
    assert sorted(order[7:]) == list(range(7))
    assert list(order[:7]) != list(order[7:])


def test_a_step_needs_no_history():
    """Drawing step 5 alone gives what drawing it after steps 0 to 4 gives."""
    before = [draw(0, step, 4, 9, styles=5) for step in range(6)][5]
    alone = draw(0, 5, 4, 9, styles=5)
    for field in ("images", "styles", "mirror"):
        assert np.array_equal(getattr(before, field), getattr(alone, field))
    assert before.noise_seed == alone.noise_seed


def test_source_order_does_not_depend_on_style():
    """A run with paintings and one without see the same images and mirrors: that pairs experiments of one seed."""
    plain, styled = draw(1, 4, 4, 50), draw(1, 4, 4, 50, styles=11)
    assert np.array_equal(plain.images, styled.images)
    assert np.array_equal(plain.mirror, styled.mirror)


def test_seeds_differ():
    """Another seed gives another order and other noise."""
    assert not np.array_equal(draw(0, 0, 8, 100).images, draw(1, 0, 8, 100).images)
    assert draw(0, 0, 8, 100).noise_seed != draw(1, 0, 8, 100).noise_seed


def test_the_image_that_diagnostics_show():
    """The first of those with the most classes among the first 32; void is no class."""
    labels = [np.full((2, 3), VOID, np.uint8) for _ in range(40)]
    labels[3][0] = (1, 2, VOID)
    labels[5][0], labels[7][0] = (4, 4, 9), (6, 5, 4)
    labels[9][0] = (1, 2, 3)
    labels[32][:] = np.arange(6).reshape(2, 3)
    assert most_classes(labels) == 7
    assert most_classes(labels[:6]) == 3
    assert most_classes([labels[0]]) == 0


def test_jitter_has_the_releases_shares():
    """0.8 in 30 %, 1.1 in 30 %, else 1; that of paintings is drawn apart from that of the source."""
    drawn = np.array([jitter(4, step) for step in range(2000)])
    assert set(drawn.flatten()) == {0.8, 1.0, 1.1}
    for factor, share in ((0.8, 0.3), (1.1, 0.3), (1.0, 0.4)):
        assert np.allclose((drawn == factor).mean(0), share, atol=0.04)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.06
    assert jitter(4, 7) == tuple(drawn[7])
