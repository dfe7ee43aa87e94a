"""DeepLab-v2: the published ResNet-101, and a small residual net of the same family.

Chen et al., DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected
CRFs, PAMI 2018; the caffe layout that AdaptSegNet, CLAN and ASH share, with their state-dict keys.  Both take RGB
images (B,3,H,W) in [0,1] and give the logits of each head, (B,19,H/8,W/8) (one more row and column where the ceil-mode
pool adds it).  Which heads there are, and which of them a prediction is taken from, is the method's choice (DeepLab).
"""

from collections.abc import Iterator
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.config import SegmenterSettings
from ash.contract import Heads
from ash.labels import N_CLASSES
from ash.pixels import to_caffe
from ash.segmentation.attention import PositionAttention
from ash.segmentation.blocks import BasicBlock, BatchNorm, Bottleneck, Stage, stage_of

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
    """What the two networks share: the order of the stages, and the heads in one of four layouts.

    | layout    | heads                                  | methods          | prediction        |
    | pair      | layer5 and layer6, both on layer4      | CLAN, ASH        | sum of the logits |
    | auxiliary | layer6 on layer4, layer5 on layer3     | ADVENT           | layer6's          |
    | single    | layer5 on layer4                       | MaxSquare        | layer5's          |
    | attention | layer5 on PositionAttention of layer4  | ASM              | layer5's          |
    """

    layer1: nn.Module
    layer2: nn.Module
    layer3: nn.Module
    layer4: nn.Module
    layout: Heads

    def attach(self, layout: Heads, deep: int, shallow: int, rates: tuple[int, ...]) -> None:
        """Make the heads; `deep` and `shallow` are the channels of layer4 and layer3."""
        self.layout = layout
        self.norms = tuple(module for module in self.modules() if isinstance(module, BatchNorm))
        self.layer5 = AtrousHead(shallow if layout == "auxiliary" else deep, rates)
        if layout in ("pair", "auxiliary"):
            self.layer6 = AtrousHead(deep, rates)
        if layout == "attention":
            self.attention = PositionAttention(deep)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] to the first features."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """RGB (B,3,H,W) in [0,1] -> logits (B,19,h,w) of each head, the main one first."""
        return self.classify(*self.features(image))

    def features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """RGB (B,3,H,W) in [0,1] -> what layer3 and layer4 give; every BatchNorm's count of passes goes up by one."""
        if self.training:
            torch._foreach_add_([cast(Tensor, module.num_batches_tracked) for module in self.norms], 1)
        shallow = self.layer3(self.layer2(self.layer1(self.stem(image))))
        return shallow, self.layer4(shallow)

    def classify(self, shallow: Tensor, deep: Tensor) -> tuple[Tensor, ...]:
        """What layer3 and layer4 give -> logits of each head, the main one first; a pair is one head of twice the classes.

        19 outputs leave a vector unit half empty: at 1280x720 on a CPU with AVX-512 the pair costs half as much so.
        """
        if self.layout == "pair":
            logits = torch.stack([self._branch(k, deep) for k in range(len(self.layer5.conv2d_list))]).sum(0)
            return logits[:, :N_CLASSES], logits[:, N_CLASSES:]
        if self.layout == "auxiliary":
            return self.layer6(deep), self.layer5(shallow)
        return (self.layer5(self.attention(deep) if self.layout == "attention" else deep),)

    def _branch(self, k: int, deep: Tensor) -> Tensor:
        """The k-th convolutions of both heads side by side, (B,38,h,w)."""
        first: Any = self.layer5.conv2d_list[k]
        second: Any = self.layer6.conv2d_list[k]
        weight, bias = torch.cat([first.weight, second.weight]), torch.cat([first.bias, second.bias])
        return functional.conv2d(deep, weight, bias, 1, first.padding, first.dilation)

    def predict(self, image: Tensor) -> Tensor:
        """The logits (B,19,h,w) that a prediction is taken from, float32."""
        heads = self(image)
        return heads[0].float() + heads[1].float() if self.layout == "pair" else heads[0].float()

    def heads(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The parameters of the two heads of a pair, in the same order."""
        return list(self.layer5.parameters()), list(self.layer6.parameters())

    def recompute(self, wanted: bool) -> Self:
        """Keep the features within blocks for the backward pass, or compute them again then."""
        for module in self.modules():
            if isinstance(module, Stage):
                module.recompute = wanted
        return self

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """Every parameter of the heads and of what belongs to them, once."""
        for name in ("layer5", "layer6", "attention"):
            if hasattr(self, name):
                yield from getattr(self, name).parameters()

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Every parameter that is not a head's, once."""
        heads = {id(p) for p in self.head_parameters()}
        yield from (p for p in self.parameters() if id(p) not in heads)


class ResNet101(DeepLab):
    """DeepLab-v2 on the caffe ResNet-101, 45 301 976 parameters with both heads; BatchNorm's affine part is frozen."""

    def __init__(
        self, width: int, blocks: tuple[int, int, int, int], rates: tuple[int, ...], layout: Heads = "pair"
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = BatchNorm(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        planes = [width * 2**k for k in range(4)]
        inputs = [width, *(4 * p for p in planes[:3])]
        strides, dilations = (1, 2, 1, 1), (1, 1, 2, 4)
        for k in range(4):
            stage = stage_of(Bottleneck, inputs[k], planes[k], blocks[k], strides[k], dilations[k])
            self.add_module(f"layer{k + 1}", stage)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, INIT_STD)
            elif isinstance(module, BatchNorm):
                module.requires_grad_(False)
        self.attach(layout, 4 * planes[3], 4 * planes[2], rates)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> /4."""
        return self.maxpool(functional.relu(self.bn1(self.conv1(to_caffe(image))), inplace=True))


class Small(DeepLab):
    """The same family for small images: basic blocks, output stride 8 without a pool, trained from scratch."""

    def __init__(
        self, width: int, blocks: tuple[int, int, int, int], rates: tuple[int, ...], layout: Heads = "pair"
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = BatchNorm(width)
        planes = (width, 2 * width, 4 * width, 4 * width)
        inputs = (width, *planes[:3])
        strides, dilations = (2, 2, 1, 1), (1, 1, 2, 4)
        for k in range(4):
            stage = stage_of(BasicBlock, inputs[k], planes[k], blocks[k], strides[k], dilations[k])
            self.add_module(f"layer{k + 1}", stage)
        self.attach(layout, planes[3], planes[2], rates)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> [-1,1] -> /2."""
        return functional.relu(self.bn1(self.conv1(image * 2 - 1)), inplace=True)


def build_segmenter(settings: SegmenterSettings, layout: Heads = "pair") -> DeepLab:
    """The network that `settings` describes, with initial weights from the global generator, channels last."""
    from ash.segmentation.imagenet import EfficientNetLite0, ResNet18  # whose base class is here

    networks = {"resnet101": ResNet101, "resnet18": ResNet18, "efficientnet_lite0": EfficientNetLite0, "small": Small}
    built = networks[settings.kind](settings.width, settings.blocks, settings.rates, layout)
    return built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
