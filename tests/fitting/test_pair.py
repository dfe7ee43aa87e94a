"""The fit of a stylizer from nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from ash.errors import DataError, NonFiniteError, ShapeError
from ash.fitting.crops import Crops, recolour, to_tensor
from ash.fitting.pair import RefitSettings, equalise, fold_batchnorm, initialise, refit, with_batchnorm
from ash.fitting.quality import quality
from ash.labels import VOID
from ash.style.adain import channel_statistics
from ash.style.stylizer import NetworkSettings, Stylizer
from ash.style.vgg import Encoder

NETWORK = NetworkSettings(width=4, depth="relu3_1", decoder=(8, "up", 4, "up", 3))
SETTINGS = RefitSettings(
    network=NETWORK,
    seed=3,
    reconstruct_iterations=2,
    stylise_iterations=2,
    batch=3,
    crop=16,
    reconstruct_rate=4.0e-3,
    stylise_rate=1.0e-3,
    warmup=1,
    painting_share=0.4,
    class_weight=0.2,
    style_weight=10.0,
    reconstruction_weight=3.0,
    precision="fp32",
)


@pytest.fixture
def world() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Two sources of 3 images with labels, and 4 paintings, 24x32, of noise."""
    random = np.random.default_rng(0)
    images = {name: random.integers(0, 256, (3, 24, 32, 3), np.uint8) for name in ("gta5", "synthia")}
    labels = {name: random.integers(0, 19, (3, 24, 32), np.uint8) for name in images}
    return images, labels, random.integers(0, 256, (4, 24, 32, 3), np.uint8)


def fit(world, settings=SETTINGS) -> tuple[Stylizer, list[dict]]:
    """Fit, keeping the log."""
    log: list[dict] = []
    return refit(*world, settings, log, lambda done, total: None), log


def test_equal_settings_give_equal_bytes(world):
    """Two fits agree to the byte, whatever the state of the global generator; another seed differs."""
    torch.manual_seed(1)
    first = fit(world)[0].serialise()
    torch.manual_seed(2)
    assert fit(world)[0].serialise() == first
    assert fit(world, SETTINGS.model_copy(update={"seed": 4}))[0].serialise() != first


def test_returned_pair_is_the_saved_one(world):
    """Weights are half floats already, finite and frozen; each stage left a line in the log."""
    stylizer, log = fit(world)
    for parameter in stylizer.parameters():
        assert torch.equal(parameter, parameter.half().float()) and parameter.isfinite().all()
        assert not parameter.requires_grad
    assert [(line["stage"], line["iteration"]) for line in log] == [("reconstruct", 2), ("restyle", 2)]


