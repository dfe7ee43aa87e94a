"""The trained segmenter's file."""

import pytest
import torch

from ash.config import SegmenterSettings
from ash.errors import AshError, CheckpointError
from ash.files.tensors import pack
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
