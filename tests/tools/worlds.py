"""The picture of the drawn worlds in docs/images, and what models score in them (figures in docs/why/miniature.md).

    python -m tests.tools.worlds docs/images/worlds.png
    python -m tests.tools.worlds build/worlds.png results/models/source_only/seed0/model.safetensors

Above one scene of the Cityscapes-like set and its twins in fog, at night, in rain and snow; below five of the third world.
For each model that is named, mIoU in per cent on the first images of each validation set.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ash.evaluation.scores import confusion, counts, miou
from ash.experiment.evaluate import predictor
from ash.miniature.conditions import CONDITIONS, WORLD
from ash.miniature.draw import _draw
from ash.miniature.scene import draw_scene
from ash.weights.model import load_model

SCENE, IMAGES, SIZE = 1, 40, (192, 96)
FIRST = {
    "kitti": ("train", 1)
}  # split and number of the first image of a set's validation split, elsewhere that of val


def strip() -> Image.Image:
    """Two rows of five scenes, 192x96 each, in 256 colours."""
    twins = [draw_scene(domain, [0, SCENE])[0] for domain in (WORLD, *sorted(CONDITIONS))]
    third = [draw_scene("kitti", [0, k])[0] for k in range(len(twins))]
    rows = [np.concatenate(row, 1) for row in (twins, third)]
    return Image.fromarray(np.concatenate(rows, 0)).quantize(256)


def drawn(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The first validation images of a set with seed 0, uint8 (N,H,W,3), and their labels."""
    split, first = FIRST.get(name, ("val", 0))
    pairs = [_draw(name, SIZE, 0, (split, first + k)) for k in range(IMAGES)]
    return np.stack([image for image, _ in pairs]), np.stack([label for _, label in pairs if label is not None])


def scored(models: list[Path]) -> None:
    """Print a line for each model."""
    sets = {name: drawn(name) for name in (WORLD, "kitti", *sorted(CONDITIONS))}
    where = torch.device("cpu")
    for path in models:
        predict, row = predictor(load_model(path, where), where), []
        for name, (images, labels) in sets.items():
            guesses = [predict(images[k : k + 1], SIZE[::-1])[0] for k in range(IMAGES)]
            matrix = sum(confusion(truth, guess) for truth, guess in zip(labels, guesses, strict=True))
            row.append(f"{name} {100 * float(miou(counts(np.asarray(matrix)), 19)):.1f}")
        print(path, *row)


if __name__ == "__main__":
    picture, *named = map(Path, sys.argv[1:])
    picture.parent.mkdir(parents=True, exist_ok=True)
    strip().save(picture, optimize=True)
    if named:
        scored(named)
