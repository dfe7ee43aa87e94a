"""Networks have the sizes that the papers' code has."""

import pytest
import torch

from ash.config import DiscriminatorSettings, SegmenterSettings
from ash.segmentation.attention import PositionAttention
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.discriminator import build_discriminator

PAPER = SegmenterSettings(kind="resnet101", width=64, blocks=(3, 4, 23, 3), rates=(6, 12, 18, 24))
SMALL = SegmenterSettings(kind="small", width=32, blocks=(2, 2, 2, 2), rates=(1, 2, 4, 6))
LAYOUTS = ("pair", "auxiliary", "single", "attention")
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


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("settings", [PAPER, SMALL], ids=["resnet101", "small"])
def test_head_and_backbone_share_nothing(settings, layout):
    """Every parameter is in exactly one of the two groups."""
    with torch.device("meta"):
        net = build_segmenter(settings, layout)
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


def head_size(channels: int) -> int:
    """Four 3x3 convolutions to 19 classes, with biases."""
    return 4 * (9 * channels * 19 + 19)


def test_parameters_of_each_layout():
    """The backbone has 42 500 160; to it come two heads on 2048 channels, or one of them on 1024, or one, with or
    without the attention's two 1x1 convolutions to 256 and one to 2048 channels and its share."""
    attention = 2 * (2048 * 256 + 256) + 2048 * 2048 + 2048 + 1
    extra = {
        "pair": 2 * head_size(2048),
        "auxiliary": head_size(2048) + head_size(1024),
        "single": head_size(2048),
        "attention": head_size(2048) + attention,
    }
    with torch.device("meta"):
        for layout in LAYOUTS:
            assert count(build_segmenter(PAPER, layout)) == 42_500_160 + extra[layout], layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_prediction_is_taken_from(layout):
    """The sum of a pair's logits, else the logits of the one head on layer4; all heads have layer4's size."""
    net = build_segmenter(SMALL, layout).eval()
    image = torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        shallow, deep = net.features(image)
        expected = {
            "pair": lambda: net.layer5(deep) + net.layer6(deep),
            "auxiliary": lambda: net.layer6(deep),
            "single": lambda: net.layer5(deep),
            "attention": lambda: net.layer5(deep),  # whose share of the mixture is still 0
        }[layout]()
        torch.testing.assert_close(net.predict(image), expected)
        heads = net(image)
    assert len(heads) == (2 if layout in ("pair", "auxiliary") else 1)
    assert {tuple(head.shape) for head in heads} == {tuple(expected.shape)}


def test_the_auxiliary_head_reads_layer3():
    """The second head of ADVENT's layout is layer5 on layer3, which has fewer channels in the paper's net."""
    net = build_segmenter(SMALL, "auxiliary")
    image = torch.rand(1, 3, 32, 64)
    shallow, _ = net.features(image)
    torch.testing.assert_close(net(image)[1], net.layer5(shallow))
    with torch.device("meta"):
        paper = build_segmenter(PAPER, "auxiliary")
    assert [head.conv2d_list[0].in_channels for head in (paper.layer6, paper.layer5)] == [2048, 1024]


def test_attention_starts_as_the_identity():
    """The share of the mixture is 0: features pass unchanged, and the share gets a gradient all the same."""
    block = PositionAttention(16)
    features = torch.randn(2, 16, 3, 5)
    assert torch.equal(block(features), features)
    block(features).square().sum().backward()
    assert block.share.grad.abs().item() > 0


def test_attention_against_a_plain_softmax():
    """x_j + share sum_i softmax_i(q_j . k_i) v_i over all cells i, without the 1 / sqrt(d) of transformers."""
    torch.manual_seed(0)
    block = PositionAttention(16)
    block.share.data.fill_(0.7)
    features = torch.randn(2, 16, 3, 4)
    found = block(features)
    q, k, v = (
        torch.einsum("oc,bcn->bon", conv.weight[:, :, 0, 0], features.flatten(2)) + conv.bias[:, None]
        for conv in (block.query, block.key, block.value)
    )
    assert q.shape[1] == 2
    for b in range(2):
        for j in range(12):
            scores = torch.stack([q[b, :, j] @ k[b, :, i] for i in range(12)])
            weights = scores.exp() / scores.exp().sum()
            mixture = sum(weights[i] * v[b, :, i] for i in range(12))
            expected = features[b].flatten(1)[:, j] + 0.7 * mixture
            torch.testing.assert_close(found[b].flatten(1)[:, j], expected, atol=1e-4, rtol=1e-4)
