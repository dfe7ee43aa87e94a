"""The trained segmenter's file."""

import pytest
import torch

from ash.config import SegmenterSettings
from ash.errors import AshError, CheckpointError, ConfigError
from ash.files.tensors import pack, unpack
from ash.segmentation.deeplab import build_segmenter
from ash.weights.checkpoints import export_checkpoint, load_initial
from ash.weights.model import load_model, save_model

CPU = torch.device("cpu")
SMALL = SegmenterSettings(kind="small", width=8, blocks=(1, 1, 1, 1), rates=(1, 2))
NOTES = {"run": "a" * 64, "segmenter": SMALL.model_dump(mode="json"), "heads": "single"}


@pytest.fixture
def network():
    """A small segmenter."""
    return build_segmenter(SMALL, "single")


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
@pytest.mark.parametrize("use", [load_model, export_checkpoint, load_initial])
def test_weights_that_are_not_finite_are_refused(tmp_path, network, value, use):
    """To score, to export and to start a training from; the line names file and tensor."""
    state = network.state_dict()
    state["layer2.0.conv1.weight"][0, 0] = value
    (tmp_path / "m.safetensors").write_bytes(pack(state, NOTES))
    last = {load_model: CPU, export_checkpoint: tmp_path / "o.pth", load_initial: network}[use]
    with pytest.raises(CheckpointError, match=r"m\.safetensors.*\s.*layer2\.0\.conv1\.weight.*not finite|conv1"):
        use(tmp_path / "m.safetensors", last)
    assert not (tmp_path / "o.pth").exists()


@pytest.mark.parametrize(
    "changes",
    [{"run": 3}, {"run": None}, {"segmenter": []}, {"segmenter": None}, {"heads": "none"}, {"heads": 7},
     {"instance_norm": "batch"}, {"instance_norm": 1}, {"instance_norm": "plain"},
     {"segmenter": NOTES["segmenter"] | {"width": 16}}],
)  # fmt: skip
def test_notes_of_another_shape_are_one_line(tmp_path, network, changes):
    """A number or null for the digest, a list for the settings, heads that there are not, another network's settings."""
    (tmp_path / "m.safetensors").write_bytes(pack(network.state_dict(), NOTES | changes))
    with pytest.raises(AshError, match=r"m\.safetensors") as error:
        load_model(tmp_path / "m.safetensors", CPU, "b" * 64 if "run" in changes else None)
    assert "\n" not in str(error.value)


def test_equal_weights_give_equal_bytes(tmp_path, network):
    """And come back as they were."""
    for name in ("a", "b"):
        save_model(tmp_path / name, network, SMALL, "d")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = load_model(tmp_path / "a", CPU, "d").state_dict()
    assert all(torch.equal(again[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("kind", ["plain", "affine"])
def test_a_model_with_instance_norm_comes_back(tmp_path, kind):
    """Its header names it, and it predicts as it did; the header of other models has no such line."""
    torch.manual_seed(0)
    network, plain = (build_segmenter(SMALL, "pair", norm).eval() for norm in (kind, "none"))
    for name, one in (("m", network), ("plain", plain)):
        save_model(tmp_path / name, one, SMALL, "d")
    assert unpack(tmp_path / "m", "a model", "")[0]["instance_norm"] == kind
    assert "instance_norm" not in unpack(tmp_path / "plain", "a model", "")[0]
    image = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "m", CPU, "d").predict(image), network.predict(image))
    with pytest.raises(ConfigError, match="has InstanceNorm in its first stages"):
        export_checkpoint(tmp_path / "m", tmp_path / "o.pth")


@pytest.mark.parametrize("kind", ["plain", "affine"])
def test_a_network_with_instance_norm_starts_from_one_without(tmp_path, kind):
    """Its backbone is the file's; InstanceNorm of the stem takes BatchNorm's weights, those of the stages begin at 1 and 0."""
    first, network = build_segmenter(SMALL, "pair"), build_segmenter(SMALL, "pair", kind)
    torch.nn.init.uniform_(first.bn1.weight)
    save_model(tmp_path / "m", first, SMALL, "d")
    load_initial(tmp_path / "m", network)
    assert torch.equal(network.layer1[0].conv2.weight, first.layer1[0].conv2.weight)
    assert torch.equal(network.layer1[0].bn2.weight, first.layer1[0].bn2.weight)
    if kind == "affine":
        assert torch.equal(network.bn1.weight, first.bn1.weight)
        assert (network.layer1[0].instance.weight == 1).all() and (network.layer1[0].instance.bias == 0).all()
