"""Hours and bytes of a whole protocol, by hand."""

import json

import pytest

from ash import config
from ash.bench.plan import disk, hours, read_measured
from ash.errors import ConfigError, StoreError
from tests.conftest import ROOT, ash


@pytest.fixture(scope="module")
def paper():
    """The paper's protocol."""
    return config.load(ROOT / "params.yaml", "paper")


def measured(paper):
    """One second and one TFLOP a step for the first experiment of each method, two seconds for `ash_release`."""
    methods = {entry.method: name for name, entry in reversed(paper.params.experiments.items())}
    rows = [{"experiment": name, "method": method, "ms": 1000.0, "tflop": 1.0} for method, name in methods.items()]
    return [*rows, {"experiment": "ash_release", "method": "ash", "ms": 2000.0, "tflop": 2.0}]


def test_hours_by_hand(paper):
    """Experiments x 100 000 steps x seeds x a second; an experiment measured itself counts with its own step."""
    rows = {row["method"]: row for row in hours(paper, measured(paper))}
    for method, row in rows.items():
        count = sum(paper.params.experiments[name].method == method for name in paper.experiments(paper.params.groups))
        extra = 1 if method == "ash" else 0
        assert row["experiments"] == count
        assert row["hours"] == pytest.approx((count + extra) * 1e5 * len(paper.params.seeds) / 3600)
        assert row["pflop"] == pytest.approx((count + extra) * 1e2 * len(paper.params.seeds))


def test_a_recipe_that_was_not_measured(paper):
    """Named, with the option that measures it."""
    with pytest.raises(ConfigError, match=r"method asm: not measured; add `--experiment asm`"):
        hours(paper, [row for row in measured(paper) if row["method"] != "asm"])


SHAPES = {
    "an object": ({"ash": 1000.0}, "whole file: Input should be a valid array"),
    "nothing measured": ([], "whole file: List should have at least 1 item"),
    "rows that are none": ([1, None], "0: Input should be an object, and 1 more"),
    "another tool's rows": ([{"name": "ash", "seconds": 1.0}], "0.experiment: Field required, and 2 more"),
    "time as text": ([{"experiment": "ash", "method": "ash", "ms": "fast"}], "0.ms: Input should be a valid number"),
    "no time": ([{"experiment": "ash", "method": "ash", "ms": 0}], "0.ms: Input should be greater than 0"),
    "not a number": ([{"experiment": "ash", "method": "ash", "ms": float("nan")}], "0.ms: Input should be"),
    "negative work": ([{"experiment": "ash", "method": "ash", "ms": 1, "tflop": -1}], "0.tflop: Input should be"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_no_measurement(tmp_path, name):
    """JSON of another shape is one line with the file, the place in it and the command that writes it."""
    content, said = SHAPES[name]
    (tmp_path / "cost.json").write_text(json.dumps(content))
    with pytest.raises(StoreError) as error:
        read_measured(tmp_path / "cost.json")
    assert str(error.value).startswith(f"{tmp_path}/cost.json: {said}") and "\n" not in str(error.value)
    assert "`ash bench cost --synthetic ...`" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, None])
def test_what_is_no_json(tmp_path, content):
    """Neither are bytes, nor a file that is not there."""
    if content is not None:
        (tmp_path / "cost.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"cost\.json: .*ash bench cost"):
        read_measured(tmp_path / "cost.json")


def test_bytes_by_hand(paper):
    """24 966 images of 1280x720 in three bytes and a label; features of 512 x 90 x 160 halves, if they are cached."""
    rows = {row["file"]: row["gb"] for row in disk(paper)}
    assert rows["prepared gta5 train"] == pytest.approx(24966 * 1280 * 720 * 4 / 1e9)
    assert rows["features, if cached, gta5"] == pytest.approx(368.1, abs=0.1)
    assert "features, if cached, cityscapes" not in rows  # the oracle does not stylise
    assert rows["models"] == pytest.approx(32 * 4 * 45_301_976 / 1e9, rel=0.01)  # weights; statistics add little
    assert rows["features painters"] == pytest.approx(79433 * 512 * 64 * 64 / 1e9)


def test_on_the_command_line(paper, tmp_path):
    """Both tables, with a total."""
    (tmp_path / "cost.json").write_text(json.dumps(measured(paper)))
    output = ash(ROOT, "bench", "plan", str(tmp_path / "cost.json"), "--protocol", "paper").stdout
    assert "all" in output and "PFLOP" in output and "prepared gta5 train" in output
