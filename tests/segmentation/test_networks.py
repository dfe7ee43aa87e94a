"""Networks have the sizes that the papers' code has."""

import pytest
import torch

from ash.config import DiscriminatorSettings, SegmenterSettings
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.discriminator import build_discriminator

PAPER = SegmenterSettings(kind="resnet101", width=64, blocks=(3, 4, 23, 3), rates=(6, 12, 18, 24))
SMALL = SegmenterSettings(kind="small", width=32, blocks=(2, 2, 2, 2), rates=(1, 2, 4, 6))
JUDGE = DiscriminatorSettings(width=64, strides=(2, 2, 2, 2, 2), map_size=(1280, 720))


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_resnet101_parameters():
    """Two 19-class heads: 45 301 976 parameters."""
    with torch.device("meta"):
        assert count(build_segmenter(PAPER)) == 45_301_976


@pytest.mark.parametrize(
    ("image", "logits"), [((720, 1280), (91, 161)), ((760, 1280), (96, 161)), ((512, 1024), (65, 129))]
)
def test_resnet101_output_size(image, logits):
    """The ceil-mode pool adds one to an eighth."""
    with torch.device("meta"):
        heads = build_segmenter(PAPER)(torch.empty(1, 3, *image))
    assert [tuple(head.shape) for head in heads] == [(1, 19, *logits)] * 2


def test_resnet101_keys_are_those_of_the_family():
    """Checkpoints of CLAN and ASH name their tensors like this."""
    with torch.device("meta"):
        keys = build_segmenter(PAPER).state_dict().keys()
    for key in ("conv1.weight", "bn1.running_mean", "layer3.22.conv2.weight", "layer1.0.downsample.1.weight"):
        assert key in keys
    for head in ("layer5", "layer6"):
        assert f"{head}.conv2d_list.3.bias" in keys
    assert not any("mean" in key and "running" not in key for key in keys)


def test_stride_sits_in_the_first_convolution():
    """Caffe style: layer2's first 1x1 has the stride, its 3x3 has none."""
    with torch.device("meta"):
        block = build_segmenter(PAPER).layer2[0]
    assert block.conv1.stride == (2, 2)
    assert block.conv2.stride == (1, 1)


def test_frozen_batchnorm():
    """The paper's BatchNorm has no trainable affine part; the small net's has."""
    with torch.device("meta"):
        paper, small = build_segmenter(PAPER), build_segmenter(SMALL)
    assert not paper.layer1[0].bn1.weight.requires_grad
    assert small.layer1[0].bn1.weight.requires_grad


def test_small_net():
    """Width 32 with two blocks a stage: 1.47 M parameters, output stride 8."""
    net = build_segmenter(SMALL)
    assert count(net) == pytest.approx(1.47e6, rel=0.01)
    assert net(torch.rand(2, 3, 96, 192))[0].shape == (2, 19, 12, 24)


@pytest.mark.parametrize("settings", [PAPER, SMALL], ids=["resnet101", "small"])
def test_head_and_backbone_share_nothing(settings):
    """Every parameter is in exactly one of the two groups."""
    with torch.device("meta"):
        net = build_segmenter(settings)
    grouped = [id(p) for p in (*net.head_parameters(), *net.backbone_parameters())]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())


def test_head_is_the_sum_of_all_its_branches():
    """All dilations count, not only the first two."""
    net = build_segmenter(SMALL)
    features = torch.rand(1, 128, 8, 8)
    expected = sum(conv(features) for conv in net.layer5.conv2d_list)
    torch.testing.assert_close(net.layer5(features), expected)


def test_the_paper_net_sees_bgr_minus_mean():
    """A pure red image of value 1 enters as (0, 0, 255) minus the mean, in the order blue, green, red."""
    net = build_segmenter(SegmenterSettings(kind="resnet101", width=4, blocks=(1, 1, 1, 1), rates=(1,)))
    seen = []
    net.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    red = torch.zeros(1, 3, 32, 32)
    red[:, 0] = 1
    net(red)
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([-104.00699, -116.66877, 255 - 122.67891]))


def test_discriminator_parameters():
    """19 classes: 2 781 121 parameters."""
    with torch.device("meta"):
        assert count(build_discriminator(JUDGE)) == 2_781_121


@pytest.mark.parametrize(
    ("image", "logits"), [((720, 1280), (22, 40)), ((512, 1024), (16, 32)), ((760, 1280), (23, 40))]
)
def test_discriminator_output_size(image, logits):
    """Five halvings."""
    with torch.device("meta"):
        assert build_discriminator(JUDGE)(torch.empty(1, 19, *image)).shape == (1, 1, *logits)
