"""`make street`, on a few small files in the layouts of CARLA, CamVid and a folder of paintings."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from PIL import Image

from ash import config
from ash.acquire.sources import SOURCES
from tests.conftest import ROOT, ash
from tests.support.fakes import fill, pack
from tests.support.server import serve

pytestmark = [pytest.mark.graph, pytest.mark.timeout(1800)]
KEPT = ("source_only", "stylised_segmentation_loss", "ash", "asm")  # of the eight
SMALL = {"image_size": [64, 32], "label_size": [64, 32]}


def shrink(folder):
    """Write the two files of settings into a checkout: every key stays, sizes and counts are small."""
    params = yaml.safe_load((ROOT / "params.street.yaml").read_text())
    params["experiments"] = {name: params["experiments"][name] for name in KEPT}
    params["seeds"] = [0]
    params["figures"]["figure3"] = {"ASH": "ash"}
    protocol = yaml.safe_load((ROOT / "protocols/street.yaml").read_text())
    for entry in protocol["datasets"].values():
        entry.update(SMALL, **({"validation": 2} if entry["validation"] else {}))
    protocol["datasets"]["camvid"]["label_size"] = [48, 36]
    protocol["datasets"]["painters"]["draw"] = {"train": 8}
    protocol["segmenter"] |= {"width": 8, "rates": [1, 2]}
    protocol["discriminator"] |= {"width": 8, "strides": [2, 1, 1], "map_size": [16, 8]}
    protocol["hallucinator"]["condition"] = [8, 16]
    protocol["training"] |= {"iterations": 3, "batch": 2, "log_every": 1, "checkpoint_every": 3}
    protocol["evaluation"] |= {"samples": 2, "resamples": 100}
    protocol["rain"]["iterations"] = 5
    protocol["refit"] |= {"reconstruct_iterations": 2, "stylise_iterations": 2, "batch": 4, "crop": 16}
    protocol["refit"]["network"] = {"width": 8, "depth": "relu3_1", "decoder": [16, "up", 8, "up", 3]}
    (folder / "protocols").mkdir()
    for name, content in (("params.street.yaml", params), ("protocols/street.yaml", protocol)):
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))


def pin(folder, name, made):
    """List a set's files as the repository's pins do."""
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(made)}\n" for p in sorted(made.rglob("*.png"))
    ]
    (folder / "pins").mkdir(parents=True, exist_ok=True)
    (folder / f"pins/{name}.sha256.gz").write_bytes(gzip.compress("".join(lines).encode()))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The code with small settings, below a folder whose name has a space, and data to give it."""
    folder = tmp_path_factory.mktemp("two words") / "checkout"
    for part in ("ash", "workflow", "profiles"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    shrink(folder)
    fill("carla", folder / "given/carla", 6)
    fill("camvid", folder / "given/camvid", 3)
    for name in ("carla", "camvid"):
        pin(folder / "street", name, folder / "given" / name)
    for part in ("train", "trainannot"):
        shutil.rmtree(folder / "given/camvid" / part)
    fill("gallery", folder / "given/paintings", 9)
    Image.linear_gradient("L").resize((90, 40)).save(folder / "given/paintings/Grey One.JPG")
    return folder


def make(folder, *words, check=True, **environment):
    """What the target of the Makefile runs; gives what it printed."""
    command = [sys.executable, "-m", "workflow.street", *words]
    given = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"} | environment
    result = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def report(checkout):
    """Everything, from a folder that holds the sets, but for CamVid's test frames; what was printed."""
    return make(checkout, "--data", "given", "--", "--cores", "2", "--nocolor").stdout


def test_it_says_what_is_there(checkout, report):
    """A line for each set with the number of its images and its terms; no split that is missing is waited for."""
    assert f"carla: 6 images in {checkout.resolve()}/given/carla; none is stated" in report
    assert f"camvid: 3 images in {checkout.resolve()}/given/camvid; CC BY-NC 4.0" in report
    assert "camvid_test: the folder of camvid lacks it; left out" in report
    assert f"gallery: 10 images in {checkout.resolve()}/given/paintings\n" in report


def test_the_report_is_made_in_a_folder_of_its_own(checkout, report):
    """Table and page are there, every experiment is in them, and nothing lies where the miniature's results do."""
    frame = pd.read_csv(checkout / "street/results/tables/street.csv")
    assert set(zip(frame["experiment"], frame["target"], strict=True)) == {
        (name, target) for name in KEPT for target in ("source", "camvid")
    }
    page = (checkout / "street/results/report.html").read_text()
    assert "on other data than the paper's" in page and "predictions of networks trained on carla" in page
    assert 'id="claims"' not in page and "These runs are a miniature" not in page
    assert not [name for name in ("results", "data", "logs", ".snakemake") if (checkout / name).exists()]
    assert (checkout / "street/data/raw/carla").is_symlink()


def test_the_table_says_what_a_mean_is_over(checkout, report):
    """The ten classes by name, both means, and how the frames were drawn."""
    text = (checkout / "street/results/tables/street.md").read_text()
    assert "| camvid, ours | vs reference | without fence |" in text
    names = "road, sidewalk, building, fence, pole, sign, vegetation, sky, person, car"
    assert f"camvid: the mean is over the 10 classes that carla and camvid share ({names})." in text
    assert (
        "camvid: 3 frames of 1 drive, which follow each other; the bootstrap draws them in 1 blocks of up to 10" in text
    )


def test_the_stylizer_is_fitted_on_the_real_pictures(checkout, report):
    """On the source and the paintings, and its quality is kept beside it."""
    record = json.loads((checkout / "street/data/refit/stylizer.json").read_text())
    assert record["data"].keys() == {"carla_train", "gallery_train"}
    assert record["quality"].keys() == {"l1_source", "l1_paintings", "style_left", "content_error"}


def test_a_second_call_has_nothing_to_do(checkout, report):
    """Also without the folder: the sets are linked."""
    assert "Nothing to be done" in make(checkout, "--", "--cores", "2", "--nocolor", "-n").stdout


def test_a_model_of_it_predicts(checkout, report, tmp_path):
    """`ash predict` on a frame, in that folder, gives an overlay of its size."""
    frame = checkout / "given/camvid/val/0016E5_00000.png"
    model = "results/models/ash/seed0/model.safetensors"
    ash(checkout / "street", "predict", str(frame), "--model", model, "--out", str(tmp_path / "seen.png"))
    with Image.open(tmp_path / "seen.png") as seen, Image.open(frame) as image:
        assert seen.size == image.size


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--data", "nowhere"), "nowhere: no such folder; name the one that holds the sets"),
        (("--source", "kitti"), "'kitti' is not a data set of protocols/street.yaml"),
        (("--seeds", "x"), "--seeds 'x': wanted different whole numbers from 0 on, such as 0,1,2"),
    ],
)
def test_a_wrong_word_is_one_line(checkout, tmp_path, words, line):
    """With the exit code of bad input, before anything runs."""
    result = make(checkout, *words, "--folder", str(tmp_path / "other"), check=False)
    assert result.returncode == 2 and line in result.stderr and "Traceback" not in result.stderr


