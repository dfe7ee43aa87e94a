"""What was measured for a claim, and whether it holds: from the files of the runs, with an interval over seeds.

A claim holds if the whole interval is where the claim has it, does not hold if the whole interval is on the other side, and
cannot be told otherwise.  With one seed nothing that seeds decide can be told, whatever the number.  Nothing else decides:
the size that the paper prints does not, as other data and networks give other sizes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path

import numpy as np

from ash.config import Settings
from ash.errors import ConfigError
from ash.evaluation.intervals import Interval, combined, over_seeds
from ash.evaluation.scores import shared as of_pair
from ash.labels import CLASSES, classes_of
from ash.report import sampling
from ash.report.claims import FAILS, HOLDS, UNKNOWN, AnyClaim, Contrast, Cost, Open, Order, Proof, Style
from ash.report.means import among
from ash.report.records import read_costs, read_history
from ash.report.runs import Runs


@dataclass(frozen=True)
class Answer:
    """Measured in the claim's unit; the interval is over seeds or images, `over` is empty where there is none."""

    verdict: str
    why: str
    measured: float | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    over: str = ""


@dataclass(frozen=True)
class World:
    """What claims are answered from; `trained` are the experiments of this run, `costs` the file of `ash bench cost`."""

    settings: Settings
    runs: Runs
    trained: Collection[str]
    costs: Path

    def interval(self, weights: Mapping[str, float], target: str, classes: Sequence[str] = ()) -> Interval:
        """Of a weighted sum of mIoUs, in points: over the classes that sources and target share, or those that are named."""
        some = [CLASSES.index(name) for name in classes]
        whole = max(classes_of(self.settings.experiment(name).source) for name in weights)
        counts = self.runs.pairing(list(weights), target)
        classes_used = some or of_pair(whole, among(self.settings, weights, target))
        drawn = sampling.blocks(self.runs, next(iter(weights)), target)
        resamples = self.settings.protocol.evaluation.resamples
        return combined(list(weights.values()), counts, classes_used, resamples, drawn)

    def contrast(self, first: str, second: str, target: str, classes: Sequence[str] = ()) -> Interval:
        """`first` minus `second`."""
        return self.interval({first: 1.0, second: -1.0}, target, classes)


def answer(claim: AnyClaim, world: World) -> Answer:
    """Measure a claim; StoreError for files that are missing or damaged, or runs that do not pair."""
    missing = [name for name in claim.experiments() if name not in world.trained]
    if isinstance(claim, Proof):
        return Answer(claim.verdict, claim.why)
    if isinstance(claim, Open):
        return Answer(UNKNOWN, claim.why)
    if isinstance(claim, Cost):
        return _cost(claim, world)
    if missing:
        return Answer(UNKNOWN, f"not trained in this run: {', '.join(missing)}")
    if isinstance(claim, Contrast):
        return _contrast(claim, world)
    return _order(claim, world) if isinstance(claim, Order) else _style(claim, world)


def _contrast(claim: Contrast, world: World) -> Answer:
    found = {second: world.contrast(claim.first, second, claim.target, claim.classes) for second in claim.seconds}
    best = min(claim.seconds, key=lambda second: found[second].difference)  # the least lead is the one over the best
    margin = claim.margin or 0.0
    wanted = {
        "better": (0.0, inf),
        "worse": (-inf, 0.0),
        "comparable": (-margin, margin),
        "competitive": (-margin, inf),
    }[claim.direction]
    return judged(found[best], wanted, len(world.runs.seeds), f"the best of them is {best}" if len(found) > 1 else "")


def _order(claim: Order, world: World) -> Answer:
    def effect(pair: tuple[str, str], sign: float) -> dict[str, float]:
        return {pair[0]: sign, pair[1]: -sign}

    found = {}
    for pair in claim.smaller:
        weights = effect(claim.larger, 1.0)
        for name, weight in effect(pair, -1.0).items():
            weights[name] = weights.get(name, 0.0) + weight
        found[pair] = world.interval(weights, claim.target)
    nearest = min(found, key=lambda pair: found[pair].difference)
    other = f"the largest other effect is {' - '.join(nearest)}" if len(found) > 1 else ""
    return judged(found[nearest], (0.0, inf), len(world.runs.seeds), other)


