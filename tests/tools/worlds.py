"""The picture of the drawn worlds in docs/images: python -m tests.tools.worlds docs/images/worlds.png

Above one scene of the Cityscapes-like set and its twins in fog, at night, in rain and snow; below five of the third world.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ash.miniature.conditions import CONDITIONS, WORLD
from ash.miniature.scene import draw_scene

SCENE = 1


def strip() -> Image.Image:
    """Two rows of five scenes, 192x96 each, in 256 colours."""
    twins = [draw_scene(domain, [0, SCENE])[0] for domain in (WORLD, *sorted(CONDITIONS))]
    third = [draw_scene("kitti", [0, k])[0] for k in range(len(twins))]
    rows = [np.concatenate(row, 1) for row in (twins, third)]
    return Image.fromarray(np.concatenate(rows, 0)).quantize(256)


if __name__ == "__main__":
    strip().save(Path(sys.argv[1]), optimize=True)
