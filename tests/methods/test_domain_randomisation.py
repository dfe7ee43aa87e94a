"""Domain Randomisation: pooled features, their consistency, and the bank of paintings."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from ash import config, methods
from ash.contract import Needs
from ash.errors import ConfigError
from ash.methods.domain_randomisation import consistency, pyramid
from ash.training.sampler import draw
from tests.support.world import ROOT, batch, built, gradients

NAME = "domain_randomisation"


def test_pyramid_against_plain_means():
    """1 + 4 + 16 means of the parts of each channel, part by part."""
    values = np.random.default_rng(0).normal(size=(2, 3, 8, 12)).astype(np.float32)
    expected = []
    for image in values:
        row = []
        for grid in (1, 2, 4):
            h, w = 8 // grid, 12 // grid
            for channel in image:
                row += [channel[y * h :, x * w :][:h, :w].mean() for y in range(grid) for x in range(grid)]
        expected.append(row)
    found = pyramid(torch.from_numpy(values))
    assert found.shape == (2, 3 * 21)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_equal_renderings_are_consistent():
    """Nothing to pay, and no gradient, where all renderings agree."""
    one = torch.randn(2, 21, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = consistency([one, one, one])
    assert loss.item() == pytest.approx(0, abs=1e-7)


def test_consistency_by_hand():
    """0, 0 and 3 have mean 1: distances 1, 1, 2; and 6, 0, 0 have mean 2: 4, 2, 2; over 3 renderings and 2 numbers."""
    renderings = [torch.tensor([[0.0, 6.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 0.0]])]
    assert consistency(renderings).item() == pytest.approx((1 + 1 + 2 + 4 + 2 + 2) / 6)


def test_the_mean_is_a_constant():
    """The gradient of |x_k - mean| is its sign over the count; through the mean there would be a share of the others'."""
    renderings = [torch.tensor([[value]], requires_grad=True) for value in (0.0, 0.0, 3.0)]
    consistency(renderings).backward()
    assert [x.grad.item() for x in renderings] == pytest.approx([-1 / 3, -1 / 3, 1 / 3])


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_the_segmenter_passes_once_for_each_rendering(copies):
    """1 + m passes of one image each, the source itself first, no two of them equal."""
    method, images = built(NAME, copies=copies), []
    given = batch(needs=method.settings.needs)
    method.segmenter.layer1.register_forward_pre_hook(lambda _, inputs: images.append(inputs[0].detach()))
    entered = []
    features = method.segmenter.features
    method.segmenter.features = lambda image: entered.append(image) or features(image)
    gradients(method, given)
    assert len(images) == len(entered) == 1 + copies
    assert torch.equal(entered[0], given.image)
    for k in range(1 + copies):
        assert entered[k].shape == given.image.shape
        assert not any(torch.allclose(entered[k], other) for other in entered[:k])


