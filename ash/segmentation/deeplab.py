"""DeepLab-v2 with two heads: the published ResNet-101, and a small residual net of the same family.

Chen et al., DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected
CRFs, PAMI 2018; the caffe layout that AdaptSegNet, CLAN and ASH share, with their state-dict keys.  Both take RGB
images (B,3,H,W) in [0,1] and give the logits of each head, (B,19,H/8,W/8) (one more row and column where the ceil-mode
pool adds it); a prediction is the arg max of the sum of the heads.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.config import SegmenterSettings
from ash.labels import N_CLASSES

MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)  # ImageNet, 0-255, of the caffe models
INIT_STD = 0.01


class AtrousHead(nn.Module):
    """3x3 convolutions of several dilations in parallel, summed (all of them: some forks return after the second)."""

    def __init__(self, channels: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        convs = (nn.Conv2d(channels, N_CLASSES, 3, padding=rate, dilation=rate) for rate in rates)
        self.conv2d_list = nn.ModuleList(convs)
        for conv in self.conv2d_list:
            nn.init.normal_(conv.weight, 0, INIT_STD)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """(B,C,h,w) -> logits (B,19,h,w)."""
        return torch.stack([conv(features) for conv in self.conv2d_list]).sum(0)


class DeepLab(nn.Module):
    """What the two networks share: the heads and the order of the stages."""

    layer1: nn.Module
    layer2: nn.Module
    layer3: nn.Module
    layer4: nn.Module
    layer5: AtrousHead
    layer6: AtrousHead

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] to the first features."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """RGB (B,3,H,W) in [0,1] -> logits of both heads."""
        features = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(image)))))
        return self.layer5(features), self.layer6(features)

    def heads(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The parameters of the two heads, in the same order."""
        return list(self.layer5.parameters()), list(self.layer6.parameters())

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """Every parameter of the heads, once."""
        yield from self.layer5.parameters()
        yield from self.layer6.parameters()

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Every parameter that is not a head's, once."""
        heads = {id(p) for p in self.head_parameters()}
        yield from (p for p in self.parameters() if id(p) not in heads)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut; caffe style: the stride sits in the first 1x1."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _projection(inputs, outputs, stride) if project else None

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,4 planes,h/stride,w/stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        return functional.relu(self.bn3(self.conv3(y)) + shortcut, inplace=True)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _projection(inputs, planes, stride) if project and (stride > 1 or inputs != planes) else None

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,planes,h/stride,w/stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(y)) + shortcut, inplace=True)


class ResNet101(DeepLab):
    """DeepLab-v2 on the caffe ResNet-101, 45 301 976 parameters with both heads; BatchNorm's affine part is frozen."""

    mean: Tensor

    def __init__(self, width: int, blocks: tuple[int, int, int, int], rates: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        planes = [width * 2**k for k in range(4)]
        inputs = [width, *(4 * p for p in planes[:3])]
        strides, dilations = (1, 2, 1, 1), (1, 1, 2, 4)
        for k in range(4):
            stage = _stage(Bottleneck, inputs[k], planes[k], blocks[k], strides[k], dilations[k])
            self.add_module(f"layer{k + 1}", stage)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, INIT_STD)
            elif isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)
        self.layer5 = AtrousHead(4 * planes[3], rates)
        self.layer6 = AtrousHead(4 * planes[3], rates)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(1, 3, 1, 1), persistent=False)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> BGR, 0-255, minus mean -> /4."""
        x = image.flip(1) * 255 - self.mean
        return self.maxpool(functional.relu(self.bn1(self.conv1(x)), inplace=True))


class Small(DeepLab):
    """The same family for small images: basic blocks, output stride 8 without a pool, trained from scratch."""

    def __init__(self, width: int, blocks: tuple[int, int, int, int], rates: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        planes = (width, 2 * width, 4 * width, 4 * width)
        inputs = (width, *planes[:3])
        strides, dilations = (2, 2, 1, 1), (1, 1, 2, 4)
        for k in range(4):
            stage = _stage(BasicBlock, inputs[k], planes[k], blocks[k], strides[k], dilations[k])
            self.add_module(f"layer{k + 1}", stage)
        self.layer5 = AtrousHead(planes[3], rates)
        self.layer6 = AtrousHead(planes[3], rates)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> [-1,1] -> /2."""
        return functional.relu(self.bn1(self.conv1(image * 2 - 1)), inplace=True)


def build_segmenter(settings: SegmenterSettings) -> DeepLab:
    """The network that `settings` describes, with initial weights from the global generator, channels last."""
    network = ResNet101 if settings.kind == "resnet101" else Small
    return network(settings.width, settings.blocks, settings.rates).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _stage(
    block: type[Bottleneck] | type[BasicBlock], inputs: int, planes: int, count: int, stride: int, dilation: int
) -> nn.Sequential:
    """`count` blocks; the first has the stride, and a projection shortcut."""
    layers = [block(inputs, planes, stride, dilation, project=True)]
    outputs = planes * block.expansion
    layers += [block(outputs, planes, 1, dilation, project=False) for _ in range(count - 1)]
    return nn.Sequential(*layers)
