"""The controls' second view: what colour jitter does to each channel of each image, and what it may not do."""

import pytest
import torch

from ash.methods.augmentation import GAIN, NOISE, OFFSET, jitter
from ash.segmentation import losses
from tests.support.world import batch, built, gradients


def views(value: float, count: int = 400) -> torch.Tensor:
    """Jittered images (count,3,8,8) of one grey value, clamped as the segmenter sees them."""
    return jitter(torch.full((count, 3, 8, 8), value), torch.Generator().manual_seed(0))


def test_offsets_are_as_often_up_as_down_and_within_their_bound():
    """Mid-grey has no gain, so the mean of a channel is 0.5 plus its offset: uniform in +-OFFSET, each channel alone."""
    means = views(0.5).mean((2, 3)) - 0.5
    assert means.abs().max() < OFFSET + 3 * NOISE / 8
    assert means.max() > 0.9 * OFFSET and means.min() < -0.9 * OFFSET
    assert abs(means.mean().item()) < 0.02
    assert abs(torch.corrcoef(means.T)[0, 1].item()) < 0.15


def test_gains_lie_between_their_bounds():
    """The difference of two greys, half a unit apart and drawn alike, is half the gain: uniform in GAIN."""
    gains = (views(0.6) - views(0.4)).mean((2, 3)) / 0.2
    assert gains.min() == pytest.approx(GAIN[0], abs=0.05)
    assert gains.max() == pytest.approx(GAIN[1], abs=0.05)
    assert gains.mean() == pytest.approx(sum(GAIN) / 2, abs=0.05)


def test_noise_differs_in_strength_between_images():
    """Deviations of the pixels of one channel run from nearly 0 to NOISE."""
    spread = views(0.5).std((2, 3)).mean(1)
    assert spread.min() < 0.1 * NOISE and 0.8 * NOISE < spread.max() < 1.3 * NOISE


def test_a_view_stays_an_image():
    """White and black are clamped to [0,1]."""
    for value in (0.0, 1.0):
        assert views(value).min() >= 0 and views(value).max() <= 1


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.0])
def test_the_weight_of_the_view_is_that_of_the_settings(weight, monkeypatch):
    """The view's term is its loss times `segmentation_on_view`, and the source's its loss; at 0 the view has no loss."""
    values, original = [], losses.segmentation
    monkeypatch.setattr(losses, "segmentation", lambda *given: values.append(original(*given)) or values[-1])
    terms = gradients(built("colour_jitter", segmentation_on_view=weight), batch())["segmenter"].terms
    assert terms["segmentation"].item() == values[0].item()
    assert len(values) == (2 if weight else 1)
    assert ("segmentation_on_view" in terms) == bool(weight)
    if weight:
        assert values[1].item() != pytest.approx(1, rel=0.01)  # so that a quotient would differ from the product
        assert terms["segmentation_on_view"].item() == pytest.approx(weight * values[1].item(), rel=1e-6)