def test_each_rendering_has_its_own_painting():
    """The k-th rendering of image i is AdaIN with painting k B + i, alpha mixed, decoded and clamped."""
    method = built(NAME)
    given = batch(needs=method.settings.needs)
    f, mixed = given.content, []
    for k in range(2):
        for i in range(2):
            g = given.style[2 * k + i]
            mu, sigma = f[i].mean((1, 2), keepdim=True), (f[i].var((1, 2), keepdim=True) + 1e-5).sqrt()
            style_mu, style_sigma = g.mean((1, 2), keepdim=True), (g.var((1, 2), keepdim=True) + 1e-5).sqrt()
            styled = (f[i] - mu) / sigma * style_sigma + style_mu
            mixed.append(0.8 * styled + 0.2 * f[i])
    expected = method.stylizer.decode(torch.stack(mixed)).clamp(0, 1)
    found = torch.cat(method.renderings(given))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_loss_against_the_equation():
    """Mean of the renderings' cross-entropies, plus lambda_pc times the distances at layer3 and layer4."""
    method = built(NAME)
    given = batch(needs=method.settings.needs)
    terms = gradients(method, given)["segmenter"].terms
    entropies, pools = [], {3: [], 4: []}
    net = method.segmenter
    for image in (given.image, *method.renderings(given)):
        layer3 = net.layer3(net.layer2(net.layer1(net.stem(image))))
        layer4 = net.layer4(layer3)
        up = functional.interpolate(net.layer5(layer4), given.label.shape[1:], mode="bilinear", align_corners=True)
        entropies.append(functional.cross_entropy(up, given.label).item())
        for k, values in ((3, layer3), (4, layer4)):
            pools[k].append(torch.cat([functional.adaptive_avg_pool2d(values, g).flatten(1) for g in (1, 2, 4)], 1))
    distance = 0.0
    for values in pools.values():
        mean = sum(values) / 3
        distance += sum((value - mean).abs().sum().item() / mean.shape[1] / 2 for value in values) / 3
    assert terms["segmentation"].item() == pytest.approx(sum(entropies) / 3, rel=1e-4)
    assert terms["pyramid"].item() == pytest.approx(0.1 * distance, rel=1e-3)


def paintings(seed: int, steps: range, copies: int = 2, bank: int = 15, size: int = 4) -> np.ndarray:
    """Indices of the paintings of each step, (steps, copies, images)."""
    needs = {"paintings": copies, "bank": bank}
    drawn = [draw(seed, step, size, 100, styles=60, **needs).styles for step in steps]
    return np.stack(drawn).reshape(len(steps), copies, size)


def test_the_bank_stays_the_same():
    """All steps of a run use the same 15 of 60 paintings, and every one of them."""
    early, late = paintings(0, range(40)), paintings(0, range(1000, 1040))
    assert len(np.unique(early)) == 15
    assert np.array_equal(np.unique(early), np.unique(late))


def test_seeds_have_other_banks():
    """Another seed, another 15."""
    banks = {tuple(np.unique(paintings(seed, range(40)))) for seed in range(4)}
    assert len(banks) == 4


@pytest.mark.parametrize(("copies", "bank", "size"), [(2, 2, 4), (2, 15, 4), (3, 3, 1), (4, 5, 2)])
def test_renderings_of_an_image_differ(copies, bank, size):
    """The m paintings of one image in one step are m different ones, also at the end of a round of the bank."""
    for drawn in paintings(0, range(60), copies, bank, size):
        for of_image in drawn.T:
            assert len(set(of_image.tolist())) == copies


def test_the_bank_is_used_evenly():
    """Over many steps no painting of the bank comes more than half again as often as another."""
    counts = np.unique(paintings(0, range(400)), return_counts=True)[1]
    assert counts.max() < 1.5 * counts.min()


def test_needs_follow_the_settings():
    """`copies` paintings an image from a bank of `styles`."""
    assert built(NAME, copies=3, styles=7).settings.needs == Needs(paintings=3, bank=7)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"copies": 16}, "copies 16 exceed styles 15; lower copies or draw more styles"),
        ({"copies": 0}, "copies: found 0; Input should be greater than or equal to 1"),
        ({"styles": 0}, "styles: found 0; Input should be greater than or equal to 1"),
        ({"lambda_pc": -1}, "lambda_pc: found -1"),
    ],
)
def test_impossible_numbers_name_the_experiment(changes, line):
    """The experiment in the title, then one line for the fault, and nothing of the other settings."""
    experiment = config.load(ROOT / "params.yaml").experiment(NAME)
    spoilt = experiment.model_copy(update={"settings": experiment.settings | changes})
    with pytest.raises(ConfigError) as error:
        methods.check_experiment(spoilt)
    title, fault = str(error.value).splitlines()
    assert title == f"experiments.{NAME}: method {NAME}: 1 fault(s)"
    assert line in fault
    assert "segmentation_loss" not in fault
