"""A model against a prepared target."""

import pytest
import torch

from ash.config import SegmenterSettings, load
from ash.experiment import evaluate
from ash.segmentation.deeplab import build_segmenter
from tests.conftest import settle

CPU = torch.device("cpu")


class Asked(Exception):
    """Raised in the place of a score."""


@pytest.mark.parametrize("arithmetic", ["auto", "fp32", "bf16"])
def test_a_run_is_scored_in_the_arithmetic_of_its_training(tmp_path, monkeypatch, arithmetic):
    """Whatever `training.precision` says, for that experiment alone."""
    settle(tmp_path)
    path = tmp_path / "params.yaml"
    entry = f"{{recipe: source_only, source: gta5, training: {{precision: {arithmetic}}}}}"
    path.write_text(path.read_text().replace("\ntables:", f"\n  own: {entry}\n\ntables:", 1))

    def asked(segmenter, where, precision):
        raise Asked(precision)

    monkeypatch.setattr(evaluate, "check_prepared", lambda *_: None)
    monkeypatch.setattr(evaluate, "load_model", lambda *_: None)
    monkeypatch.setattr(evaluate, "predictor", asked)
    outs = tmp_path / "model", tmp_path / "p.h5", tmp_path / "o.json", tmp_path / "o.npz"
    with pytest.raises(Asked, match=f"^{arithmetic}$"):
        evaluate.evaluate_run(load(path), "own", 0, "cityscapes", *outs)


@pytest.mark.parametrize(("arithmetic", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_predictor_computes_in_it(arithmetic, kind):
    """Seen at the first convolution."""
    net = build_segmenter(SegmenterSettings(kind="small", width=4, blocks=(1, 1, 1, 1), rates=(1,))).eval()
    seen = []
    net.conv1.register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    evaluate.predictor(net, CPU, arithmetic)(torch.zeros(1, 16, 32, 3, dtype=torch.uint8).numpy(), (16, 32))
    assert seen == [kind]
