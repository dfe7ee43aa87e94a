"""A folder of any pictures as a style set: paintings, textures or photographs, in any folders below it.

Layout     *.png, *.jpg and *.jpeg anywhere below the folder, in small letters or capitals; an id is the path from there
Labels     none.  A folder that holds a set with labels is refused, for its label maps would be styles too.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash import datasets
from ash.datasets._base import by_id
from ash.datasets.painters import Painters
from ash.errors import DataError
from ash.files.images import save
from ash.files.listing import shown

SUFFIXES = (".png", ".jpg", ".jpeg")


class Gallery(Painters):
    """Any pictures in any folders."""

    name = "gallery"
    layout = "pictures (*.png, *.jpg, *.jpeg) in any folders"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every picture below the folder."""
        found = by_id(root, "**/*", lambda path: path.relative_to(root).as_posix())
        return {i: path for i, path in found.items() if path.suffix.lower() in SUFFIXES}, {}

    def verify(self, root: Path) -> None:
        """DataError where the folder is that of a set with labels."""
        for name in datasets.names():
            other = datasets.load(name)
            if other.has_labels and any(other.files(root, split)[1] for split in other.splits):
                raise DataError(
                    f"{shown(root)}: holds label maps in the layout of {name}, wanted pictures alone; name the folder of"
                    " its images"
                )

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Numbers from 1."""
        save(root / f"{number + 1}.png", Image.fromarray(image))


DATASET = Gallery()
