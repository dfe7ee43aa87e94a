"""Whole sets, written in the published layouts through the readers' own modules.

Each image depends on (seed, set, split, number) alone, so the files do not depend on how many processes draw them.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from ash import datasets
from ash.datasets._base import Dataset
from ash.errors import DataError
from ash.files.atomic import writing
from ash.files.listing import is_hidden, shown
from ash.files.temporary import folder_beside
from ash.miniature.looks import DOMAINS
from ash.miniature.paintings import draw_painting
from ash.miniature.scene import draw_scene
from ash.progress import Progress, quiet

VARYING = {"mapillary": ((0.75, 1.5), (1.0, 1.0)), "painters": ((0.75, 1.5), (0.8, 1.25))}
"""Bounds of the scale and of the aspect, relative to the drawn size, of sets whose images differ in size."""


def draw_set(
    dataset: str,
    root: Path,
    counts: Mapping[str, int],
    size: tuple[int, int],
    seed: int,
    workers: int | None = None,
    progress: Progress = quiet,
) -> None:
    """Draw `counts` images a split, of (width, height) `size`, and put them at `root`; an older set there is replaced.

    The set is drawn in a folder beside `root` and renamed, so a killed process leaves nothing under the final name.
    """
    target = datasets.load(dataset)
    jobs = [(split, number) for split, count in sorted(counts.items()) for number in range(count)]
    with writing(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        with folder_beside(root) as unfinished:
            pictures = _drawn(partial(_draw, dataset, size, seed), jobs, workers or os.cpu_count() or 1)
            for done, ((split, number), (image, label)) in enumerate(zip(jobs, pictures, strict=True), 1):
                target.write(unfinished, split, number, image, label)
                progress(done, len(jobs))
            target.finish(unfinished)
            _refuse_others(target, root, unfinished)
            if root.exists():
                shutil.rmtree(root)
            unfinished.replace(root)


def _refuse_others(dataset: Dataset, root: Path, drawn: Path) -> None:
    """DataError if the folder to be replaced holds what no drawn set has: then somebody else's files lie there."""
    read = [path for split in dataset.splits for files in dataset.files(root, split) for path in files.values()]
    known = {path.name for path in drawn.iterdir()} | {path.relative_to(root).parts[0] for path in read}
    others = sorted(path.name for path in root.glob("*") if path.name not in known and not is_hidden(Path(path.name)))
    if others:
        raise DataError(
            f"{root}: holds {shown(others[0])}, which a drawn {dataset.name} has not, and would be replaced; name another "
            "root, or state `draw: null` for a set of your own"
        )


Picture = tuple[np.ndarray, np.ndarray | None]


def _drawn(draw: Callable[[tuple[str, int]], Picture], jobs: list[tuple[str, int]], workers: int) -> Iterator[Picture]:
    """The pictures of `jobs` in their order, drawn by so many processes."""
    if workers == 1:
        yield from map(draw, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(draw, jobs, chunksize=16)


def _draw(dataset: str, size: tuple[int, int], seed: int, job: tuple[str, int]) -> Picture:
    """One picture and its labels, at a size of its own where the set's sizes vary."""
    split, number = job
    key = [seed, *dataset.encode(), 0, *split.encode(), 0, number]
    if dataset in VARYING:
        scales, aspects = VARYING[dataset]
        rng = np.random.default_rng([*key, 1])
        scale, aspect = rng.uniform(*scales), rng.uniform(*aspects)
        size = (8 * round(size[0] * scale * aspect / 8), 8 * round(size[1] * scale / aspect / 8))
    if dataset in DOMAINS:
        return draw_scene(dataset, key, size)
    return draw_painting(key, size), None
