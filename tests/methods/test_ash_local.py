"""Where gamma and beta act: before AdaIN, as printed, or on each cell, which is ours."""

from dataclasses import replace

import pytest
import torch

from ash.style.hallucination import bounded, modulate_locally
from tests.support.world import batch, built, gradients

LEFT, RIGHT = 0, 5  # two classes, one for each half of the image


def features(seed: int, size: tuple[int, int] = (8, 16), channels: int = 64) -> torch.Tensor:
    """Features (1,channels,h,w) of which every channel has a mean and a spread of its own."""
    generator = torch.Generator().manual_seed(seed)
    shape = (1, channels, 1, 1)
    spread, mean = (torch.rand(shape, generator=generator) + 0.5 for _ in range(2))
    return mean + spread * torch.randn(1, channels, *size, generator=generator)


def halves() -> torch.Tensor:
    """A condition (1,19,8,16): the left half is certainly one class, the right half certainly another."""
    condition = torch.zeros(1, 19, 8, 16)
    condition[:, LEFT, :, :8] = 1
    condition[:, RIGHT, :, 8:] = 1
    return condition


def mixed_by(method, content: torch.Tensor, style: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
    """t as the method mixes it."""
    return method.mix(method.hallucinator, method.settings, content, style, condition)[0]


def channels_of(method) -> int:
    """Channels of the method's features."""
    return method.stylizer.channels


def twins(channels: int) -> torch.Tensor:
    """Content whose right half repeats its left half, cell by cell."""
    left = features(0, (8, 8), channels)
    return torch.cat([left, left], 3)


def misfit(content: torch.Tensor, mixed: torch.Tensor) -> float:
    """How far T is from the best affine map of the content, channel by channel: largest residual over T's spread."""
    x, y = content.flatten(2).double(), mixed.flatten(2).double()
    x, y = x - x.mean(2, keepdim=True), y - y.mean(2, keepdim=True)
    slope = (x * y).sum(2, keepdim=True) / (x * x).sum(2, keepdim=True)
    return ((y - slope * x).abs().amax(2) / y.std(2)).max().item()


@pytest.mark.parametrize("bound", [None, 0.5])
def test_as_printed_the_style_is_one_for_the_image(bound):
    """Eq. 1-4: T is one affine map of each channel of the content, whatever the condition says where."""
    method = built("ash", bound=bound)
    content, style = (features(seed, channels=channels_of(method)) for seed in (0, 1))
    gamma, _ = method.hallucinator(halves(), (8, 16))
    assert gamma.std((2, 3)).max() > 0.01  # the maps do vary over the image
    assert misfit(content, mixed_by(method, content, style, halves())) < 1e-5


def test_locally_the_style_is_not_one_for_the_image():
    """With `modulation: local` no affine map of a channel gives T."""
    method = built("ash_local")
    content, style = (features(seed, channels=channels_of(method)) for seed in (0, 1))
    assert misfit(content, mixed_by(method, content, style, halves())) > 0.05


def test_two_classes_in_one_image():
    """Equal features of two classes get equal styles from ASH and different ones from local ASH."""
    different = {}
    for name in ("ash", "ash_local"):
        method = built(name)
        style = features(1, channels=channels_of(method))
        mixed = mixed_by(method, twins(channels_of(method)), style, halves())
        different[name] = (mixed[..., :8] - mixed[..., 8:]).abs().max().item()
    assert different["ash"] < 1e-5
    assert different["ash_local"] > 0.05


def test_one_class_has_one_style():
    """A condition that is the same everywhere gives local ASH one style too, and two equal halves."""
    method = built("ash_local")
    condition = torch.zeros(1, 19, 8, 16)
    condition[:, LEFT] = 1
    content = twins(channels_of(method))
    mixed = mixed_by(method, content, features(1, channels=channels_of(method)), condition)
    torch.testing.assert_close(mixed[..., :8], mixed[..., 8:])
    assert misfit(content, mixed) < 1e-4


def test_local_modulation_by_hand():
    """norm(f) sigma_s (gamma + delta) + mu_s + beta of a cell: here 1 * 2 * (0.5 + 1) + 7 + 3 = 13, and -3 + 10 = 7."""
    content = torch.tensor([[[[4.0, 2.0]]]])  # mean 3, deviation sqrt 2
    style = torch.tensor([[[[7 - 2**0.5 * 2**0.5, 7 + 2**0.5 * 2**0.5]]]]) / 1.0  # mean 7, deviation 2 sqrt 2
    gamma, beta = torch.full((1, 1, 1, 2), 0.5), torch.full((1, 1, 1, 2), 3.0)
    found = modulate_locally(content, style, gamma, beta, 1.0)
    assert found.flatten().tolist() == pytest.approx([13, 7], abs=1e-3)


def silence(method) -> None:
    """Make gamma and beta 0."""
    for branch in (method.hallucinator.gamma, method.hallucinator.beta):
        torch.nn.init.zeros_(branch[-1].weight)
        torch.nn.init.zeros_(branch[-1].bias)


@pytest.mark.parametrize("name", ["ash", "ash_local"])
def test_without_a_change_it_is_adain(name):
    """gamma = beta = 0 and delta = 1: (f - mu_f) / sigma_f sigma_s + mu_s; with delta = 0 nothing but mu_s is left."""
    for delta in (1.0, 0.0):
        method = built(name, delta=delta)
        silence(method)
        content, style = (features(seed, channels=channels_of(method)) for seed in (0, 1))
        mixed = mixed_by(method, content, style, halves())
        normal = (content - content.mean((2, 3), keepdim=True)) / content.std((2, 3), keepdim=True)
        mean = style.mean((2, 3), keepdim=True)
        expected = {
            ("ash", 1.0): normal * style.std((2, 3), keepdim=True) + mean,
            ("ash_local", 1.0): normal * style.std((2, 3), keepdim=True) + mean,
            ("ash", 0.0): normal * 1e-5**0.5,  # f' is 0 everywhere: mean 0, and the deviation's 1e-5 inside the root
            ("ash_local", 0.0): mean.expand_as(content),
        }[name, delta]
        torch.testing.assert_close(mixed, expected, atol=1e-3, rtol=1e-3)


def test_locally_the_painting_may_have_any_size():
    """gamma and beta have the content's size, so a style map of another size changes nothing but its statistics."""
    method = built("ash_local")
    content = features(0, channels=channels_of(method))
    style = features(1, (6, 10), channels_of(method))
    permuted = style.flatten(2)[..., torch.randperm(60, generator=torch.Generator().manual_seed(0))]
    mixed = mixed_by(method, content, style, halves())
    assert mixed.shape == content.shape
    torch.testing.assert_close(
        mixed, mixed_by(method, content, permuted.view(1, -1, 12, 5), halves()), atol=1e-4, rtol=1e-4
    )


def test_the_bound_by_hand():
    """b tanh(v / b): 0.5 tanh 2 for v = 1, b = 0.5; near 0 it is v; without a bound v."""
    values = torch.tensor([1.0, -1.0, 1e-3, 100.0, -100.0])
    found = bounded(values, 0.5).tolist()
    assert found == pytest.approx([0.4820138, -0.4820138, 1e-3, 0.5, -0.5], rel=1e-4)
    assert torch.equal(bounded(values, None), values)


@pytest.mark.parametrize("name", ["ash", "ash_local"])
def test_the_bound_holds(name):
    """However large H's maps, f' stays within f_s (1 +- b) +- b; so does each cell of local ASH."""
    method = built(name, bound=0.5)
    for branch in (method.hallucinator.gamma, method.hallucinator.beta):
        torch.nn.init.normal_(branch[-1].bias, 0, 100)
    content, style = (features(seed, channels=channels_of(method)) for seed in (0, 1))
    mixed = mixed_by(method, content, style, halves())
    normal = (content - content.mean((2, 3), keepdim=True)) / content.std((2, 3), keepdim=True)
    if name == "ash":  # the whole image has f' for its style: its mean is that of f'
        low, high = ((style * (1 + s * 0.5 * style.sign())).mean((2, 3)) + s * 0.5 for s in (-1, 1))
        mean = mixed.mean((2, 3))
        assert ((low - 1e-3 <= mean) & (mean <= high + 1e-3)).all()
    else:
        plain = normal * style.std((2, 3), keepdim=True)
        away = (mixed - plain - style.mean((2, 3), keepdim=True)).abs()
        assert (away <= 0.5 * plain.abs() + 0.5 + 1e-3).all()
        assert (away >= 0.4).any()


def test_local_ash_is_mirrored_with_its_image():
    """A mirrored batch gives the mirrored stylised image: condition and content stay aligned cell by cell."""
    method = built("ash_local", noise="none", condition="ground_truth")
    blocks = torch.randint(0, 19, (2, 4, 8), generator=torch.Generator().manual_seed(1))
    label = blocks.repeat_interleave(4, 1).repeat_interleave(4, 2)
    heads, images = tuple(torch.zeros(2, 19, 4, 8) for _ in range(2)), []
    for mirror in (False, True):
        given = replace(batch(mirror), label=label.flip(-1) if mirror else label)
        images.append(method.hallucinate(given, method.condition(heads, given))[0])
    torch.testing.assert_close(images[1], images[0].flip(-1))


def test_h_learns_from_both_maps():
    """Gradients reach gamma's and beta's branches through the stylised image alone."""
    plain = {"use_content": False, "use_style": False, "use_divergence": False}
    method = built("ash_local", **plain)
    gradients(method, batch())
    for branch in (method.hallucinator.gamma, method.hallucinator.beta):
        assert branch[-1].weight.grad.abs().sum() > 0
