"""The paper's protocol at tiny size: the same rules, on sets of a few files in their published archives."""

import json

import pytest
import yaml

from ash.store import PREPARED_SCHEMA, open_h5
from tests.acquire import fakes
from tests.acquire.server import serve
from tests.conftest import ROOT, ash, snakemake

SETS = ("gta5", "synthia", "cityscapes", "mapillary", "painters")
COUNT = 11  # so that each of GTA5's 20 archives has a file


@pytest.fixture
def folder(tmp_path):
    """Settings of the paper with smaller images and counts; data/raw is empty."""
    protocol = yaml.safe_load((ROOT / "protocols/paper.yaml").read_text())
    for entry in protocol["datasets"].values():
        entry["image_size"], entry["label_size"] = [32, 16], [64, 32]
        entry["validation"] = 2 if entry["validation"] else 0
        entry["count"] = dict.fromkeys(entry["count"], COUNT)
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols/paper.yaml").write_text(yaml.safe_dump(protocol, sort_keys=False))
    text = (ROOT / "params.yaml").read_text().replace("protocol: miniature", "protocol: paper")
    (tmp_path / "params.yaml").write_text(text)
    return tmp_path


def provide(folder):
    """What a user puts there by hand, and what a server has for GTA5."""
    raw = folder / "data/raw"
    made = {name: fakes.fill(name, folder / "made" / name, COUNT) for name in SETS}
    for name, pack in (("cityscapes", fakes.cityscapes_archives), ("mapillary", fakes.mapillary_archives)):
        (raw / name / "archives").mkdir(parents=True)
        pack(raw / name / "archives", made[name])
    (raw / "painters/archives").mkdir(parents=True)
    fakes.painters_archives(raw / "painters/archives", made["painters"])
    made["synthia"].rename(raw / "synthia")
    (folder / "served").mkdir()
    fakes.gta5_archives(folder / "served", made["gta5"])


@pytest.mark.workflow
@pytest.mark.timeout(1200)  # sixteen jobs: a minute alone, many where others want the cores
def test_acquire_manifest_prepare(folder, monkeypatch):
    """From archives to prepared files by the workflow's own rules; afterwards nothing is left to do or missing."""
    provide(folder)
    splits = {
        "gta5": ("train", "val"),
        "synthia": ("train",),
        "cityscapes": ("val",),
        "mapillary": ("val",),
        "painters": ("train",),
    }
    targets = {f"data/prepared/{name}_{split}.h5": name for name in SETS for split in splits[name]}
    with serve(folder / "served") as server:
        monkeypatch.setenv("ASH_MIRROR", server.url)
        snakemake(folder, *targets)
    for path, name in targets.items():
        held_out = 2 if name in ("gta5", "synthia") else 0
        count = held_out if name == "gta5" and path.endswith("_val.h5") else COUNT - held_out
        with open_h5(folder / path, PREPARED_SCHEMA) as file:
            assert file["image"].shape == (count, 16, 32, 3)
            assert ("label" in file) == (name != "painters")
        manifest = json.loads((folder / f"data/manifests/{name}.json").read_text())
        assert sum(split["count"] for split in manifest["splits"].values()) >= COUNT
        assert (
            len(manifest["archives"])
            == {"gta5": 20, "synthia": 0, "cityscapes": 2, "mapillary": 1, "painters": 2}[name]
        )
    assert "Nothing to be done" in snakemake(folder, "-n", *targets)
    assert ash(folder, "check").stderr == ""


@pytest.mark.workflow
def test_a_missing_set_stops_its_own_rule(folder):
    """`snakemake acquire_synthia` ends with exit code 2 of `ash`, and its log says what to fetch and where to put it."""
    output = snakemake(folder, "acquire_synthia", check=False)
    assert "Error in rule acquire_synthia" in output
    log = (folder / "logs/acquire/synthia.log").read_text()
    assert "fetch SYNTHIA_RAND_CITYSCAPES.rar from https://synthia-dataset.net" in log
    assert "Traceback" not in log


def test_check_of_nothing_says_what_to_do(folder):
    """Exit code 2, and for each set its folder, what is missing, and the next step."""
    result = ash(folder, "check", check=False)
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert lines[0] == "ash: 5 set(s) missing"
    for name, line in zip(SETS, lines[1:], strict=True):
        assert f"data/raw/{name}: {name} is missing (no such folder); " in line
        assert f"run `ash acquire {name}`" in line


def test_check_of_a_half_unpacked_set(folder):
    """How many of how many, and which ids."""
    root = fakes.fill("synthia", folder / "data/raw/synthia", COUNT)
    (root / "GT/LABELS/0000003.png").unlink()
    (root / "RGB/0000003.png").unlink()
    line = ash(folder, "check", check=False).stderr.splitlines()[2]
    assert f"train: {COUNT - 1} of {COUNT} images, {COUNT - 1} labels; missing 0000003" in line
