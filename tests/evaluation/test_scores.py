"""Scores against hand arithmetic, a plain loop and the official evaluator."""

import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as official
from PIL import Image

from ash.datasets.cityscapes import LABEL_TO_TRAIN
from ash.errors import ShapeError
from ash.evaluation import scores as evaluation
from ash.labels import N_CLASSES, SUBSETS


def random_pair(seed: int, classes=range(N_CLASSES)) -> tuple[np.ndarray, np.ndarray]:
    """Labels with void and a prediction that is right for about half of the pixels."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([*classes, 255], (40, 60)).astype(np.uint8)
    guess = np.where(rng.random(truth.shape) < 0.5, truth, rng.integers(0, N_CLASSES, truth.shape))
    return truth, np.where(guess == 255, 0, guess).astype(np.uint8)


def test_void_is_not_counted():
    """Id 255 adds to no cell of the confusion matrix."""
    matrix = evaluation.confusion(np.array([0, 0, 1, 1, 255]), np.array([0, 1, 1, 1, 0]))
    assert matrix.sum() == 4
    assert matrix[0, 0] == 1
    assert matrix[0, 1] == 1
    assert matrix[1, 1] == 2
    assert matrix.dtype == np.int64


def test_iou_by_hand():
    """Road: 1 hit of 2 true and 1 predicted, 1/2.  Sidewalk: 2 hits, 1 false alarm, 2/3.  The rest is undefined."""
    matrix = evaluation.confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    values = evaluation.iou(evaluation.counts(matrix))
    assert values[:2] == pytest.approx([1 / 2, 2 / 3])
    assert np.isnan(values[2:]).all()
    assert evaluation.miou(evaluation.counts(matrix), 19) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_a_missed_class_scores_0_and_an_absent_one_is_left_out():
    """Wall is in the truth and never predicted: 0.  Fence is predicted and not in the truth: left out."""
    matrix = evaluation.confusion(np.array([0, 3]), np.array([4, 0]))
    values = evaluation.iou(evaluation.counts(matrix))
    assert values[3] == 0
    assert np.isnan(values[4])
    assert evaluation.miou(evaluation.counts(matrix), 19) == 0


def test_confusion_equals_a_plain_loop():
    """Pixel by pixel."""
    truth, guess = random_pair(0)
    expected = np.zeros((N_CLASSES, N_CLASSES), int)
    for t, g in zip(truth.ravel(), guess.ravel(), strict=True):
        if t != 255:
            expected[t, g] += 1
    assert np.array_equal(evaluation.confusion(truth, guess), expected)


def test_subsets():
    """16 classes lack terrain, truck, train; 13 lack wall, fence, pole as well."""
    assert set(range(19)) - set(SUBSETS[16]) == {9, 14, 16}
    assert set(SUBSETS[16]) - set(SUBSETS[13]) == {3, 4, 5}


def test_16_classes_from_the_19_way_matrix():
    """A true truck taken for a car still costs car precision (CLAN's way); a 16-way scores would ignore it."""
    truth, guess = np.array([13, 14]), np.array([13, 13])
    assert evaluation.miou(evaluation.counts(evaluation.confusion(truth, guess)), 16) == pytest.approx(1 / 2)
    ignored = np.where(truth == 14, 255, truth)
    assert evaluation.miou(evaluation.counts(evaluation.confusion(ignored, guess)), 16) == pytest.approx(1)


def test_shapes_and_ids_are_checked():
    """A prediction of another size, or of an id above 18, is one line."""
    with pytest.raises(ShapeError, match=r"prediction \(2,\), wanted \(3,\)"):
        evaluation.confusion(np.zeros(3, int), np.zeros(2, int))
    with pytest.raises(ShapeError, match="prediction: train id 19"):
        evaluation.confusion(np.zeros(1, int), np.full(1, 19))


@pytest.mark.parametrize("classes", [range(N_CLASSES), [0, 1, 8, 10, 13]], ids=["all", "some absent"])
def test_the_official_evaluator_agrees(tmp_path, classes):
    """cityscapesscripts gives the same IoU of each class that the truth holds, void and absent classes included.

    It scores a class 0 that the truth lacks but that is predicted somewhere; we leave it out of the mean.
    """
    to_label_id = np.zeros(256, np.uint8)
    for label_id, train_id in LABEL_TO_TRAIN.items():
        to_label_id[train_id] = label_id
    files, matrices = [], []
    for k in range(3):
        truth, guess = random_pair(k, classes)
        matrices.append(evaluation.confusion(truth, guess))
        names = []
        for kind, ids in (("gtFine_labelIds", truth), ("prediction", guess)):
            names.append(str(tmp_path / f"bochum_{k:06d}_000019_{kind}.png"))
            Image.fromarray(to_label_id[ids]).save(names[-1])
        files.append(names)
    args = official.args
    args.evalInstLevelScore, args.evalPixelAccuracy, args.JSONOutput, args.quiet = False, False, False, True
    result = official.evaluateImgLists([b for _, b in files], [a for a, _ in files], args)
    run = evaluation.scores("x", 0, "cityscapes", ["a", "b", "c"], matrices)
    names = {"light": "traffic light", "sign": "traffic sign"}
    for name, value in run["iou"].items():
        theirs = result["classScores"][names.get(name, name)]
        assert theirs == 0 if value is None else abs(theirs - value) < 1e-9
    assert abs(result["averageScoreClasses"] * N_CLASSES / len(classes) - run["miou"]["19"]) < 1e-9


def test_a_run_says_whose_it_is():
    """Experiment, seed, target, classes and ids stand in the JSON under these names."""
    run = evaluation.scores("clan", 3, "mapillary", ["a"], [evaluation.confusion(*random_pair(0))])
    assert (run["experiment"], run["seed"], run["target"]) == ("clan", 3, "mapillary")
    assert run["classes"][0] == "road" and run["images"]["id"] == ["a"]
    assert set(run) == {
        "experiment", "seed", "target", "classes", "confusion", "iou", "miou", "pixel_accuracy", "images",
    }  # fmt: skip
    assert set(run["images"]) == {"id", "true_positive", "false_positive", "false_negative"}
    matrix = np.array(run["confusion"])
    assert run["pixel_accuracy"] == pytest.approx(np.trace(matrix) / matrix.sum())


def test_counts_of_images_add_up():
    """The counts in the JSON, summed over images, give back the run's IoU."""
    matrices = [evaluation.confusion(*random_pair(k)) for k in range(4)]
    run = evaluation.scores("x", 0, "t", list("abcd"), matrices)
    total = evaluation.image_counts(run).sum(0)
    assert evaluation.miou(total, 19) == pytest.approx(run["miou"]["19"])
