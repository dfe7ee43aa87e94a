"""The fit of a pair from prepared files: how many paintings judge it, and how few are too few."""

import json

import pytest
import yaml

from ash import config
from ash.errors import DataError
from ash.fitting import refit as module
from ash.fitting.refit import refit_files
from ash.preparation.manifest import build_manifest
from ash.preparation.prepare import prepare
from ash.progress import quiet
from ash.style.stylizer import Stylizer
from tests.conftest import ROOT, TINY
from tests.support.fakes import fill

SIZE = (32, 24)


@pytest.fixture
def fit(tmp_path):
    """A function of a number of paintings that fits a tiny pair on CARLA's layout for two steps, and gives its record."""
    protocol = yaml.safe_load((TINY / "protocols/tiny.yaml").read_text())
    protocol["refit"] = yaml.safe_load((ROOT / "protocols/street.yaml").read_text())["refit"] | {
        "network": {"width": 4, "depth": "relu3_1", "decoder": [8, "up", 4, "up", 3]},
        "reconstruct_iterations": 1, "stylise_iterations": 1, "batch": 3, "crop": 16, "precision": "fp32",
    }  # fmt: skip
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols/tiny.yaml").write_text(yaml.safe_dump(protocol))
    (tmp_path / "params.yaml").write_text((TINY / "params.yaml").read_text())
    settings = config.load(tmp_path / "params.yaml")

    def prepared(name, split, count, validation):
        root, out = tmp_path / f"{name}{count}", tmp_path / f"{name}{count}_{split}.h5"
        if not root.exists():
            fill(name, root, count)
        prepare(name, root, split, out, SIZE, SIZE, validation, build_manifest(name, root, validation))
        return out

    def run(paintings):
        sets = [prepared("carla", split, 8, 4) for split in ("train", "val")]
        styles, out = prepared("gallery", "train", paintings, 0), tmp_path / "pair.safetensors"
        refit_files(settings, sets[:1], sets[1:], styles, out, tmp_path / "pair.json", quiet)
        return json.loads((tmp_path / "pair.json").read_text())

    return run


def test_an_eighth_of_few_paintings_judges(fit, monkeypatch):
    """Of 17 paintings two, with as many held-out images of the source; the other fifteen are fitted on."""
    seen = []
    monkeypatch.setattr(module, "quality", lambda pair, *images: seen.append([len(i) for i in images]) or {})
    monkeypatch.setattr(
        module, "refit", lambda images, labels, styles, *rest: seen.append(len(styles)) or _pair(rest[0])
    )
    fit(17)
    assert seen == [15, [2, 2]]


def _pair(settings):
    return Stylizer(settings.network)


def test_a_pair_is_fitted_and_judged(fit):
    """In earnest, on nine paintings."""
    assert fit(9)["quality"].keys() == {"l1_source", "l1_paintings", "style_left", "content_error"}


def test_too_few_paintings_are_told(fit):
    """Seven leave none to judge: how many there are, and how many are wanted."""
    with pytest.raises(DataError, match=r"gallery7_train\.h5: 7 painting\(s\), wanted 8 or more"):
        fit(7)
