"""DeepLabV3+ as RobustNet and its descendants have it (ISW, SHADE, WildNet, BlindNet, PASTA): to score, not to train.

Chen et al., Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation, ECCV 2018, with plain
convolutions and the names of github.com/shachoi/RobustNet, `network/deepv3.py`.  Differs from DeepLab-v2 here: RGB by
ImageNet's mean and deviation, strides in the 3x3 convolutions, a stem of three 3x3 convolutions in the ResNet-101, batch
normalised ASPP with image pooling, a decoder that takes layer1 too, and InstanceNorm in place of, or behind, some norms.
The auxiliary head, which only its training has, is left out.
"""

from typing import Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ash.config import Section
from ash.contract import InstanceNorm
from ash.labels import N_CLASSES
from ash.pixels import imagenet_normal

ASPP, FINE = 256, 48  # channels of each branch of the ASPP and of the decoder, and of what the decoder takes of layer1
RATES = (6, 12, 18)  # dilations of the ASPP at a sixteenth of the image's size
DILATIONS = {16: (1, 1, 1, 2), 8: (1, 1, 2, 4)}  # output stride -> of the 3x3 convolutions of layer1 to layer4


class V3PlusSettings(Section):
    """What the network is; `instance_norms` are those of the stem's last norm and at the end of layer1 to layer4.

    "plain" are without weights, as whitening (IW, ISW) leaves them, "affine" with, as in IBN-Net.
    """

    kind: Literal["deeplab_v3plus"] = "deeplab_v3plus"
    width: int = Field(ge=4, le=1024, description="planes of layer1, 64 in a ResNet")
    blocks: tuple[int, int, int, int] = Field(description="residual blocks a stage")
    stem: Literal["7x7", "3x3"] = Field(description="one convolution (ResNet-50) or three (ResNet-101)")
    output_stride: Literal[8, 16]
    instance_norms: tuple[InstanceNorm, InstanceNorm, InstanceNorm, InstanceNorm, InstanceNorm]


class _Block(nn.Module):
    """1x1, 3x3 (strided, dilated), 1x1 with a shortcut; an InstanceNorm, if there is one, stands before the last ReLU."""

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, project: bool, norm: InstanceNorm) -> None:
        super().__init__()
        outputs = 4 * planes
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        if project:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        if norm != "none":
            self.instance_norm_layer = nn.InstanceNorm2d(outputs, affine=norm == "affine")

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,4 planes,h/stride,w/stride)."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y)) + (self.downsample(x) if hasattr(self, "downsample") else x)
        return functional.relu(self.instance_norm_layer(y) if hasattr(self, "instance_norm_layer") else y)


class _Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: image pooling, 1x1, and 3x3 at three dilations, side by side."""

    def __init__(self, inputs: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        wide = (_convolved(inputs, ASPP, 3, rate) for rate in rates)
        self.features = nn.ModuleList([_convolved(inputs, ASPP, 1), *wide])
        self.img_conv = _convolved(inputs, ASPP, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,5*256,h,w), the pooled image first."""
        pooled = self.img_conv(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        return torch.cat([pooled, *(feature(x) for feature in self.features)], 1)


class DeepLabV3Plus(nn.Module):
    """The network; takes RGB (B,3,H,W) in [0,1]."""

    def __init__(self, settings: V3PlusSettings) -> None:
        super().__init__()
        planes = [settings.width * 2**k for k in range(4)]
        self.layer0 = _stem(settings)
        inputs = [planes[0] * (2 if settings.stem == "3x3" else 1), *(4 * p for p in planes[:3])]
        dilations = DILATIONS[settings.output_stride]
        for k in range(4):
            stride = 2 if k and dilations[k] == 1 else 1
            norms: list[InstanceNorm] = ["none"] * settings.blocks[k]
            norms[-1] = settings.instance_norms[k + 1]
            stage = [_Block(inputs[k], planes[k], stride, dilations[k], True, norms[0])]
            stage += [_Block(4 * planes[k], planes[k], 1, dilations[k], False, norm) for norm in norms[1:]]
            self.add_module(f"layer{k + 1}", nn.Sequential(*stage))
        self.aspp = _Pyramid(4 * planes[3], tuple(rate * 16 // settings.output_stride for rate in RATES))
        self.bot_fine = _convolved(4 * planes[0], FINE, 1)
        self.bot_aspp = _convolved(5 * ASPP, ASPP, 1)
        self.final1 = nn.Sequential(*_convolved(ASPP + FINE, ASPP, 3, 1), *_convolved(ASPP, ASPP, 3, 1))
        self.final2 = nn.Sequential(nn.Conv2d(ASPP, N_CLASSES, 1))

    def forward(self, image: Tensor) -> Tensor:
        """RGB (B,3,H,W) in [0,1] -> logits (B,19,H/4,W/4)."""
        low = cast(Tensor, self.layer1(self.layer0(imagenet_normal(image))))  # type: ignore[operator]
        high = self.bot_aspp(self.aspp(self.layer4(self.layer3(self.layer2(low)))))  # type: ignore[operator]
        high = functional.interpolate(high, low.shape[2:], mode="bilinear", align_corners=True)
        return cast(Tensor, self.final2(self.final1(torch.cat([self.bot_fine(low), high], 1))))

    def predict(self, image: Tensor) -> Tensor:
        """The logits (B,19,H/4,W/4) that a prediction is taken from, float32."""
        return self(image).float()


def _stem(settings: V3PlusSettings) -> nn.Sequential:
    """To a quarter of the image's size; each convolution has a norm and a ReLU behind it, the last norm may be another."""
    width, last = settings.width, settings.instance_norms[0]
    if settings.stem == "7x7":
        convolutions = [nn.Conv2d(3, width, 7, 2, 3, bias=False)]
    else:
        sizes = ((3, width, 2), (width, width, 1), (width, 2 * width, 1))
        convolutions = [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False) for inputs, outputs, stride in sizes]
    layers: list[nn.Module] = []
    for convolution in convolutions:
        channels = convolution.out_channels
        instance = last != "none" and convolution is convolutions[-1]
        norm = nn.InstanceNorm2d(channels, affine=last == "affine") if instance else nn.BatchNorm2d(channels)
        layers += [convolution, norm, nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(3, 2, 1))


def _convolved(inputs: int, outputs: int, size: int, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, BatchNorm, ReLU."""
    padding = dilation if size > 1 else 0
    convolution = nn.Conv2d(inputs, outputs, size, 1, padding, dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