def test_without_a_folder_it_fetches(checkout, tmp_path):
    """CARLA and CamVid from their archives, named before; paintings are drawn; all sets are prepared, test too."""
    with serve(tmp_path / "served") as server:
        for name in ("carla", "camvid"):
            made = fill(name, tmp_path / name, 5)
            if name == "camvid":
                fill("camvid_test", made, 2)
            pin(tmp_path / "street", name, made)
            archive = SOURCES[name].archives[0]
            pack(tmp_path / "served" / archive.name, made, sorted(made.rglob("*.png")), archive.prefix)
        sets = ("carla_train", "carla_val", "camvid_val", "camvid_test_val", "painters_train")
        files = [f"data/prepared/{name}.h5" for name in sets]
        words = ("--folder", str(tmp_path / "street"), "--", "--cores", "2", "--nocolor", *files)
        told = make(checkout, *words, ASH_MIRROR=server.url).stdout
    assert "carla: is fetched from https://github.com/pohsu/Lyft-Challenge into" in told
    assert "gallery: no folder of pictures is given; the styles are paintings that the project draws" in told
    assert all((tmp_path / "street" / file).exists() for file in files)


def test_one_word_changes_the_source(checkout, tmp_path):
    """In every experiment; the copy of the settings describes the sets that the run reads, and no other."""
    make(checkout, "--source", "urbansyn", "--seeds", "3, 5", "--folder", str(tmp_path), "--", "-n", "--quiet")
    settings = config.load(tmp_path / "params.yaml")
    assert {entry.source for entry in settings.params.experiments.values()} == {"urbansyn"}
    assert settings.params.seeds == (3, 5)
    assert settings.protocol.datasets.keys() == {"urbansyn", "camvid", "camvid_test", "painters"}


def test_the_settings_of_the_repository_are_sound():
    """Eight experiments by default, and all from one source, whose name stands once in the file."""
    settings = config.load(ROOT / "params.street.yaml")
    assert len(settings.params.standard) == 8
    assert len({entry.source for entry in settings.params.experiments.values()}) == 1
    assert len(re.findall("carla", (ROOT / "params.street.yaml").read_text())) == 1


def test_rivals_and_successor_are_those_of_the_miniature():
    """The same rows with the same settings of the method, but for what the scale decides."""
    street, miniature = (config.load(ROOT / name) for name in ("params.street.yaml", "params.yaml"))
    for group in ("rivals", "successor"):
        rows = set(street.experiments([group]))
        lacking = (
            set(miniature.experiments([group])) - rows
        )  # settings that were searched were so on the miniature's world
        assert {name for name in lacking if not name.endswith("_searched")} <= {"clan", "domain_randomisation"}
        for name in rows:
            own, other = (settings.experiment(name) for settings in (street, miniature))
            assert own.method == other.method
            differing = {key for key in own.settings if own.settings[key] != other.settings[key]}
            assert differing <= {"memory", "blur", "lambda_con", "lambda_local"}, name
