"""The figures that docs/why/fidelity.md quotes under "measured"; each test names the quantity and pins its value.

Drawn streets as content, drawn paintings as style, the shipped pair of encoder and decoder, unless a test says otherwise.
"""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.config import DiscriminatorSettings
from ash.labels import N_CLASSES, VOID
from ash.miniature.paintings import draw_painting
from ash.miniature.scene import draw_scene
from ash.pixels import from_caffe, to_caffe, to_image
from ash.segmentation.discriminator import build_discriminator
from ash.style.adain import adain, channel_statistics, statistics_distance
from ash.style.hallucination import Hallucinator, smooth
from ash.style.noise import elementwise_svd, perturb
from ash.style.stylizer import Stylizer, load_stylizer
from ash.training.schedule import build_optimiser
from tests.support.world import WEIGHTS, batch, built, gradients, settings

ALPHA = 0.8  # the miniature's


class Drawn(NamedTuple):
    """Four streets with labels, four paintings, and the features of both."""

    pair: Stylizer
    streets: Tensor
    labels: Tensor
    paintings: Tensor
    content: Tensor
    style: Tensor


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """Draw and encode once."""
    scenes = [draw_scene("gta5", [0, k]) for k in range(4)]
    streets = to_image(np.stack([image for image, _ in scenes]))
    paintings = to_image(np.stack([draw_painting([0, k]) for k in range(4)]))
    labels = torch.from_numpy(np.stack([label for _, label in scenes])).long()
    pair = load_stylizer(WEIGHTS)
    with torch.no_grad():
        return Drawn(pair, streets, labels, paintings, pair.encode(streets), pair.encode(paintings))


def generator(seed: int = 0) -> torch.Generator:
    """A generator of its own for each draw."""
    return torch.Generator().manual_seed(seed)


def relative(found: Tensor, wanted: Tensor) -> float:
    """Norm of the difference over the norm of what it is measured against."""
    return ((found - wanted).norm() / wanted.norm()).item()


def rms(first: Tensor, second: Tensor) -> float:
    """Root mean square of the difference of two images, in grey levels of 255."""
    return 255 * (first - second).square().mean().sqrt().item()


def test_eq8_as_printed_is_zero(drawn):
    """Means of AdaIN's output and of its style differ by 6e-15 (MSE); those of content and style by 0.52."""
    printed = statistics_distance(adain(drawn.content, drawn.style), drawn.style, "mean").item()
    assert printed < 1e-12
    assert statistics_distance(drawn.content, drawn.style, "mean").item() == pytest.approx(0.52, abs=0.03)


@pytest.mark.parametrize(
    ("form", "mean", "deviation", "grey"),
    [
        ("elementwise_svd", 0.0056, 0.033, 1.1),
        ("channel_small", 0.54, 0.21, 19.5),
        ("channel_qr", 1.43, 0.47, 52.0),
        ("gram", 0.0, 0.0, 0.0),
    ],
)
def test_what_noise_does_to_a_style(drawn, form, mean, deviation, grey):
    """Relative shift of the style's means and deviations on 24x48 cells, and of the stylised image in grey levels."""
    noisy = perturb(drawn.style, form, generator(1))
    before, after = channel_statistics(drawn.style), channel_statistics(noisy)
    assert relative(after[0], before[0]) == pytest.approx(mean, rel=0.15, abs=2e-3)
    assert relative(after[1], before[1]) == pytest.approx(deviation, rel=0.15, abs=2e-3)
    images = [drawn.pair.stylise(drawn.content, style, ALPHA) for style in (drawn.style, noisy)]
    assert rms(*images) == pytest.approx(grey, rel=0.15, abs=0.05)


def test_stylising_itself_moves_images(drawn):
    """48 grey levels between the decoded content and its stylised form: what the noise is small against, or is not."""
    stylised = drawn.pair.stylise(drawn.content, drawn.style, ALPHA)
    assert rms(stylised, drawn.pair.decode(drawn.content)) == pytest.approx(48, rel=0.1)


def test_the_releases_noise_at_the_papers_size():
    """On 90x160 cells of half-normal features: means move by 0.12 %, deviations by 0.45 %."""
    features = torch.relu(torch.randn(1, 64, 90, 160, generator=generator(2)))
    before, after = channel_statistics(features), channel_statistics(elementwise_svd(features, generator(3)))
    assert relative(after[0], before[0]) == pytest.approx(0.0012, rel=0.2)
    assert relative(after[1], before[1]) == pytest.approx(0.0045, rel=0.2)


