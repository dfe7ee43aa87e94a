"""One street scene."""

import numpy as np

from ash.miniature import street
from ash.miniature.conditions import CONDITIONS, WORLD
from ash.miniature.geometry import Canvas
from ash.miniature.layout import Layout
from ash.miniature.optics import OPTICS, render


def draw_scene(domain: str, seed: int | list[int], size: tuple[int, int] = (192, 96)) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scene of `domain`: image uint8 (H,W,3) and train ids uint8 (H,W), a function of the arguments alone.

    `size` is (width, height).  A twin in other weather shows, with equal labels, what its world shows for that seed.
    """
    rng = np.random.default_rng(seed)
    world = WORLD if domain in CONDITIONS else domain
    optics = OPTICS.get(world)
    canvas = Canvas(rng, world, size, optics.jitter if optics else 1.0)
    Layout(canvas).fill()
    if optics and rng.random() < optics.branch:
        street.branch(canvas)
    if domain in CONDITIONS:
        return render(canvas, CONDITIONS[domain].optics, CONDITIONS[domain].weather)
    return render(canvas, optics)