def test_progress_counts_both_stages(world):
    """Progress runs from 1 to the sum of both stages."""
    seen: list[tuple[int, int]] = []
    refit(*world, SETTINGS, [], lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_learning_lowers_the_reconstruction_error(world):
    """Forty iterations on coarse images reconstruct them better than one does."""
    images, labels, paintings = world
    coarse = {name: np.broadcast_to(array[:, :1, :1], array.shape).copy() for name, array in images.items()}
    errors = []
    for iterations in (1, 40):
        settings = SETTINGS.model_copy(update={"reconstruct_iterations": iterations, "stylise_iterations": 1})
        stylizer = fit((coarse, labels, paintings), settings)[0]
        errors.append(quality(stylizer, coarse["gta5"], paintings[:3])["l1_source"])
    assert errors[1] < errors[0]


def test_divergence_names_the_term(world):
    """A rate that blows up stops the fit and names the step and the term."""
    settings = SETTINGS.model_copy(update={"reconstruct_rate": 1e30, "reconstruct_iterations": 20})
    with pytest.raises(NonFiniteError, match=r"step \d+: \w+\.\w+ = "):
        fit(world, settings)


def test_folding_batchnorm_changes_nothing():
    """The net with BatchNorm in evaluation mode and the folded plain net agree."""
    torch.manual_seed(0)
    encoder = Encoder(4, "relu3_1")
    trained = with_batchnorm(encoder)
    for _ in range(3):
        trained(torch.rand(4, 3, 16, 16))
    for layer in trained:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    image = torch.rand(2, 3, 16, 16)
    before = trained.eval()(image)
    fold_batchnorm(trained)
    torch.testing.assert_close(encoder(image), before, atol=1e-5, rtol=1e-4)


def test_equalised_channels_have_unit_deviation_and_the_same_image(world):
    """Scaling the channels is undone by the decoder; live channels end with deviation near 1."""
    stylizer = Stylizer(NETWORK)
    initialise(stylizer, torch.Generator().manual_seed(0))
    image = to_tensor(world[0]["gta5"])
    before = stylizer.decode(stylizer.encode(image))
    equalise(stylizer, Crops(*world, size=16, seed=0))
    torch.testing.assert_close(stylizer.decode(stylizer.encode(image)), before, atol=1e-4, rtol=1e-3)
    deviation = stylizer.encode(image).std((0, 2, 3))
    assert (deviation < 2).all() and deviation.median() > 0.5


def test_crops_are_cut_from_the_data(world):
    """A crop of a source is a window of one of its images, mirrored or not, and its label the same window."""
    images, labels, paintings = world
    batch, label_ids = Crops(images, labels, paintings, size=24, seed=0).batch(8, paintings=0.0, augmented=0.0)
    windows = {
        (image[:, left : left + 24][:, ::step].tobytes(), label[:, left : left + 24][:, ::step].tobytes())
        for name in images
        for image, label in zip(images[name], labels[name], strict=True)
        for left in range(9)
        for step in (1, -1)
    }
    pixels = (batch.permute(0, 2, 3, 1) * 255).round().byte().numpy()
    for crop, label in zip(pixels, label_ids.byte().numpy(), strict=True):
        assert (crop.tobytes(), label.tobytes()) in windows


def test_paintings_have_no_class(world):
    """Crops of paintings are void everywhere."""
    assert (Crops(*world, size=16, seed=0).batch(4, paintings=1.0, augmented=0.0)[1] == VOID).all()


def test_recolouring_keeps_grey_grey_but_for_the_offset():
    """The axis of the hue's rotation is grey: without offset, mid-grey does not move."""
    grey = torch.full((1, 3, 4, 4), 0.5)

    class Still:
        def uniform(self, low, high, shape):
            return np.zeros(shape) if low == -0.15 else np.full(shape, 0.9 * high)

    torch.testing.assert_close(recolour(grey, Still()), grey)


def test_too_small_images_and_foreign_labels_are_refused(world):
    """Sets that cannot serve a crop, or labels of another size, are named."""
    images, labels, paintings = world
    with pytest.raises(DataError, match="gta5.*32x32"):
        Crops(images, labels, paintings, size=32, seed=0)
    with pytest.raises(ShapeError, match="synthia"):
        Crops(images, {**labels, "synthia": labels["synthia"][:, :12]}, paintings, size=16, seed=0)


def test_perfect_style_transfer_leaves_nothing():
    """Where decoder and encoder undo each other, the style left is 0 and the reconstruction exact."""

    class Identity(nn.Module):
        encode = staticmethod(lambda image: image)
        decode = staticmethod(lambda features: features)

    random = np.random.default_rng(0)
    contents, paintings = (random.integers(100, 156, (2, 8, 8, 3), np.uint8) for _ in range(2))
    scores = quality(Identity(), contents, paintings)
    assert scores["l1_source"] == scores["l1_paintings"] == 0
    assert scores["style_left"] < 1e-5 and scores["content_error"] < 1e-5


def test_statistics_of_the_read_tensor():
    """uint8 0 and 255 become 0 and 1, channels first."""
    pixels = np.zeros((1, 2, 2, 3), np.uint8)
    pixels[..., 1] = 255
    mean, _ = channel_statistics(to_tensor(pixels))
    assert mean.flatten().tolist() == [0.0, 1.0, 0.0]
