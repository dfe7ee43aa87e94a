"""AdaIN and the statistics it is about."""

import pytest
import torch

from ash.errors import ShapeError
from ash.style.adain import adain, channel_statistics, restyled, statistics_distance
from ash.style.hallucination import modulate


def features(*shape: int, seed: int = 0) -> torch.Tensor:
    """Positive features with channels of unlike spread."""
    generator = torch.Generator().manual_seed(seed)
    spread = 1 + torch.arange(shape[1])[None, :, None, None]
    return torch.rand(shape, generator=generator) * spread


def test_statistics_by_hand():
    """Mean 2.5 and unbiased variance 5/3 for the pixels 1, 2, 3, 4."""
    mean, deviation = channel_statistics(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    assert mean.item() == 2.5
    assert deviation.item() == pytest.approx((5 / 3 + 1e-5) ** 0.5)


def test_statistics_are_float32_of_half_features():
    """Statistics of bf16 features are those of the same values in float32."""
    half = features(1, 3, 20, 40).bfloat16()
    mean, deviation = channel_statistics(half)
    assert mean.dtype == deviation.dtype == torch.float32
    assert torch.equal(mean, half.float().mean((2, 3), keepdim=True))


def test_gradients_of_the_statistics():
    """Of both at once, as PyTorch's own operators give them."""
    grown, found = features(2, 3, 5, 7).requires_grad_(), []
    weights = features(2, 2, 3, 1, seed=5)[:, :, :, :, None]
    variance = ((grown - grown.mean((2, 3), keepdim=True)) ** 2).sum((2, 3), keepdim=True) / 34
    for mean, deviation in (channel_statistics(grown), (grown.mean((2, 3), keepdim=True), (variance + 1e-5).sqrt())):
        (mean * weights[:, 0] + deviation * weights[:, 1]).sum().backward()
        found.append(grown.grad)
        grown.grad = None
    torch.testing.assert_close(found[0], found[1])


def test_output_has_the_statistics_of_the_style():
    """AdaIN's output has the style's mean and deviation, and the content's size, though the sizes differ."""
    content, style = features(2, 4, 9, 11), features(2, 4, 6, 20, seed=1) + 3
    target = adain(content, style)
    assert target.shape == content.shape
    for found, wanted in zip(channel_statistics(target), channel_statistics(style), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_style_pixels_may_be_permuted():
    """AdaIN sees the style through two numbers a channel: shuffling its pixels changes nothing."""
    content, style = features(1, 4, 8, 8), features(1, 4, 8, 8, seed=1)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(2))
    shuffled = style.flatten(2)[:, :, order].view_as(style)
    torch.testing.assert_close(adain(content, shuffled), adain(content, style))


def test_no_modulation_is_plain_adain():
    """gamma = beta = 0 and delta = 1 leave the style as it is."""
    content, style = features(1, 4, 8, 8), features(1, 4, 8, 8, seed=1)
    nothing = torch.zeros_like(style)
    assert torch.equal(adain(content, modulate(style, nothing, nothing, delta=1.0)), adain(content, style))


@pytest.mark.parametrize("statistics", ["mean", "mean_std"])
def test_distance_to_the_style_is_zero_for_plain_adain_only(statistics):
    """S(t, f_s) is 0 for t = AdaIN(f_c, f_s) (the paper's eq. 8 as printed), and positive once gamma and beta act."""
    content, style = features(1, 4, 8, 8), features(1, 4, 8, 8, seed=1)
    plain = statistics_distance(adain(content, style), style, statistics)
    generator = torch.Generator().manual_seed(3)
    gamma, beta = (0.2 * torch.randn(style.shape, generator=generator) for _ in range(2))
    moved = statistics_distance(adain(content, modulate(style, gamma, beta, 1.0)), style, statistics)
    assert plain < 1e-7
    assert moved > 1e-4


def test_mean_distance_ignores_the_deviation():
    """Doubling the contrast about the mean is invisible to "mean" and visible to "mean_std"."""
    style = features(1, 4, 8, 8)
    mean = channel_statistics(style)[0]
    louder = mean + 2 * (style - mean)
    assert statistics_distance(louder, style, "mean") < 1e-10
    assert statistics_distance(louder, style, "mean_std") > 0.01


def test_channels_must_agree():
    """AdaIN between different numbers of channels is refused with both shapes."""
    with pytest.raises(ShapeError, match=r"\(1, 4, 8, 8\).*\(1, 5, 8, 8\)"):
        adain(features(1, 4, 8, 8), features(1, 5, 8, 8))


def test_a_restyled_map_by_hand():
    """Values 1 and 3 have mean 2 and deviation 1; with mean 10 and deviation 5 they are 5 and 15."""
    features = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    two, one, ten, five = (torch.full((1, 1, 1, 1), value) for value in (2.0, 1.0, 10.0, 5.0))
    assert restyled(features, (two, one), (ten, five)).flatten().tolist() == [5.0, 15.0]
