"""The paper's protocol at tiny size: the same rules, on sets of a few files in their published archives."""

import json

import pytest
import torch
import yaml
from safetensors.torch import load_file

from ash.config import SegmenterSettings
from ash.segmentation.deeplab import build_segmenter
from ash.store import PREPARED_SCHEMA, open_h5
from ash.style.stylizer import NetworkSettings, Stylizer
from ash.style.vgg import mirror
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


THIN = SegmenterSettings(kind="resnet101", width=4, blocks=(1, 1, 1, 1), rates=(6, 12, 18, 24))


def shrink(folder):
    """The paper's networks and counts, thin and few; every key and kind stays."""
    path = folder / "protocols/paper.yaml"
    protocol = yaml.safe_load(path.read_text())
    protocol["segmenter"] |= {"width": THIN.width, "blocks": list(THIN.blocks)}
    protocol["discriminator"] |= {"width": 4, "strides": [2, 2, 1], "map_size": [32, 16]}
    protocol["hallucinator"] |= {"condition": [4, 8], "stride": 1}
    protocol["training"] |= {"iterations": 2, "checkpoint_every": 1, "log_every": 1}
    protocol["datasets"]["painters"]["image_size"] = [32, 32]
    protocol["resources"] = {}
    path.write_text(yaml.safe_dump(protocol, sort_keys=False))


def publish(folder):
    """Weights in their authors' formats: the DeepLab init of 21 classes, AdaIN's encoder and decoder."""
    torch.manual_seed(0)
    init = build_segmenter(THIN, "single").state_dict()
    for k in range(4):
        init[f"layer5.conv2d_list.{k}.weight"], init[f"layer5.conv2d_list.{k}.bias"] = (
            torch.zeros(21, 128, 3, 3),
            torch.zeros(21),
        )
    init["bn1.weight"] = torch.rand(4)
    pair = Stylizer(NetworkSettings(width=4, depth="relu4_1", decoder=mirror(4, "relu4_1")))
    deeper = {"32.weight": torch.rand(32, 32, 3, 3), "32.bias": torch.rand(32)}
    weights = folder / "data/weights"
    weights.mkdir(parents=True)
    torch.save(
        {f"Scale.{name}": value for name, value in init.items()},
        weights / "DeepLab_resnet_pretrained_init-f81d91e8.pth",
    )
    torch.save(dict(pair.encoder.state_dict()) | deeper, weights / "vgg_normalised.pth")
    torch.save(dict(pair.decoder.state_dict()), weights / "decoder.pth")
    return init


@pytest.mark.workflow
def test_training_starts_from_published_weights(folder, monkeypatch):
    """From archives and checkpoints to a trained ASH: BatchNorm's frozen part is still that of the published file."""
    provide(folder)
    shrink(folder)
    init = publish(folder)
    with serve(folder / "served") as server:
        monkeypatch.setenv("ASH_MIRROR", server.url)
        snakemake(folder, "results/runs/ash/seed0/model.safetensors", "data/features/gta5.h5")
    trained = load_file(folder / "results/runs/ash/seed0/model.safetensors")
    assert torch.equal(trained["bn1.weight"], init["bn1.weight"])
    assert not torch.equal(trained["layer1.0.conv2.weight"], init["layer1.0.conv2.weight"])
    assert trained["layer5.conv2d_list.0.weight"].shape[0] == 19
    assert "reading" in (folder / "logs/features/gta5.log").read_text()
    assert "initial" in json.loads((folder / "results/runs/ash/seed0/provenance.json").read_text())


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("data/segmenter.safetensors", "DeepLab_resnet_pretrained_init-f81d91e8.pth"),
        ("data/stylizer.safetensors", "vgg_normalised.pth"),
    ],
)
def test_missing_weights_stop_their_own_rule(folder, target, file):
    """The graph is built without them; the step's log says which file to fetch."""
    snakemake(folder, target, check=False)
    logs = "".join(path.read_text() for path in (folder / "logs").rglob("*.log"))
    assert f"ash: data/weights/{file}: missing; fetch it and put it there" in logs
    assert "Traceback" not in logs