def _style(claim: Style, world: World) -> Answer:
    seeds = world.runs.seeds
    each = [
        shares(world.runs.path(claim.experiment, seed, "history.csv"), claim.norm, claim.per == "pixel")
        for seed in seeds
    ]
    unseen = [name for name in (*claim.of, *claim.over) if any(isnan(share[name]) for share in each)]
    if unseen:
        return Answer(
            UNKNOWN, f"no pixel of the image is predicted as {', '.join(dict.fromkeys(unseen))}", n=len(seeds)
        )
    largest = claim.below is not None and not claim.some
    values = np.array([(max if largest else min)(share[name] for name in claim.of) for share in each])
    if claim.over:
        values = values - np.array([max(share[name] for name in claim.over) for share in each])
    wanted = (-inf, claim.below) if claim.below is not None else (claim.above or 0.0, inf)
    if len(seeds) == 1:
        return Answer(UNKNOWN, ONE_SEED, float(values[0]), 1)
    return judged(over_seeds(values), wanted, len(seeds))


def shares(history: Path, norm: str, by_pixel: bool) -> dict[str, float]:
    """What each class shares of the sum of all classes' changes of a norm, in per cent; means over the later half of rows.

    By pixel, each class's change is first divided by the pixels predicted as it; NaN for a class that none is.
    StoreError for a history without the columns of Figure 4.
    """
    frame = read_history(history, *(f"{kind}.{name}" for kind in (norm, "pixels") for name in CLASSES))
    late = frame.iloc[len(frame) // 2 :]
    changes = {}
    for name in CLASSES:
        pixels = late[f"pixels.{name}"].where(late[f"pixels.{name}"] > 0) if by_pixel else 1.0
        changes[name] = float((late[f"{norm}.{name}"].abs() / pixels).mean())
    whole = sum(change for change in changes.values() if not isnan(change))
    return {name: 100 * change / whole if whole else 0.0 for name, change in changes.items()}


def _cost(claim: Cost, world: World) -> Answer:
    rows = {row["experiment"]: row for row in read_costs(world.costs)}
    missing = [name for name in claim.experiments() if name not in rows]
    if missing:
        return Answer(UNKNOWN, f"the cost of a step was not measured: {', '.join(missing)}")
    ours, theirs = (rows[name] for name in claim.experiments())
    copies = world.settings.experiment(claim.second).settings.get("copies")
    if copies is None:
        raise ConfigError(f"{claim.second}: makes no renderings, so a cost with {claim.renderings} has no meaning")
    passes, here = ours["forward"] + ours["backward"], theirs["forward"] + theirs["backward"]
    there = here * (claim.renderings + 1) / (copies + 1)  # each rendering passes as the image itself does
    ratio = passes / there
    return Answer(
        HOLDS if ratio < claim.below else FAILS,
        f"{passes:g} passes through the segmenter for each image of a step, {there:g} with {claim.renderings} renderings; "
        f"counts, so no seed decides. Here {claim.second} has {copies} renderings and {here:g} passes",
        ratio,
    )


ONE_SEED = "one seed says nothing about others"


def judged(interval: Interval, wanted: tuple[float, float], n: int, more: str = "") -> Answer:
    """Whether an interval lies within the wanted one, outside of it, or neither; `more` ends the reason."""
    least, most = wanted
    low, high = interval.low, interval.high
    bounds = " and ".join(f"{'above' if k == 0 else 'below'} {b:g}" for k, b in enumerate(wanted) if abs(b) < inf)
    if isnan(interval.difference):
        verdict, why = UNKNOWN, "a score is undefined, as the labels hold none of the classes"
    elif n == 1:
        verdict, why = UNKNOWN, f"{ONE_SEED}; the interval is over images only"
    elif low > least and high < most:
        verdict, why = HOLDS, f"the whole interval over {n} seeds is {bounds}"
    elif high < least or low > most:
        verdict, why = FAILS, f"the whole interval over {n} seeds is {_outside(high < least, wanted)}"
    else:
        verdict, why = UNKNOWN, f"the interval over {n} seeds reaches across {_across(low, high, wanted)}"
    return Answer(verdict, f"{why}; {more}" if more else why, interval.difference, n, low, high, interval.over)


def _outside(below: bool, wanted: tuple[float, float]) -> str:
    return f"below {wanted[0]:g}" if below else f"above {wanted[1]:g}"


def _across(low: float, high: float, wanted: tuple[float, float]) -> str:
    """The bounds that an interval holds, its own ends included."""
    return " and ".join(f"{bound:g}" for bound in wanted if low <= bound <= high)
