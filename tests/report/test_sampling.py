"""Notes and intervals of tables, contrasts and claims on targets whose images are frames of a video."""

import json
import shutil
from dataclasses import replace

import pytest

from ash.evaluation.intervals import over_images
from ash.evaluation.scores import shared
from ash.report.contrast import contrast
from ash.report.means import among
from ash.report.sampling import blocks, notes
from ash.report.tables import miou_frame
from ash.report.verdicts import World


@pytest.fixture
def one_seed(streets, tmp_path):
    """One seed of made-up runs on CamVid, whose images are frames of two drives."""
    settings, runs = streets
    shutil.copytree(runs.root, tmp_path / "runs")
    runs = replace(runs, root=tmp_path / "runs")
    for path in sorted(runs.root.rglob("camvid.json")):
        content = json.loads(path.read_text())
        count = len(content["images"]["id"])
        content["images"]["id"] = [f"{'0016E5' if k < count // 2 else 'Seq05VD'}_{k:05d}" for k in range(count)]
        path.write_text(json.dumps(content))
    params = settings.params.model_copy(update={"seeds": (0,)})
    return settings.model_copy(update={"params": params}), replace(runs, seeds=(0,))


def test_all_ways_to_an_interval_draw_blocks(one_seed, tmp_path):
    """Table, contrast and claim have the interval of the bootstrap over two drives, not of one over the images."""
    settings, runs = one_seed
    counts = [runs.counts(name, "camvid")[0] for name in ("source_only", "clan")]
    classes = shared(19, among(settings, settings.rows("controls"), "camvid"))
    resamples = settings.protocol.evaluation.resamples
    drawn = blocks(runs, "clan", "camvid")
    assert len(set(drawn.tolist())) == 2
    wanted = over_images((-100, 100), counts, classes, resamples, drawn)
    assert (wanted.low, wanted.high) != (
        over_images((-100, 100), counts, classes, resamples).low,
        over_images((-100, 100), counts, classes, resamples).high,
    )
    row = miou_frame(settings, "controls", runs, {}).set_index(["experiment", "target"]).loc["clan", "camvid"]
    assert (row["low"], row["high"]) == pytest.approx((wanted.low, wanted.high))
    line, *rest = contrast(settings, "source_only", "clan", runs)
    assert f"95 % over images [{wanted.low:+.1f}, {wanted.high:+.1f}]" in line
    assert any("frames of 2 drives, which follow each other" in text for text in rest)
    found = World(settings, runs, ("clan", "source_only"), tmp_path).contrast("clan", "source_only", "camvid")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_notes_are_of_videos_alone(one_seed):
    """None of a set of single images; with several seeds the note says what the interval is over."""
    settings, runs = one_seed
    assert notes(runs, "clan", ["source"]) == []
    (line,) = notes(runs, "clan", ["source", "camvid"])
    assert "the bootstrap draws them in 2 blocks of up to 10, none across two drives, and says nothing of other" in line
