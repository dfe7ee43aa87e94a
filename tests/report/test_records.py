"""Whatever a file of the report's holds, it is read as what it is, or one line names it."""

import copy
import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ash.errors import AshError, StoreError
from ash.report.answers import FIELDS
from ash.report.cost import build_cost, cost_table
from ash.report.html import html
from ash.report.in_words import reading
from ash.report.page import machine
from ash.report.records import read_costs, read_history, read_provenance, read_samples, read_scores
from ash.report.runs import Runs
from ash.report.table import read

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([2**63, 10**400, -1, 1e308]),
)
ANY_JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
READERS = (read_scores, read_provenance, read_costs, read_history, read_samples, read)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def told(error: AshError, path) -> None:
    """The message is one line that names the file and a remedy."""
    assert str(path) in str(error)
    assert "\n" not in str(error)
    assert "again" in str(error) or "first" in str(error)


def nodes(value, path=()):
    """Where each value of a JSON document lies."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from nodes(value[key], (*path, key))


def replaced(document, path, value):
    """The document with another value at that place."""
    if not path:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@QUICK
@given(content=ANY_JSON.map(json.dumps).map(str.encode) | st.binary(max_size=200), reader=st.sampled_from(READERS))
def test_random_files(tmp_path, content, reader):
    """JSON of any shape, or any bytes: a value, or StoreError."""
    path = tmp_path / "x"
    path.write_bytes(content)
    try:
        reader(path)
    except StoreError as error:
        told(error, path)


@pytest.mark.parametrize("other", ["ash/seed0/mapillary", "clan/seed0/cityscapes", "ash/seed1/cityscapes"])
def test_scores_of_another_run_in_its_place(world, tmp_path, other):
    """Of another target, another experiment or another seed: one line says whose they are; never a row of a table."""
    made = world(2)[1]
    runs = Runs(tmp_path, (0,))
    path = runs.path("ash", 0, "cityscapes.json")
    path.parent.mkdir(parents=True)
    shutil.copy(made.root / "scores" / f"{other}.json", path)
    experiment, seed, target = other.split("/")
    with pytest.raises(
        StoreError, match=f"scores of {experiment}, seed {seed[4:]}, on {target}, wanted ash, seed 0, on"
    ):
        runs.miou("ash", "cityscapes", 19)


@QUICK
@given(data=st.data())
def test_scores_with_one_value_exchanged(world, tmp_path, data):
    """Anything at any place of a score file: figures over it, or StoreError; never a figure outside of 0 to 100."""
    chosen, runs = world(1)
    sound = json.loads(runs.path("ash", 0, "cityscapes.json").read_text())
    place = data.draw(st.sampled_from([place for place in nodes(sound) if len(place) < 4]))
    other = Runs(tmp_path, (0,))
    path = other.path("ash", 0, "cityscapes.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(replaced(sound, place, data.draw(ANY_JSON))))
    try:
        figures = [other.miou("ash", "cityscapes", 19), other.class_iou("ash", "cityscapes")]
        assert other.counts("ash", "cityscapes").min() >= 0
        assert all((((values >= 0) & (values <= 100)) | np.isnan(values)).all() for values in figures)
    except StoreError as error:
        told(error, path)


@pytest.mark.parametrize(
    ("place", "figure"),
    [
        (("iou", "car"), "iou.car"),
        (("iou", "train"), "iou.train"),
        (("miou", "13"), "miou.13"),
        (("images", "true_positive", 2, 0), "iou.road"),
        (("images", "false_negative", 0, 13), "iou.car"),
    ],
)
def test_figures_that_their_own_counts_contradict(world, tmp_path, place, figure):
    """One figure or one count edited, or a bit of it flipped: never a row of a table."""
    path = Runs(tmp_path, (0,)).path("ash", 0, "cityscapes.json")
    path.parent.mkdir(parents=True)
    sound = json.loads(world(1)[1].path("ash", 0, "cityscapes.json").read_text())
    value = sound
    for key in place:
        value = value[key]
    path.write_text(json.dumps(replaced(sound, place, value + 4 if isinstance(value, int) else (value or 0.5) / 2)))
    with pytest.raises(
        StoreError, match=rf"cityscapes\.json: {figure}: is not what the counts of its images give; remove"
    ):
        read_scores(path)


@QUICK
@given(data=st.data())
def test_costs_and_provenance_with_one_value_exchanged(world, tmp_path, data):
    """The cost table, and the list of machines: whole, or StoreError."""
    chosen, runs = world(1)
    other = Runs(tmp_path, (0,))
    path = other.path("ash", 0, "provenance.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = json.loads(runs.path("ash", 0, "provenance.json").read_text())
    path.write_text(json.dumps(replaced(sound, data.draw(st.sampled_from([*nodes(sound)])), data.draw(ANY_JSON))))
    costs = tmp_path / "cost.json"
    rows = [
        {"experiment": "clan", "forward": 2.0, "backward": 2.5, "least_ms": 80.0, "clock": "wall", "precision": "fp32"}
    ] * 2
    costs.write_text(json.dumps(replaced(rows, data.draw(st.sampled_from([*nodes(rows)])), data.draw(ANY_JSON))))
    for file, use in (
        (path, lambda: machine(["ash"], other)),
        (costs, lambda: html(cost_table(build_cost(chosen, costs)))),
    ):
        try:
            use()
        except StoreError as error:
            told(error, file)


@QUICK
@given(
    cells=st.lists(
        st.lists(st.sampled_from(["1", "", "-2.5", "nan", "inf", "x", '"', "é", "method"]), max_size=6), max_size=4
    )
)
def test_tables_of_any_cells(tmp_path, cells):
    """claims.csv with rows of any length: its reading in words, or StoreError."""
    path = tmp_path / "claims.csv"
    path.write_text(",".join(FIELDS) + "\n" + "\n".join(map(",".join, cells)))
    try:
        reading(path)
    except StoreError as error:
        told(error, path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept | {"label": kept["label"][:, :-1]},
        lambda kept: kept | {"prediction": kept["prediction"] + np.uint8(100)},
        lambda kept: kept | {"image": kept["image"].astype(np.float32)},
        lambda kept: kept | {"image": kept["image"][..., 0]},
        lambda kept: {"image": kept["image"]},
        lambda kept: kept | {"label": np.array([{}])},
    ],
)
def test_samples_that_do_not_fit(world, tmp_path, spoil):
    """Another size, ids of no class, another type, grey images, a missing part, pickled objects: no advice on pickles."""
    _, runs = world(1)
    with np.load(runs.path("ash", 0, "cityscapes.npz")) as file:
        kept = dict(file)
    path = tmp_path / "x.npz"
    np.savez(path, **spoil(kept))
    with pytest.raises(StoreError, match="evaluate the experiment again") as refused:
        read_samples(path)
    told(refused.value, path)
    assert "pickle" not in str(refused.value)


def test_labels_may_be_larger_than_images(tmp_path):
    """Cityscapes' are, at the paper's scale: images are resized for the network and labels are not."""
    path, image, label = tmp_path / "x.npz", np.zeros((2, 16, 32, 3), np.uint8), np.ones((2, 32, 64), np.uint8)
    np.savez(path, image=image, label=label, prediction=label)
    assert read_samples(path)["prediction"].shape == (2, 32, 64)


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_samples_that_were_cut_off(world, tmp_path, size):
    """Nothing, a byte, a hundred, all but one: StoreError."""
    _, runs = world(1)
    path = tmp_path / "x.npz"
    path.write_bytes(runs.path("ash", 0, "cityscapes.npz").read_bytes()[:size])
    with pytest.raises(StoreError, match="no archive of images"):
        read_samples(path)


def test_a_folder_in_the_place_of_a_file(world, tmp_path):
    """Each reader says what it could not read."""
    for reader in READERS:
        with pytest.raises(StoreError, match=r"cannot be read \(Is a directory\)|no archive"):
            reader(tmp_path)


def test_a_history_with_words_for_figures(world, tmp_path):
    """StoreError names the file."""
    _, runs = world(1)
    path = tmp_path / "history.csv"
    shutil.copy(runs.path("ash", 0, "history.csv"), path)
    path.write_text(path.read_text().replace("10,", "ten,", 1))
    with pytest.raises(StoreError, match=r"history\.csv: not a CSV file of figures .*train the experiment again"):
        read_history(path)
