"""Painter by Numbers (Kaggle 2016; images of WikiArt): 79 433 paintings of any size, the style set; Kaggle's rules.

Layout     train/*.jpg, a flat folder; some files are CMYK or grey, some have over 100 million pixels
Labels     none
Quirks     paintings above `LARGE` pixels are decoded at a half, a quarter or an eighth of their size, which JPEG allows: a
           style image is shrunk far below that anyway, and memory stays bounded
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import Dataset, Sample, by_id
from ash.errors import DataError
from ash.files.images import read_rgb, save

QUALITY = 92  # of the JPEGs that `write` makes
LARGE = 1 << 25  # pixels: 96 MiB as RGB


class Painters(Dataset):
    """Paintings in the layout of train.zip."""

    name = "painters"
    splits = ("train",)
    has_labels = False
    layout = "train/*.jpg"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every painting."""
        return by_id(root / "train", "*.jpg"), {}

    def read_image(self, sample: Sample) -> np.ndarray:
        """RGB uint8 (H,W,3) of at most about `LARGE` pixels, upright.  DataError if unreadable."""
        return read_rgb(sample.image, _draft, turn=True)

    def read_label(self, sample: Sample) -> np.ndarray:
        """Paintings have none."""
        raise DataError(f"{sample.image}: is a painting, wanted a labelled image; use it as a style")

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Number 0 is 1.jpg, as the real set counts."""
        save(root / "train" / f"{number + 1}.jpg", Image.fromarray(image), quality=QUALITY)


def _draft(picture: Image.Image) -> None:
    """Have an oversized JPEG decoded at the largest fraction of its size that fits; other formats have none."""
    width, height = picture.size
    divisor = 1
    while divisor < 8 and width * height > LARGE * divisor**2:
        divisor *= 2
    if divisor > 1:
        picture.draft(None, (width // divisor, height // divisor))


DATASET = Painters()
