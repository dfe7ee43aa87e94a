"""What a step costs, counted in images that pass the segmenter, by hand for every method."""

import json

import pytest

from ash import config
from ash.bench.step import Passes, bench_cost, bench_step
from tests.support.whole import files_of
from tests.support.world import batch, built, gradients

# Forward: the images that G looks at for each source image.  Backward: the gradients that flow back through it.
COSTS = {
    "source_only": (1, 1),
    "clan": (2, 2),  # the source, and the image in the target's part
    "clan_target": (2, 2),
    "advent": (2, 2),  # both heads stand on one pass
    "maxsquare": (2, 2),
    "batchnorm_only": (2, 1),  # the view passes without a loss
    "stylised_segmentation_loss": (2, 2),
    "colour_jitter": (2, 2),
    "ash": (2, 2),  # one gradient of x^ serves H, which is behind G, and G (`reversal`)
    "ash_segmentation_loss": (2, 3),  # x^ is looked at once and differentiated twice
    "ash_release": (4, 3),  # G looks at x and its own x^ anew; H's look at x leaves no graph
    "ash_print": (3, 3),  # G looks at x, at x^ for H, and at x^ again once it has stepped
    "ash_local": (2, 2),
    "asm": (4, 4),  # [x^, x] twice; the first pass back is also for the latent
    "domain_randomisation": (3, 3),  # the source and m = 2 renderings
}


@pytest.mark.parametrize("name", COSTS)
def test_passes_by_hand(name):
    """Images that pass forwards and gradients that pass backwards in one step, for each source image."""
    method = built(name)
    passes = Passes(method.players["segmenter"])
    given = batch(needs=method.settings.needs)
    gradients(method, given)
    assert (passes.forward / 2, passes.backward / 2) == COSTS[name]


@pytest.mark.parametrize("copies", [1, 4])
def test_randomisation_costs_one_pass_a_rendering(copies):
    """1 + m forwards, 1 + m backwards."""
    method = built("domain_randomisation", copies=copies)
    passes = Passes(method.players["segmenter"])
    gradients(method, batch(needs=method.settings.needs))
    assert (passes.forward / 2, passes.backward / 2) == (1 + copies, 1 + copies)


@pytest.mark.workflow
def test_the_workflow_measures_the_first_table(built):
    """results/cost.json has a row for each experiment of table 1, with the passes counted by hand."""
    rows = json.loads((built / "results/cost.json").read_text())
    assert {row["experiment"]: (row["forward"], row["backward"]) for row in rows} == {"clan": (2, 2), "ash": (2, 3)}
    assert all(row["ms"] > 0 and row["precision"] == "fp32" and row["method"] == row["experiment"] for row in rows)
    assert all(row["least_ms"] > 0 and row["clock"] == "processor" for row in rows)


@pytest.mark.workflow
@pytest.mark.parametrize("steps", [1, 3])
def test_cost_does_not_depend_on_how_long_it_is_measured(built, steps):
    """Passes are per source image and step, the warm-up's steps included in both."""
    settings = config.load(built / "params.yaml")
    files = files_of(built / "data", settings, "source_only")
    (row,) = bench_cost(settings, ["source_only"], files, steps, 2)
    assert (row["forward"], row["backward"]) == (1, 1)


@pytest.mark.workflow
def test_parts_of_a_step(built):
    """Reading, each update forwards and backwards, the optimisers, and their sum."""
    settings = config.load(built / "params.yaml")
    rows = bench_step(settings, "ash", files_of(built / "data", settings, "ash"), 2)
    names = [row["part"] for row in rows]
    assert names == [
        "read batch", "forward 1", "backward 1: hallucinator", "forward 2", "backward 2: segmenter", "forward 3",
        "backward 3: discriminator", "optimisers", names[-1],
    ]  # fmt: skip
    assert names[-1].startswith("step (fp32, ")
    assert rows[-1]["ms"] == pytest.approx(sum(row["ms"] for row in rows[:-1]))
