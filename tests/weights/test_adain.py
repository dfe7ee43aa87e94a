"""AdaIN's published pair and torchvision's VGG19, in their own key layouts."""

import pytest
import torch
from torch import nn

from ash.errors import CheckpointError, ConfigError
from ash.style.stylizer import PAPER, NetworkSettings, Stylizer
from ash.style.vgg import mirror
from ash.weights.adain import CONVOLUTIONS, import_pair, stylizer_of

THIN = NetworkSettings(width=4, depth="relu4_1", decoder=mirror(4, "relu4_1"))


def adain_files():
    """vgg_normalised.pth goes on to relu5_4; decoder.pth is the mirror of its first 31 modules."""
    torch.manual_seed(0)
    pair = Stylizer(THIN)
    encoder = dict(pair.encoder.state_dict()) | {"32.weight": torch.rand(32, 32, 3, 3), "32.bias": torch.rand(32)}
    return pair, encoder, dict(pair.decoder.state_dict())


def test_the_paper_pair_has_the_published_width():
    """64 channels, relu4_1."""
    assert NetworkSettings(width=64, depth="relu4_1", decoder=mirror(64, "relu4_1")) == PAPER


@pytest.mark.parametrize("prefix", ["", "module."])
def test_adain_pair(prefix):
    """Every weight as far as relu4_1 is taken; what lies beyond is left out."""
    pair, encoder, decoder = adain_files()
    loaded = stylizer_of({prefix + k: v for k, v in encoder.items()}, {prefix + k: v for k, v in decoder.items()})
    assert loaded.settings == THIN
    assert all(torch.equal(value, pair.state_dict()[name]) for name, value in loaded.state_dict().items())


def test_a_decoder_that_does_not_fit():
    """All misfits, by name."""
    _, encoder, decoder = adain_files()
    decoder["1.weight"] = torch.zeros(16, 8, 3, 3)
    del decoder["28.bias"]
    with pytest.raises(CheckpointError) as error:
        stylizer_of(encoder, decoder)
    assert "decoder.1.weight: shape (16, 8, 3, 3), wanted (16, 32, 3, 3)" in str(error.value)
    assert "decoder.28.bias: missing" in str(error.value)


def test_something_else_is_no_encoder():
    """A ResNet in the place of the VGG."""
    with pytest.raises(CheckpointError, match=r"encoder holds conv1\.weight; wanted vgg_normalised\.pth"):
        stylizer_of({"conv1.weight": torch.zeros(4, 3, 7, 7)}, {})


def test_torchvision_vgg_computes_the_same():
    """Away from the border (it pads with zeros, ours reflects) the features are those of its own layers on unit spread."""
    torch.manual_seed(0)
    widths = {
        0: (3, 4),
        2: (4, 4),
        5: (4, 8),
        7: (8, 8),
        10: (8, 16),
        12: (16, 16),
        14: (16, 16),
        16: (16, 16),
        19: (16, 32),
    }
    convolutions = {k: nn.Conv2d(*widths[k], 3, padding=1) for k in CONVOLUTIONS}
    layers = [convolutions.get(k, nn.MaxPool2d(2) if k in (4, 9, 18) else nn.ReLU()) for k in range(21)]
    theirs = nn.Sequential(*layers)
    state = {f"features.{name}": value for name, value in theirs.state_dict().items()}
    state["features.21.weight"] = torch.zeros(32, 32, 3, 3)
    image = torch.rand(1, 3, 192, 192)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        wanted = theirs((image - mean) / std)
        found = stylizer_of(state, None).encode(image)
    middle = slice(8, -8)
    torch.testing.assert_close(found[..., middle, middle], wanted[..., middle, middle], rtol=1e-4, atol=1e-5)


def test_a_pair_does_not_replace_what_it_is_made_of(tmp_path):
    """Neither of the two checkpoints, before either is read."""
    for name in ("e.pth", "d.pth"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("e.pth", "d.pth"):
        with pytest.raises(ConfigError, match=f"{name}: is one of the two checkpoints"):
            import_pair(str(tmp_path / "e.pth"), str(tmp_path / "d.pth"), tmp_path / name)