def test_features_of_the_releases_input(drawn):
    """BGR minus mean in the place of RGB: features 156 times as large, L_c 1.5e4 times."""
    with torch.no_grad():
        content, style = (drawn.pair.encode(to_caffe(images)) for images in (drawn.streets, drawn.paintings))
    growth = (content.square().mean() / drawn.content.square().mean()).sqrt().item()
    assert growth == pytest.approx(156, rel=0.1)
    losses = [functional.mse_loss(adain(c, s), c).item() for c, s in ((drawn.content, drawn.style), (content, style))]
    assert losses[1] / losses[0] == pytest.approx(1.5e4, rel=0.15)


def test_images_of_the_releases_input(drawn):
    """Decoded and taken back to RGB, they differ from ours by 43 grey levels, though made of the same images."""
    with torch.no_grad():
        content, style = (drawn.pair.encode(to_caffe(images)) for images in (drawn.streets, drawn.paintings))
        theirs = from_caffe(drawn.pair.stylise(content, style, ALPHA))
    ours = drawn.pair.stylise(drawn.content, drawn.style, ALPHA)
    assert rms(theirs, ours) == pytest.approx(43, rel=0.1)


def test_share_of_clamped_values(drawn):
    """2.7 % of the decoder's values lie outside [0,1] and are clamped for the segmenter."""
    decoded = drawn.pair.stylise(drawn.content, drawn.style, ALPHA)
    assert ((decoded < 0) | (decoded > 1)).float().mean().item() == pytest.approx(0.027, rel=0.2)


@pytest.mark.parametrize("scale", [1.1, 0.8])
def test_resizing_before_the_statistics_lowers_the_deviation(drawn, scale):
    """By 9 % when the map is resized by the release's jitter factors, while its mean stays within 0.5 %."""
    target = adain(drawn.content, drawn.style)
    resized = functional.interpolate(target, scale_factor=scale, mode="bilinear", align_corners=True)
    before, after = channel_statistics(target), channel_statistics(resized)
    assert (after[1] / before[1]).mean().item() == pytest.approx(0.91, abs=0.01)
    assert relative(after[0], before[0]) < 0.005 + 1e-4


def test_resolution_of_the_condition(drawn):
    """gamma from a label-sized condition is 75 to 81 % of its own size away from that of a /8 condition (H at init)."""
    known = torch.where(drawn.labels == VOID, 0, drawn.labels)
    fine = smooth(functional.one_hot(known, N_CLASSES).permute(0, 3, 1, 2).float())
    coarse = functional.interpolate(fine, (12, 24), mode="area")
    for seed in range(3):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            hallucinator = Hallucinator(N_CLASSES, 128, (32, 64), 2)
            gamma = [hallucinator(condition, (24, 48))[0] for condition in (coarse, fine)]
        assert relative(gamma[1], gamma[0]) == pytest.approx(0.78, abs=0.06)


def test_size_of_gamma_and_beta_at_the_start():
    """The paper's H at init gives mean |gamma| = mean |beta| = 0.14 for random predictions."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        hallucinator = Hallucinator(N_CLASSES, 512, (128, 256), 4)
        maps = hallucinator(torch.softmax(torch.randn(1, 19, 88, 160, generator=generator(4)), 1), (90, 160))
    assert [values.abs().mean().item() for values in maps] == pytest.approx([0.14, 0.14], abs=0.01)


@pytest.mark.parametrize(
    ("experiment", "passes", "share"),
    [
        ("source_only", ["source"], 0.0),
        ("clan", ["source", "stylised"], 0.526),
        ("ash", ["source", "stylised"], 0.526),
        ("ash_release", ["source", "stylised"] * 2, 0.526),
    ],
)
def test_share_of_stylised_images_in_batchnorm(experiment, passes, share):
    """Passes of a step in training mode, and what share of G's own running means is stylised after 60 such steps."""
    changes = {"source_only": {}, "ash": {"noise": "none", "reversal": False}}  # reversal needs a gradient to go on
    method = built(experiment, **changes.get(experiment, {"noise": "none"}))
    given, sources, means = batch(needs=method.settings.needs), [], []
    method.segmenter.register_forward_pre_hook(lambda _, inputs: sources.append(torch.equal(inputs[0], given.image)))
    first = method.segmenter.bn1
    first.register_forward_pre_hook(lambda _, inputs: means.append(inputs[0].detach().double().mean((0, 2, 3))))
    with torch.no_grad():
        for _ in range(60):
            for _ in method.updates(given, 0.5):  # without a step of an optimiser: every step sees the same images
                pass
    count = len(passes)
    assert len(sources) == 60 * count
    assert ["source" if source else "stylised" for source in sources[:count]] == passes
    # The running mean as a sum of the source's mean and that of each stylised image, by least squares over channels.
    kinds = [k for k in range(count) if passes[k] == "stylised"]
    columns = torch.stack([means[0], *(means[k] for k in kinds)], 1)
    shares = torch.linalg.lstsq(columns, first.running_mean.double()).solution
    assert shares.sum().item() == pytest.approx(1, abs=0.002)
    assert shares[1:].sum().item() == pytest.approx(share, abs=0.002)


