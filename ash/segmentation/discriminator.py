"""The output-space discriminator of AdaptSegNet, CLAN and ASH: is a map of class probabilities source or stylised?"""

import torch
from torch import Tensor, nn

from ash.config import DiscriminatorSettings
from ash.labels import N_CLASSES

SLOPE = 0.2


class Discriminator(nn.Module):
    """Probabilities (B,19,h,w) -> domain logits (B,1,.,.); positive means stylised.

    The paper's has five 4x4 convolutions of stride 2 (64, 128, 256, 512, 1 channels; 2 781 121 parameters).  A stride
    of 1 stands for a 3x3 convolution: on small maps five halvings would leave less than a kernel.
    """

    def __init__(self, width: int, strides: tuple[int, ...], map_size: tuple[int, int]) -> None:
        super().__init__()
        self.map_size = (map_size[1], map_size[0])  # (height, width) that probability maps are resized to
        channels = [N_CLASSES, *(width * 2**k for k in range(len(strides) - 1)), 1]
        layers: list[nn.Module] = []
        for k, stride in enumerate(strides):
            kernel = 4 if stride == 2 else 3
            layers += [nn.Conv2d(channels[k], channels[k + 1], kernel, stride, 1), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, probabilities: Tensor) -> Tensor:
        """Domain logits of a map of probabilities."""
        logits: Tensor = self.layers(probabilities)
        return logits


def build_discriminator(settings: DiscriminatorSettings) -> Discriminator:
    """The discriminator that an experiment's `settings` describe, with the framework's initial weights."""
    assert settings.map_size is not None, "an experiment's settings have the size of its source"
    network = Discriminator(settings.width, settings.strides, settings.map_size)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
