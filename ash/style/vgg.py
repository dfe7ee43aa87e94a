"""A VGG19-shaped encoder and its nearest-upsampling decoder, at any width.

The layout is that of pytorch-AdaIN (naoto0804): a leading 1x1 convolution that turns RGB in [0, 1] into what the filters
expect, then 3x3 convolutions behind reflection padding.  Both nets are plain sequences with that code's numbering, so
that the published `vgg_normalised.pth` and `decoder.pth` fit width 64, relu4_1 by name and shape.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from ash.style.padding import DoubledPad, ReflectionPad

Depth = Literal["relu3_1", "relu4_1"]
DecoderLayer = int | Literal["up"]

# Convolutions as multiples of the width, pools between the stages; each depth ends with the first ReLU of its stage.
ENCODERS: dict[str, tuple[int | Literal["pool"], ...]] = {
    "relu3_1": (1, 1, "pool", 2, 2, "pool", 4),
    "relu4_1": (1, 1, "pool", 2, 2, "pool", 4, 4, 4, 4, "pool", 8),
}
STRIDE: dict[str, int] = {"relu3_1": 4, "relu4_1": 8}  # pixels of the image per cell of the deepest features


class Encoder(nn.Sequential):
    """The first layers of a VGG19 of a given width (64 is the published one).

    Takes RGB (B, 3, H, W) in [0, 1] and gives the ReLU named by `depth`, (B, channels, ceil(H/stride), ceil(W/stride)).
    """

    def __init__(self, width: int, depth: Depth) -> None:
        """Build the layers; weights are the framework's defaults."""
        layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
        channels = 3
        for layer in ENCODERS[depth]:
            if layer == "pool":
                layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
            else:
                layers += [*_convolution(channels, layer * width), nn.ReLU()]
                channels = layer * width
        super().__init__(*layers)
        self.channels = channels
        self.stride = STRIDE[depth]

    def taps(self, image: Tensor) -> list[Tensor]:
        """The first ReLU of every stage (relu1_1, relu2_1, ...), the deepest last."""
        taps: list[Tensor] = []
        stage_begins = True
        for layer in self:
            image = layer(image)
            if isinstance(layer, nn.MaxPool2d):
                stage_begins = True
            elif isinstance(layer, nn.ReLU) and stage_begins:
                taps.append(image)
                stage_begins = False
        return taps


class Decoder(nn.Sequential):
    """Features (B, channels, h, w) to an image of about [0, 1] in RGB; the output is not clamped.

    `layers` names the channels of each 3x3 convolution, with "up" for a nearest upsampling by 2; a ReLU follows every
    convolution but the last.
    """

    def __init__(self, channels: int, layers: Sequence[DecoderLayer]) -> None:
        """Build the layers; weights are the framework's defaults."""
        modules: list[nn.Module] = []
        for layer in layers:
            if layer == "up":
                modules.append(nn.Upsample(scale_factor=2, mode="nearest"))
                continue
            padding, convolution = _convolution(channels, layer)
            if modules and isinstance(modules[-1], nn.Upsample):  # in one, in its place, so that the numbering stays
                modules[-1], padding = DoubledPad(), nn.Identity()
            modules += [padding, convolution, nn.ReLU()]
            channels = layer
        super().__init__(*modules[:-1])


def mirror(width: int, depth: Depth) -> tuple[DecoderLayer, ...]:
    """The decoder's layers that mirror an encoder: the published decoder for width 64, relu4_1."""
    layers: list[DecoderLayer] = []
    below = 3  # a mirrored convolution gives what its counterpart takes: the channels of the convolution below that
    for layer in ENCODERS[depth]:
        if layer == "pool":
            layers.append("up")
        else:
            layers.append(below)
            below = layer * width
    return tuple(reversed(layers))


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3x3 convolution behind reflection padding: modules of their own, as in the published files' numbering."""
    return [ReflectionPad(), nn.Conv2d(inputs, outputs, 3)]
