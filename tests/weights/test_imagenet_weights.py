"""A training starts from ImageNet weights of torchvision's or a package's network: imported once, then loaded by each run."""

import pytest
import torch

from ash.files.torchvision import torchvision
from ash.segmentation.deeplab import build_segmenter
from ash.weights.checkpoints import check_initial, import_checkpoint, load_initial
from tests.segmentation.test_imagenet import LITE, R18, published


def resnet18():
    torch.manual_seed(0)
    return torchvision().models.resnet18(weights=None).state_dict()


@pytest.mark.parametrize(
    ("settings", "state", "name", "theirs"),
    [
        (R18, resnet18, "layer4.1.conv2.weight", "layer4.1.conv2.weight"),
        (LITE, published, "layer3.2.depthwise.weight", "_blocks.7._depthwise_conv.weight"),
    ],
)
def test_a_training_starts_from_them(tmp_path, settings, state, name, theirs):
    """The backbone is theirs, the heads keep their random weights; the check before a run finds nothing wrong."""
    source, imported = tmp_path / "theirs.pth", tmp_path / "segmenter.safetensors"
    torch.save(state(), source)
    check_initial(source, settings)
    import_checkpoint(str(source), imported, backbone=True, branches=None)
    network = build_segmenter(settings, "pair")
    heads = network.layer5.conv2d_list[0].weight.clone()
    load_initial(imported, network)
    assert torch.equal(network.state_dict()[name], state()[theirs])
    assert torch.equal(network.layer5.conv2d_list[0].weight, heads)
