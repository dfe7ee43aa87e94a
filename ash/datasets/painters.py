"""Painter by Numbers (Kaggle 2016; images of WikiArt): 79 433 paintings of any size, the style set; Kaggle's rules.

Layout     train/*.jpg, a flat folder; some files are CMYK or grey, some have over 100 million pixels
Labels     none
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets.base import Dataset, Sample, by_id, save
from ash.errors import DataError

QUALITY = 92  # of the JPEGs that `write` makes


class Painters(Dataset):
    """Paintings in the layout of train.zip."""

    name = "painters"
    splits = ("train",)
    has_labels = False
    layout = "train/*.jpg"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every painting."""
        return by_id(root / "train", "*.jpg"), {}

    def read_label(self, sample: Sample) -> np.ndarray:
        """Paintings have none."""
        raise DataError(f"{sample.image}: is a painting, wanted a labelled image; use it as a style")

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Number 0 is 1.jpg, as the real set counts."""
        save(root / "train" / f"{number + 1}.jpg", Image.fromarray(image), quality=QUALITY)


DATASET = Painters()