class Backbone(nn.Module):
    """A player whose backbone is one number, as deep as a block's convolution, and which has no heads."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1, bias=False)))
        nn.init.zeros_(self.weight)

    @property
    def weight(self) -> nn.Parameter:
        """The number."""
        return self.layer1[0][0].weight

    def backbone_parameters(self):
        """The number."""
        return [self.weight]

    def head_parameters(self):
        """None."""
        return []


def test_a_tensor_listed_three_times_moves_three_times_as_far():
    """With a constant gradient it ends at 30 rates a step, by PyTorch's own listing, by `listing: release` and by
    `backbone_multiplier: 3`; else 10.  Its first step is 5.61, 5.61, 3 and 1: three steps with a momentum of 0.9 are one of
    0.729."""
    kind = settings().experiment("ash").training.optimisers["segmenter"]
    changes = {"lr": 1.0, "weight_decay": 0.0, "kind": "sgd", "momentum": 0.9}
    players = [Backbone() for _ in range(4)]
    with pytest.warns(UserWarning, match="duplicate"):
        listed = torch.optim.SGD([players[0].weight] * 3, lr=1.0, momentum=0.9, foreach=False)
    # Today's PyTorch starts a momentum for each listing; that of the release, 1.6, shared one from the first step on.
    listed.state[players[0].weight]["momentum_buffer"] = torch.zeros(1, 1, 1, 1)
    ours = [
        build_optimiser(player, kind.model_copy(update=changes | own))
        for player, own in zip(
            players[1:],
            ({"listing": "release"}, {"backbone_multiplier": 3.0}, {"backbone_multiplier": 1.0}),
            strict=True,
        )
    ]
    moved, first = [], []
    for player, optimiser in zip(players, [listed, *ours], strict=True):
        steps = []
        for _ in range(200):
            before = player.weight.item()
            player.weight.grad = torch.ones(1, 1, 1, 1)
            optimiser.step()
            steps.append(before - player.weight.item())
        first.append(steps[0])
        moved.append(steps[-1])
    assert first == pytest.approx([5.61, 5.61, 3, 1], rel=1e-5)
    assert moved == pytest.approx([30, 30, 30, 10], rel=1e-3)


def test_sizes_that_tell_domains_apart():
    """D's logits for the release's two map sizes: 22x40 and 16x32; with one size they are equal."""
    judge = build_discriminator(DiscriminatorSettings(width=4, strides=(2, 2, 2, 2, 2), map_size=(1280, 720)))
    sizes = [tuple(judge(torch.zeros(1, N_CLASSES, *size)).shape[2:]) for size in ((720, 1280), (512, 1024))]
    assert sizes == [(22, 40), (16, 32)]
    method = built("ash")
    seen = []
    method.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[2:])))
    gradients(method, batch(needs=method.settings.needs))
    assert set(seen) == {(8, 16)}


@pytest.mark.parametrize("name", ["clan", "ash"])
def test_damping_is_a_setting(name):
    """Half-way the adversarial and the weight terms of G are half as large with it as without."""
    changes = {"preheat": 1.0, "noise": "none"}
    damped, steady = (
        gradients(built(name, damping=damping, **changes), batch())["segmenter"].terms for damping in (True, False)
    )
    shares = {term: damped[term].item() / steady[term].item() for term in damped}
    assert shares == pytest.approx({"segmentation": 1.0, "adversarial": 0.5, "weight": 0.5}, rel=1e-4)
