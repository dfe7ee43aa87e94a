"""DeepLab-v2: the published ResNet-101, and a small residual net of the same family.

Chen et al., DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected
CRFs, PAMI 2018; the caffe layout that AdaptSegNet, CLAN and ASH share, with their state-dict keys.  Both take RGB
images (B,3,H,W) in [0,1] and give the logits of each head, (B,19,H/8,W/8) (one more row and column where the ceil-mode
pool adds it).  Which heads there are, and which of them a prediction is taken from, is the method's choice (DeepLab).
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Self, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.config import SegmenterSettings
from ash.contract import Heads, InstanceNorm
from ash.errors import ConfigError
from ash.pixels import to_caffe
from ash.segmentation.attention import PositionAttention
from ash.segmentation.blocks import BasicBlock, BatchNorm, Bottleneck, Stage, stages
from ash.segmentation.heads import INIT_STD, AtrousHead, side_by_side

Place = Literal["stem", "layer1", "layer2", "layer3", "layer4"]  # parts of the backbone, in their order
PLACES: tuple[Place, ...] = get_args(Place)
Change = Callable[[Tensor], Tensor]  # of what a part gives, or the same tensor where a method only looks at it
UNCHANGED: Mapping[Place, Change] = MappingProxyType({})


class DeepLab(nn.Module):
    """What the two networks share: the order of the stages, and the heads in one of four layouts.

    | layout    | heads                                  | methods          | prediction        |
    | pair      | layer5 and layer6, both on layer4      | CLAN, ASH        | sum of the logits |
    | auxiliary | layer6 on layer4, layer5 on layer3     | ADVENT           | layer6's          |
    | single    | layer5 on layer4                       | MaxSquare        | layer5's          |
    | attention | layer5 on PositionAttention of layer4  | ASM              | layer5's          |
    """

    conv1: nn.Conv2d
    bn1: nn.Module
    layer1: nn.Module
    layer2: nn.Module
    layer3: nn.Module
    layer4: nn.Module
    layout: Heads
    instance_norm: InstanceNorm = "none"

    def attach(self, layout: Heads, deep: int, shallow: int, rates: tuple[int, ...]) -> None:
        """Make the heads; `deep` and `shallow` are the channels of layer4 and layer3."""
        self.layout = layout
        self.norms = self._norms()
        self.layer5 = AtrousHead(shallow if layout == "auxiliary" else deep, rates)
        if layout in ("pair", "auxiliary"):
            self.layer6 = AtrousHead(deep, rates)
        if layout == "attention":
            self.attention = PositionAttention(deep)

    def normalise(self, kind: InstanceNorm) -> Self:
        """Form b of IBN-Net: InstanceNorm for the stem's BatchNorm, and before the last ReLU of stages 1 and 2.

        Pan et al., ECCV 2018, as the code of Choi et al., CVPR 2021, has it.  "affine": with a weight and a bias a channel.
        ConfigError for a network without residual blocks that end in a ReLU.
        """
        self.instance_norm = kind
        if kind != "none":
            self.bn1 = nn.InstanceNorm2d(self.conv1.out_channels, affine=kind == "affine")
            for place, stage in (("layer1", self.layer1), ("layer2", self.layer2)):
                last: Any = [*stage.children()][-1]
                if not isinstance(last, BasicBlock | Bottleneck):
                    raise ConfigError(
                        f"segmenter: {type(self).__name__} has no place for InstanceNorm; name a kind with residual blocks"
                    )
                last.instance = nn.InstanceNorm2d(self.channels(cast(Place, place)), affine=kind == "affine")
            self.norms = self._norms()
        return self

    def _norms(self) -> tuple[BatchNorm, ...]:
        return tuple(module for module in self.modules() if isinstance(module, BatchNorm))

    def channels(self, place: Place) -> int:
        """Channels of what a part of the backbone gives."""
        part = self.conv1 if place == "stem" else getattr(self, place)
        return [module.out_channels for module in part.modules() if isinstance(module, nn.Conv2d)][-1]

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] to the first features."""
        raise NotImplementedError

    def through(self, x: Tensor, places: Sequence[Place], after: Mapping[Place, Change] = UNCHANGED) -> Tensor:
        """`x` through parts of the backbone in a row; `after` maps a part to what changes, or looks at, what it gives."""
        for place in places:
            x = getattr(self, place)(x)
            if place in after:
                x = after[place](x)
        return x

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """RGB (B,3,H,W) in [0,1] -> logits (B,19,h,w) of each head, the main one first."""
        return self.classify(*self.features(image))

    def features(self, image: Tensor, after: Mapping[Place, Change] = UNCHANGED) -> tuple[Tensor, Tensor]:
        """RGB (B,3,H,W) in [0,1] -> what layer3 and layer4 give; every BatchNorm's count of passes goes up by one.

        `after` as in `through`: SHADE doubles the batch after the stem so.
        """
        if self.training:
            torch._foreach_add_([cast(Tensor, module.num_batches_tracked) for module in self.norms], 1)
        shallow = self.through(image, PLACES[:4], after)
        return shallow, self.through(shallow, PLACES[4:], after)

    def classify(self, shallow: Tensor, deep: Tensor) -> tuple[Tensor, ...]:
        """What layer3 and layer4 give -> logits of each head, the main one first."""
        if self.layout == "pair":
            return side_by_side(self.layer5, self.layer6, deep)
        if self.layout == "auxiliary":
            return self.layer6(deep), self.layer5(shallow)
        return (self.layer5(self.attention(deep) if self.layout == "attention" else deep),)

    def predict(self, image: Tensor) -> Tensor:
        """The logits (B,19,h,w) that a prediction is taken from, float32."""
        heads = self(image)
        return heads[0].float() + heads[1].float() if self.layout == "pair" else heads[0].float()

    def heads(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The parameters of the two heads of a pair, in the same order."""
        return list(self.layer5.parameters()), list(self.layer6.parameters())

    def frozen(self) -> Self:
        """A copy that never learns: in evaluation mode, so that its BatchNorm stays too, and with no gradient for a weight."""
        return copy.deepcopy(self).eval().requires_grad_(False)

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
        for name, stage in stages(Bottleneck, width, planes, blocks, (1, 2, 1, 1)).items():
            self.add_module(name, stage)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, INIT_STD)
            elif isinstance(module, BatchNorm):
                module.requires_grad_(False)
        self.attach(layout, 4 * planes[3], 4 * planes[2], rates)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> /4."""
        first = functional.relu(self.bn1(self.conv1(to_caffe(image))), inplace=self.instance_norm == "none")
        return self.maxpool(first)


class Small(DeepLab):
    """The same family for small images: basic blocks, output stride 8 without a pool, trained from scratch."""

    def __init__(
        self, width: int, blocks: tuple[int, int, int, int], rates: tuple[int, ...], layout: Heads = "pair"
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = BatchNorm(width)
        planes = (width, 2 * width, 4 * width, 4 * width)
        for name, stage in stages(BasicBlock, width, planes, blocks, (2, 2, 1, 1)).items():
            self.add_module(name, stage)
        self.attach(layout, planes[3], planes[2], rates)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> [-1,1] -> /2."""
        return functional.relu(self.bn1(self.conv1(image * 2 - 1)), inplace=self.instance_norm == "none")


def build_segmenter(
    settings: SegmenterSettings, layout: Heads = "pair", instance_norm: InstanceNorm = "none"
) -> DeepLab:
    """The network that `settings` describes, with initial weights from the global generator, channels last."""
    from ash.segmentation.imagenet import EfficientNetLite0, ResNet18  # whose base class is here

    networks = {"resnet101": ResNet101, "resnet18": ResNet18, "efficientnet_lite0": EfficientNetLite0, "small": Small}
    built = networks[settings.kind](settings.width, settings.blocks, settings.rates, layout).normalise(instance_norm)
    return built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
