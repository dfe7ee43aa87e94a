"""`ash score` against the official Cityscapes evaluator, and what it refuses."""

import json

import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as official
from PIL import Image

from ash.datasets import cityscapes
from ash.errors import DataError
from ash.evaluation import conventions
from ash.evaluation.label_maps import pair, score_folder
from ash.labels import N_CLASSES, colourise
from tests.conftest import ash

LABEL_IDS = np.array(sorted(cityscapes.LABEL_TO_TRAIN))
NAMES = {"light": "traffic light", "sign": "traffic sign"}
SHAPE = (40, 60)


class Pairs:
    """Generated label maps and predictions in the official names."""

    def __init__(self, folder):
        self.labels, self.predictions = folder / "gtFine/val", folder / "predictions"
        self.count = 0

    def add(self, truth, guess, suffix="_leftImg8bit"):
        """One pair, label ids; gives the paths."""
        stem = f"bochum_{self.count:06d}_000019"
        self.count += 1
        paths = []
        for path, ids in (
            (self.labels / "bochum" / f"{stem}_gtFine_labelIds.png", truth),
            (self.predictions / "bochum" / f"{stem}{suffix}.png", guess),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(ids.astype(np.uint8)).save(path)
            paths.append(path)
        return paths


@pytest.fixture
def pairs(tmp_path):
    return Pairs(tmp_path)


def generated(seed, truth_ids, guess_ids):
    """Labels, and a prediction that is right for about half of the pixels."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(truth_ids, SHAPE)
    return truth, np.where((rng.random(SHAPE) < 0.5) & np.isin(truth, guess_ids), truth, rng.choice(guess_ids, SHAPE))


VOID = [0, 1, 4, 9, 14, 29]
CASES = {
    "all classes": (LABEL_IDS, LABEL_IDS),
    "void in the labels": ([*LABEL_IDS, *VOID], LABEL_IDS),
    "void in the predictions": ([*LABEL_IDS, *VOID], [*LABEL_IDS, *VOID]),
    "classes absent from both": (LABEL_IDS[:7], LABEL_IDS[:7]),
    "classes absent from the labels": ([7, 8, 21, 23, 26, 0], LABEL_IDS),
    "classes never predicted": (LABEL_IDS, [7, 8, 26]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_official_evaluator_agrees(pairs, case):
    """IoU of every class and the mean to 1e-9.

    The official mean counts a class as 0 that no label has and some prediction names; ours leaves it out.  On Cityscapes'
    own validation set, whose labels have all 19, the two cannot differ.
    """
    files = [pairs.add(*generated(seed, *CASES[case])) for seed in range(3)]
    args = official.args
    args.evalInstLevelScore, args.evalPixelAccuracy, args.JSONOutput, args.quiet = False, False, False, True
    theirs = official.evaluateImgLists([guess for _, guess in files], [truth for truth, _ in files], args)
    ours = score_folder(pairs.predictions, pairs.labels, "cityscapes")
    assert ours["ids"] == "label"
    present = []
    for name, value in ours["iou"].items():
        reference = theirs["classScores"][NAMES.get(name, name)]
        if value is None:
            assert np.isnan(reference) or reference == 0
        else:
            assert abs(value - reference) < 1e-9
            present.append(reference)
    assert abs(ours["miou"]["19"] - sum(present) / len(present)) < 1e-9
    if case != "classes absent from the labels":
        assert abs(ours["miou"]["19"] - theirs["averageScoreClasses"]) < 1e-9


def test_train_ids_and_label_ids_give_the_same(pairs, tmp_path):
    """The same predictions in either encoding, 255 for void in train ids."""
    other = Pairs(tmp_path / "other")
    for seed in range(2):
        truth, guess = generated(seed, [*LABEL_IDS, 0], [*LABEL_IDS, 0])
        pairs.add(truth, guess)
        other.add(truth, cityscapes.TABLE[guess])
    by_label, by_train = (score_folder(p.predictions, p.labels, "cityscapes") for p in (pairs, other))
    assert (by_label.pop("ids"), by_train.pop("ids")) == ("label", "train")
    assert by_label == by_train


def test_void_predictions_by_hand(pairs):
    """Road: four true pixels, two right, one void, one called sky.  IoU 2/4; sky is in no label and is left out."""
    pairs.add(np.array([[7, 7, 7, 7, 0]]), np.array([[7, 7, 0, 23, 7]]))
    result = score_folder(pairs.predictions, pairs.labels, "cityscapes")
    assert result["iou"]["road"] == pytest.approx(2 / 4)
    assert result["iou"]["sky"] is None
    assert result["missed"][0] == 1
    assert result["pixel_accuracy"] == pytest.approx(2 / 4)


def test_ids_of_another_table_are_named(pairs):
    """40 is no id of Cityscapes, and 41 pixels have it."""
    guess = np.full(SHAPE, 7)
    guess.ravel()[:41] = 40
    pairs.add(np.full(SHAPE, 7), guess)
    with pytest.raises(DataError, match=r"read as label ids, predictions hold 40 \(41 pixels\); write train ids"):
        score_folder(pairs.predictions, pairs.labels, "cityscapes")
    with pytest.raises(DataError, match=r"read as train ids"):
        score_folder(pairs.predictions, pairs.labels, "cityscapes", "train")


def test_every_bad_prediction_is_listed(pairs):
    """A colour image, one of half the size, one that is cut: three lines."""
    paths = [pairs.add(*generated(k, LABEL_IDS, LABEL_IDS))[1] for k in range(4)]
    Image.new("RGB", SHAPE[::-1]).save(paths[0])
    Image.new("L", (30, 20)).save(paths[1])
    paths[2].write_bytes(paths[2].read_bytes()[:50])
    with pytest.raises(DataError, match=r"3 bad pair\(s\)") as error:
        score_folder(pairs.predictions, pairs.labels, "cityscapes")
    text = str(error.value)
    assert "pixels are RGB, wanted one channel of 8 bits" in text
    assert "30x20, wanted 60x40 like its labels" in text
    assert f"{paths[2]}: not a readable image" in text


def test_missing_and_ambiguous_predictions_are_listed(pairs):
    """Nothing is scored in part."""
    paths = [pairs.add(*generated(k, LABEL_IDS, LABEL_IDS))[1] for k in range(3)]
    paths[0].unlink()
    paths[1].with_name("bochum_000001_000019_color.png").write_bytes(b"")
    with pytest.raises(DataError) as error:
        score_folder(pairs.predictions, pairs.labels, "cityscapes")
    assert "bochum_000000_000019: no prediction, wanted bochum_000000_000019.png or" in str(error.value)
    assert "bochum_000001_000019: 2 predictions (" in str(error.value)


def test_spare_predictions_are_counted(pairs):
    """Those of images that have no label map here, e.g. of the training set."""
    path = pairs.add(*generated(0, LABEL_IDS, LABEL_IDS))[1]
    (path.parent / "aachen_000000_000019.png").write_bytes(path.read_bytes())
    found = pair(pairs.predictions, pairs.labels, cityscapes.DATASET)
    assert found.spare == 1
    assert [sample.id for sample in found.samples] == ["bochum_000000_000019"]


def test_an_empty_label_folder_is_named(pairs, tmp_path):
    """What kind of file was wanted."""
    with pytest.raises(DataError, match=r"no label map of cityscapes; wanted files \*_gtFine_labelIds\.png"):
        score_folder(tmp_path, tmp_path / "nothing", "cityscapes")


def test_the_command(pairs, tmp_path):
    """The table on stdout, the same figures as JSON, exit code 0; a wrong dataset is one line with exit code 2."""
    for seed in range(2):
        pairs.add(*generated(seed, LABEL_IDS, LABEL_IDS))
    arguments = [str(pairs.predictions), str(pairs.labels)]
    result = ash(tmp_path, "score", *arguments, "--dataset", "cityscapes", "--out", "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert f"{100 * scores['miou']['19']:.2f}" in result.stdout
    assert "cityscapes: 2 images, predictions read as label ids" in result.stdout
    for wrong in (["--dataset", "nowhere"], [], ["--dataset", "cityscapes", "--protocol", "mapillary_1536"]):
        refused = ash(tmp_path, "score", *arguments, *wrong, check=False)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1


def test_a_protocol_of_other_labels(tmp_path, monkeypatch):
    """mapillary_1536: predictions have the size of the crop, and the columns of padding count nowhere."""
    from ash import datasets

    dataset = datasets.load("mapillary")
    label = np.zeros((64, 48), np.uint8)
    label[:, 24:] = 10
    dataset.write(tmp_path, "val", 0, np.zeros((64, 48, 3), np.uint8), label)
    folder = tmp_path / "predictions"
    folder.mkdir()
    guess = np.zeros((1536, 1536), np.uint8)
    guess[:, 768:] = 10
    Image.fromarray(guess).save(folder / f"drawn{0:017d}.png")
    protocol = conventions.load("mapillary_1536")
    result = score_folder(folder, tmp_path / "validation/labels", "mapillary", protocol=protocol)
    assert result["miou"]["19"] == 1
    assert np.sum(result["confusion"]) == 1536 * 1152
    assert len(result["classes"]) == N_CLASSES
    assert result["protocol"]["mirrored"] is False


def test_a_prediction_may_have_a_palette(pairs):
    """The same ids as colours of a palette, as many programs write them: the same scores."""
    truth, guess = generated(3, LABEL_IDS, LABEL_IDS)
    _, path = pairs.add(truth, guess)
    plain = score_folder(pairs.predictions, pairs.labels, "cityscapes")
    picture = Image.fromarray(guess.astype(np.uint8), "P")
    picture.putpalette([k for k in range(256) for _ in range(3)])
    picture.save(path)
    with Image.open(path) as saved:
        assert saved.mode == "P"
    assert score_folder(pairs.predictions, pairs.labels, "cityscapes") == plain


def coloured(ids, colours):
    """Ids with a palette that is given by index."""
    picture = Image.fromarray(ids.astype(np.uint8))
    picture.putpalette(np.asarray(colours, np.uint8).tobytes())
    return picture


def test_palettes_tell_train_ids_from_label_ids(pairs):
    """Predictions of ids below 19 alone: auto takes them for train ids, unless their palette shows label ids."""
    truth = np.resize(np.array([7, 8, 11, 13]), SHAPE)
    _, path = pairs.add(truth, truth)
    coloured(truth, colourise(cityscapes.TABLE)).save(path)
    result = score_folder(pairs.predictions, pairs.labels, "cityscapes")
    assert (result["ids"], result["miou"]["19"]) == ("label", 1)
    with pytest.raises(
        DataError, match=r"read as train ids, .*000019_leftImg8bit\.png shows index 7 in another class's"
    ):
        score_folder(pairs.predictions, pairs.labels, "cityscapes", "train")


@pytest.mark.parametrize("ids", ["auto", "train", "label"])
def test_a_palette_in_another_order_is_refused(pairs, ids):
    """Colours that are right and indices that are neither train ids nor label ids are not scored."""
    truth = np.resize(LABEL_IDS[::2], SHAPE)
    _, path = pairs.add(truth, truth)
    order = len(LABEL_IDS) - np.searchsorted(LABEL_IDS, truth)
    colours = np.zeros((256, 3), np.uint8)
    colours[order.ravel()] = colourise(cityscapes.TABLE)[truth.ravel()]
    coloured(order, colours).save(path)
    with pytest.raises(DataError, match="its palette is in another order: index|in another class's colour"):
        score_folder(pairs.predictions, pairs.labels, "cityscapes", ids)


def test_label_ids_that_look_like_train_ids_are_told(pairs, caplog):
    """Label ids below 19 without a palette: what either reading agrees with; auto refuses, a named reading is told."""
    truth = np.resize(np.array([7, 8, 11, 13]), SHAPE)
    pairs.add(truth, truth)
    line = "read as train ids, predictions are right for 0 % of the pixels, as label ids for 100 %"
    with pytest.raises(DataError, match=f"{line}; say which they are with --ids"):
        score_folder(pairs.predictions, pairs.labels, "cityscapes")
    assert score_folder(pairs.predictions, pairs.labels, "cityscapes", "train")["pixel_accuracy"] == 0
    assert line in caplog.text
    assert score_folder(pairs.predictions, pairs.labels, "cityscapes", "label")["pixel_accuracy"] == 1


@pytest.mark.parametrize("values", [[0, 1, 2, 8, 10, 13, 255], range(19)])
def test_labels_that_hold_train_ids_are_not_scored_on(pairs, values):
    """With void in them, and without."""
    truth = np.resize(np.array(values), SHAPE)
    pairs.add(truth, truth)
    with pytest.raises(DataError, match="as train ids do|as of train ids"):
        score_folder(pairs.predictions, pairs.labels, "cityscapes")


BAD = {
    "three channels": (lambda ids: Image.fromarray(np.stack([ids] * 3, 2)), "pixels are RGB, wanted one channel"),
    "16 bits": (lambda ids: Image.fromarray(ids.astype(np.uint16)), "pixels are I;16B, wanted one channel"),
    "one bit": (lambda ids: Image.fromarray(ids > 9), "pixels are 1, wanted one channel"),
    "a pixel": (lambda ids: Image.fromarray(ids[:1, :1]), "1x1, wanted 60x40 like its labels"),
}


@pytest.mark.parametrize("case", BAD)
def test_predictions_of_other_kinds_are_refused(pairs, case):
    """One line with the file."""
    make, line = BAD[case]
    truth, guess = generated(0, LABEL_IDS, LABEL_IDS)
    _, path = pairs.add(truth, guess)
    make(guess.astype(np.uint8)).save(path)
    with pytest.raises(DataError) as error:
        score_folder(pairs.predictions, pairs.labels, "cityscapes")
    assert f"{path}: {line}" in str(error.value)


def test_what_a_mac_adds_is_no_prediction(pairs):
    """AppleDouble files beside labels and predictions change nothing; a folder of predictions that is not there is told."""
    for path in pairs.add(*generated(0, LABEL_IDS, LABEL_IDS)):
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
    assert score_folder(pairs.predictions, pairs.labels, "cityscapes")["images"] == 1
    with pytest.raises(DataError, match="nowhere: no such folder; give the one that holds the predictions"):
        score_folder(pairs.predictions / "nowhere", pairs.labels, "cityscapes")


def test_train_ids_with_an_id_of_their_own_for_void_are_not_label_ids(pairs, tmp_path):
    """Void as 19, as networks of 20 outputs have it: label ids would score next to nothing, so the reading is asked for."""
    train = np.where(cityscapes.TABLE == 255, 19, cityscapes.TABLE)
    truth, _ = generated(0, [*LABEL_IDS, 0], LABEL_IDS)
    pairs.add(truth, train[truth])
    with pytest.raises(DataError, match="as train ids for 100 %; say which they are with --ids"):
        score_folder(pairs.predictions, pairs.labels, "cityscapes")
