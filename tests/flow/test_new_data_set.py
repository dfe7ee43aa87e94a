"""A data set is one file and one entry of a protocol: dropped into a checkout, it is scored, and nothing else is touched."""

import json
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

from ash.files.atomic import file_digest
from ash.labels import CLASSES
from tests.conftest import ash, snakemake

pytestmark = pytest.mark.workflow

READER = '''"""Lanes, a set of nobody: 11 classes, grey PNGs of ids 0-10, 11 for void."""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import Dataset, Sample, by_id, id_table, inverse, to_train_ids
from ash.files.images import open_image, save

LABEL_TO_TRAIN = {0: 10, 1: 2, 2: 5, 3: 0, 4: 1, 5: 8, 6: 7, 7: 4, 8: 13, 9: 11, 10: 18}
TABLE = id_table(LABEL_TO_TRAIN, void=[11])
_TO_ID = inverse(TABLE, void=11)


class Lanes(Dataset):
    """Lanes."""

    name = "lanes"
    table = TABLE
    splits = ("train", "val")
    layout = "SPLIT/*.png and SPLITannot/*.png"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every frame of the split."""
        return by_id(root / split, "*.png"), by_id(root / f"{split}annot", "*.png")

    def read_label(self, sample: Sample) -> np.ndarray:
        """Label ids, looked up."""
        with open_image(sample.label) as picture:
            return to_train_ids(np.asarray(picture), TABLE, sample.label)

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Frames count from 0."""
        save(root / split / f"{number:04d}.png", Image.fromarray(image))
        save(root / f"{split}annot" / f"{number:04d}.png", Image.fromarray(_TO_ID[label]))


DATASET = Lanes()
'''
SIZE = (48, 36)  # width and height of a frame
COUNTS = {"train": 2, "val": 3}
ENTRY = {"root": "data/raw/lanes", "image_size": [64, 48], "label_size": list(SIZE), "validation": 0, "draw": None}


def add_files(folder):
    """Frames of noise whose labels have every id once and more, in the set's layout."""
    rng = np.random.default_rng(0)
    for split, count in COUNTS.items():
        for number in range(count):
            image = rng.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
            label = np.resize(np.arange(12, dtype=np.uint8), SIZE[::-1])
            for name, pixels in ((split, image), (f"{split}annot", label)):
                (folder / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / name / f"Seq05VD_f{number:05d}.png")


@pytest.fixture(scope="module")
def checkout(built, tmp_path_factory):
    """A built checkout with the reader's file and its entry in the protocol, and no other edit; no image yet."""
    folder = tmp_path_factory.mktemp("set") / "world"
    shutil.copytree(built, folder)
    (folder / "ash/datasets/lanes.py").write_text(READER)
    path = folder / "protocols/tiny.yaml"
    protocol = yaml.safe_load(path.read_text())
    protocol["datasets"]["lanes"] = ENTRY
    path.write_text(yaml.safe_dump(protocol | {"targets": ["lanes"]}, sort_keys=False))
    return folder


def test_a_set_that_is_not_there_is_asked_for(checkout):
    """`ash check` and `ash acquire` say in the same line which layout is wanted in which folder."""
    line = "data/raw/lanes: lanes is missing (no such folder); put SPLIT/*.png and SPLITannot/*.png there"
    for command in (("check",), ("acquire", "lanes")):
        result = ash(checkout, *command, check=False)
        assert result.returncode == 2
        assert [text for text in result.stderr.splitlines() if text.strip().removeprefix("ash: ") == line]


def test_the_new_target_is_scored(checkout):
    """It is acquired, prepared and scored for every experiment; nothing is trained, and the older files stay as they were."""
    before = {
        path: file_digest(path) for path in sorted(checkout.rglob("*.safetensors")) + sorted(checkout.rglob("*.h5"))
    }
    old = json.loads((checkout / "results/metrics.json").read_text())
    add_files(checkout / "data/raw/lanes")
    assert "drawn" in ash(checkout, "check").stdout
    output = snakemake(checkout, "results/metrics.json")
    assert "rule acquire_lanes:" in output
    assert "rule train:" not in output
    assert {path: file_digest(path) for path in before} == before
    assert "Nothing to be done" in snakemake(checkout, "-n", "results/metrics.json")

    acquired = json.loads((checkout / "data/acquired/lanes.json").read_text())
    assert acquired == {"dataset": "lanes", "archives": {}, "images": COUNTS}
    metrics = json.loads((checkout / "results/metrics.json").read_text())
    assert metrics.keys() == old.keys()
    for experiment, targets in metrics.items():
        if experiment == "claims":
            assert targets == old[experiment]
            continue
        assert {name: values for name, values in targets.items() if name != "lanes"} == old[experiment]
        assert 0 <= targets["lanes"]["miou19"] <= 100


def test_only_its_own_classes_count(checkout):
    """The truth of the scores has the set's 11 classes, each with the pixels that its label maps have, and no other."""
    files = sorted(checkout.rglob("results/**/lanes.json"))
    assert len(files) == 4
    scores = json.loads(files[0].read_text())
    pixels = dict(zip(CLASSES, np.sum(scores["confusion"], axis=1).tolist(), strict=True))
    own = {CLASSES[k] for k in (10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 18)}
    each = COUNTS["val"] * SIZE[0] * SIZE[1] // 12
    assert pixels == {name: each if name in own else 0 for name in CLASSES}
