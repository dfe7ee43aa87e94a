"""Whole sets, written in the published layouts through the readers' own modules.

Each image depends on (seed, set, split, number) alone, so the files do not depend on how many processes draw them.
The twins in other weather take the name of the set that they are twins of for it, and so show the same scenes.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from ash import datasets
from ash.files.atomic import writing
from ash.files.temporary import folder_beside
from ash.miniature.conditions import CONDITIONS, WORLD
from ash.miniature.looks import DOMAINS
from ash.miniature.mark import refuse_others, sign
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
    """Draw `counts` images a split, of (width, height) `size`, and put them at `root`; an older drawn set there is replaced.

    The set is drawn in a folder beside `root` and renamed, so a killed process leaves nothing under the final name.
    DataError if files of somebody else lie at `root`.
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
            sign(unfinished)
            refuse_others(dataset, root, unfinished)
            if root.exists():
                shutil.rmtree(root)
            unfinished.replace(root)


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
    world = WORLD if dataset in CONDITIONS else dataset
    key = [seed, *world.encode(), 0, *split.encode(), 0, number]
    if dataset in VARYING:
        scales, aspects = VARYING[dataset]
        rng = np.random.default_rng([*key, 1])
        scale, aspect = rng.uniform(*scales), rng.uniform(*aspects)
        size = (8 * round(size[0] * scale * aspect / 8), 8 * round(size[1] * scale / aspect / 8))
    if world in DOMAINS:
        return draw_scene(dataset, key, size)
    return draw_painting(key, size), None
