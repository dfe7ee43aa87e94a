"""Encoder and decoder: shapes, sizes and the published numbering."""

import pytest
import torch

from ash.style.vgg import Decoder, Encoder, mirror

THIN = (64, "up", 32, 32, "up", 16, 3)


def weights(net: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Shape of each weight, biases left out."""
    return {name: tuple(value.shape) for name, value in net.state_dict().items() if name.endswith("weight")}


def test_paper_encoder_has_the_published_names_and_shapes():
    """Width 64 to relu4_1 is the first 31 modules of vgg_normalised.pth."""
    encoder = Encoder(64, "relu4_1")
    assert len(encoder) == 31
    assert weights(encoder) == {
        "0.weight": (3, 3, 1, 1),
        "2.weight": (64, 3, 3, 3),
        "5.weight": (64, 64, 3, 3),
        "9.weight": (128, 64, 3, 3),
        "12.weight": (128, 128, 3, 3),
        "16.weight": (256, 128, 3, 3),
        "19.weight": (256, 256, 3, 3),
        "22.weight": (256, 256, 3, 3),
        "25.weight": (256, 256, 3, 3),
        "29.weight": (512, 256, 3, 3),
    }


def test_paper_decoder_has_the_published_names_and_shapes():
    """The mirror of it is decoder.pth."""
    assert weights(Decoder(512, mirror(64, "relu4_1"))) == {
        "1.weight": (256, 512, 3, 3),
        "5.weight": (256, 256, 3, 3),
        "8.weight": (256, 256, 3, 3),
        "11.weight": (256, 256, 3, 3),
        "14.weight": (128, 256, 3, 3),
        "18.weight": (128, 128, 3, 3),
        "21.weight": (64, 128, 3, 3),
        "25.weight": (64, 64, 3, 3),
        "28.weight": (3, 64, 3, 3),
    }


def test_a_shallow_encoder_is_mirrored_too():
    """relu3_1 at width 32 is undone by 64 | 64 32 | 32 3."""
    assert mirror(32, "relu3_1") == (64, "up", 64, 32, "up", 32, 3)


@pytest.mark.parametrize(("depth", "stride", "channels"), [("relu3_1", 4, 16), ("relu4_1", 8, 32)])
def test_sizes(depth, stride, channels):
    """Features are smaller by the stride, rounded up; the decoder gives back whole cells."""
    encoder = Encoder(4, depth)
    features = encoder(torch.rand(1, 3, 45, 80))
    assert features.shape == (1, channels, -(-45 // stride), 80 // stride)
    assert Decoder(channels, mirror(4, depth))(features).shape == (1, 3, -(-45 // stride) * stride, 80)


def test_thin_decoder_gives_an_image():
    """The miniature's decoder undoes a stride of 4."""
    assert Decoder(128, THIN)(torch.rand(1, 128, 6, 12)).shape == (1, 3, 24, 48)


def test_taps_are_the_first_relu_of_each_stage():
    """Four taps at strides 1, 2, 4, 8 for relu4_1, the last being the encoder's output."""
    encoder = Encoder(4, "relu4_1")
    image = torch.rand(1, 3, 32, 48)
    taps = encoder.taps(image)
    assert [tuple(tap.shape[1:]) for tap in taps] == [(4, 32, 48), (8, 16, 24), (16, 8, 12), (32, 4, 6)]
    assert torch.equal(taps[-1], encoder(image))


def test_padding_reflects():
    """A constant image gives constant features: zero padding would darken the border."""
    features = Encoder(4, "relu3_1")(torch.full((1, 3, 16, 24), 0.3))
    torch.testing.assert_close(features, features[:, :, :1, :1].expand_as(features))
