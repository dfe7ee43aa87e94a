"""Checkpoints of the DeepLab-v2 family, in their own key layouts, become ours and come back."""

import pytest
import torch

from ash.config import SegmenterSettings
from ash.errors import CheckpointError
from ash.segmentation.deeplab import build_segmenter
from ash.weights.family import to_family, to_ours

THIN = SegmenterSettings(kind="resnet101", width=4, blocks=(1, 2, 3, 1), rates=(6, 12, 18, 24))
ASM = {"attention.query": "PAM.query_conv", "attention.key": "PAM.key_conv", "attention.value": "PAM.value_conv"}


def published(layout, prefix="", **changes):
    """What the authors' program would save for a network of this layout, with distinct values everywhere."""
    torch.manual_seed(1)
    state = build_segmenter(THIN, layout).state_dict()
    state = {name: torch.randn(value.shape) if value.is_floating_point() else value for name, value in state.items()}
    state = {name: value.abs() if name.endswith("running_var") else value for name, value in state.items()}
    for ours, theirs in ASM.items():
        state = {name.replace(ours, theirs): value for name, value in state.items()}
    state = {name.replace("attention.share", "PAM.gamma"): value for name, value in state.items()} | changes
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "Scale.", "module.Scale."])
@pytest.mark.parametrize("layout", ["pair", "auxiliary", "single", "attention"])
def test_every_layout_is_told_from_its_tensors(layout, prefix):
    """Settings, layout and every value are found, with or without a leading module name, and go back unchanged."""
    theirs = published(layout, prefix)
    state, settings, found = to_ours(theirs)
    assert (settings, found) == (THIN, layout)
    build_segmenter(settings, found).load_state_dict(state)
    back = to_family(state)
    assert {prefix + name for name in back} == theirs.keys()
    assert all(torch.equal(value, theirs[prefix + name]) for name, value in back.items())


def test_one_head_named_layer6_is_the_head():
    """ADVENT with one level calls its head layer6."""
    theirs = {name.replace("layer5.", "layer6."): value for name, value in published("single").items()}
    state, _, layout = to_ours(theirs)
    assert layout == "single"
    assert torch.equal(state["layer5.conv2d_list.0.bias"], theirs["layer6.conv2d_list.0.bias"])


def test_old_checkpoints_do_not_count_batches():
    """PyTorch 0.4.0 and older save no num_batches_tracked."""
    theirs = {name: value for name, value in published("pair").items() if "num_batches" not in name}
    assert to_ours(theirs)[0]["bn1.num_batches_tracked"] == 0


def test_branches_that_a_program_never_sums():
    """AdaptSegNet's head holds four convolutions and returns after two."""
    state, settings, _ = to_ours(published("single"), branches=2)
    assert settings.rates == (6, 12)
    assert "layer5.conv2d_list.1.weight" in state and "layer5.conv2d_list.2.weight" not in state


def test_wrong_class_count_is_one_line():
    """The DeepLab init has 21 classes: found, wanted, remedy; its backbone alone is taken."""
    heads = {f"layer5.conv2d_list.{k}.weight": torch.zeros(21, 64, 3, 3) for k in range(4)}
    heads |= {f"layer5.conv2d_list.{k}.bias": torch.zeros(21) for k in range(4)}
    theirs = published("single", "Scale.", **heads)
    with pytest.raises(CheckpointError, match=r"^layer5 has 21 classes, wanted 19; import the backbone alone.*$"):
        to_ours(theirs)
    state, _, layout = to_ours(theirs, backbone=True)
    assert layout is None
    assert not any(name.startswith("layer5") for name in state)


def test_all_that_does_not_fit_is_listed():
    """A missing, a misshapen and an unknown tensor each get a line."""
    theirs = published("pair", **{"conv1.weight": torch.zeros(4, 1, 7, 7), "conv1.bias": torch.zeros(4)})
    del theirs["layer3.2.bn3.running_var"]
    with pytest.raises(CheckpointError) as error:
        to_ours(theirs)
    for line in ("conv1.weight: shape (4, 1, 7, 7)", "layer3.2.bn3.running_var: missing", "conv1.bias: not expected"):
        assert line in str(error.value)


def test_another_network_is_refused():
    """A VGG is no ResNet."""
    with pytest.raises(CheckpointError, match=r"holds features; wanted a ResNet of the DeepLab-v2 family"):
        to_ours({"features.0.weight": torch.zeros(4, 3, 3, 3)})


def test_stem_of_torchvision_sees_what_it_was_trained_on():
    """Stem and BatchNorm on BGR minus mean give what torchvision's give on RGB of unit spread, away from the border."""
    theirs = {name: value for name, value in published("single").items() if not name.startswith("layer5")}
    theirs["bn1.running_var"] = torch.rand(4) + 0.5
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    image = torch.rand(1, 3, 32, 48)
    features = torch.nn.functional.conv2d(
        (image - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1), theirs["conv1.weight"], stride=2, padding=3
    )
    wanted = torch.nn.functional.batch_norm(
        features, theirs["bn1.running_mean"], theirs["bn1.running_var"], theirs["bn1.weight"], theirs["bn1.bias"]
    )
    state, settings, _ = to_ours(theirs | {"fc.weight": torch.zeros(1000, 128), "fc.bias": torch.zeros(1000)})
    network = build_segmenter(settings).eval()
    network.load_state_dict(state, strict=False)
    seen = []
    network.bn1.register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    with torch.no_grad():
        network(image)
    torch.testing.assert_close(seen[0][:, :, 2:-2, 2:-2], wanted[:, :, 2:-2, 2:-2], rtol=1e-3, atol=1e-3)
