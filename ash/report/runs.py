"""Reading what runs left behind: results/models/<experiment>/seed<k>/ and results/scores/<experiment>/seed<k>/.

Those of `more_experiments` lie below results/more/, and so do all scores on further targets, so that the folders above hold
what the default target makes, no more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ash.errors import StoreError, flat, several
from ash.evaluation.scores import ALL, image_counts, mean_iou, shared
from ash.labels import SUBSETS
from ash.report.records import Scores, read_scores

TRAINED = (
    "model.safetensors",
    "players.safetensors",
    "history.csv",
    "provenance.json",
)  # what training leaves; all else comes of evaluation


@dataclass(frozen=True)
class Runs:
    """The scores of every experiment, read from their files when asked for.

    `root` is the folder of results, `more` holds the names of the experiments whose results lie in its folder more/, and
    `further` those of the data sets whose scores do.
    """

    root: Path
    seeds: tuple[int, ...]
    more: Collection[str] = ()
    further: Collection[str] = ()

    def path(self, experiment: str, seed: int, name: str) -> Path:
        """A file of one run."""
        apart = experiment in self.more or name.partition(".")[0] in self.further
        folder = self.root / "more" if apart else self.root
        return folder / ("models" if name in TRAINED else "scores") / experiment / f"seed{seed}" / name

    @property
    def stylisation(self) -> Path:
        """What a trained ASH made of a few images (`ash stylisation`)."""
        return self.root / "figures/stylisation.npz"

    def require(self, experiments: Iterable[str], names: Iterable[str]) -> None:
        """StoreError that lists every file that is missing."""
        names = list(names)
        paths = [self.path(e, seed, name) for e in experiments for seed in self.seeds for name in names]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise StoreError(several(f"{self.root}: {len(missing)} file(s) missing; run their experiments", missing))

    def scores(self, experiment: str, target: str) -> list[Scores]:
        """The JSON of each seed; StoreError if one is missing or has another shape."""
        return [self._scores(experiment, seed, target) for seed in self.seeds]

    def _scores(self, experiment: str, seed: int, target: str) -> Scores:
        """The JSON of one run on one target, which must say that it is that."""
        path = self.path(experiment, seed, f"{target}.json")
        run = read_scores(path)
        found, wanted = (run["experiment"], run["seed"], run["target"]), (experiment, seed, target)
        if found != wanted:
            told = ["{}, seed {}, on {}".format(*names) for names in (found, wanted)]
            raise StoreError(
                f"{path}: scores of {flat(told[0])}, wanted {told[1]}; remove it and evaluate the experiment again"
            )
        return run

    def miou(self, experiment: str, target: str, classes: int, among: Collection[int] = ALL) -> np.ndarray:
        """mIoU of each seed over those of 19, 16 or 13 classes that are `among` some train ids, in per cent."""
        runs = self.scores(experiment, target)
        if set(SUBSETS[classes]) <= set(among):
            return 100 * np.array([run["miou"][str(classes)] for run in runs], float)
        values = [[np.nan if run["iou"][c] is None else run["iou"][c] for c in run["classes"]] for run in runs]
        return 100 * mean_iou(np.array(values, float), shared(classes, among))

    def counts(self, experiment: str, target: str) -> np.ndarray:
        """Counts of each seed and image, (S,N,3,19)."""
        return np.stack([image_counts(run) for run in self.scores(experiment, target)])

    def pairing(self, experiments: Sequence[str], target: str) -> list[np.ndarray]:
        """Counts of experiments, (S,N,3,19) each; StoreError if they were not scored on the same images."""
        ids = {name: [run["images"]["id"] for run in self.scores(name, target)] for name in experiments}
        first = ids[experiments[0]][0]
        other = [name for name, seeds in ids.items() if any(seed != first for seed in seeds)]
        if other:
            names = " and ".join(dict.fromkeys((experiments[0], *other)))
            raise StoreError(f"{self.root}: {names} were scored on other images of {target}; evaluate them again")
        return [self.counts(name, target) for name in experiments]

    def class_iou(self, experiment: str, target: str) -> np.ndarray:
        """IoU of each class in per cent, mean over seeds, NaN where the truth lacks the class."""
        runs = self.scores(experiment, target)
        values = [[np.nan if run["iou"][c] is None else run["iou"][c] for c in run["classes"]] for run in runs]
        return 100 * np.array(values, float).mean(0)
