"""Describable Textures (Cimpoi et al., CVPR 2014): 5640 textures of 47 kinds, 300 to 640 pixels, as a style set; for research.

Layout     images/KIND/KIND_0001.jpg
Labels     none that is read: a picture is a style
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import by_id
from ash.datasets.painters import QUALITY, Painters
from ash.files.images import save


class Dtd(Painters):
    """Describable Textures in the layout of dtd-r1.0.1.tar.gz."""

    name = "dtd"
    layout = "images/KIND/*.jpg"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every texture, of all kinds."""
        return by_id(root / "images", "*/*.jpg"), {}

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """All are of one kind."""
        save(root / "images/banded" / f"banded_{number + 1:04d}.jpg", Image.fromarray(image), quality=QUALITY)


DATASET = Dtd()
