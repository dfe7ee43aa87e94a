"""Cityscapes (Cordts et al., CVPR 2016): 2975 training and 500 validation images of 50 cities, 2048x1024.

Layout     leftImg8bit/SPLIT/CITY/CITY_000000_000019_leftImg8bit.png
           gtFine/SPLIT/CITY/CITY_000000_000019_gtFine_labelIds.png
Encoding   label ids 0-33 in an 8-bit grey PNG; the licence plate's id -1 is stored as 255
Void       every id without a train id.  Registration needed; images must not be passed on.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import Dataset, Sample, id_table, inverse, to_train_ids
from ash.files.images import open_image, save

LABEL_TO_TRAIN = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9,
    23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip
TABLE = id_table(LABEL_TO_TRAIN, void=[*range(34), 255])
_TO_ID = inverse(TABLE, void=0)
CITIES = ("aachen", "bochum", "bremen")  # where drawn images are filed
IMAGE, LABEL = "_leftImg8bit.png", "_gtFine_labelIds.png"


class Cityscapes(Dataset):
    """Cityscapes in the layout of leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip."""

    name = "cityscapes"
    table = TABLE
    label_suffix = LABEL
    splits = ("train", "val")
    layout = f"leftImg8bit/SPLIT/CITY/*{IMAGE} and gtFine/SPLIT/CITY/*{LABEL}"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every image of the split, in all cities."""
        images = sorted((root / "leftImg8bit" / split).glob(f"*/*{IMAGE}"))
        labels = sorted((root / "gtFine" / split).glob(f"*/*{LABEL}"))
        return (
            {path.name.removesuffix(IMAGE): path for path in images},
            {path.name.removesuffix(LABEL): path for path in labels},
        )

    def read_label(self, sample: Sample) -> np.ndarray:
        """Label ids, looked up."""
        assert sample.label is not None
        with open_image(sample.label) as picture:
            return to_train_ids(np.asarray(picture), TABLE, sample.label)

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Images are spread over three cities."""
        assert label is not None
        city = CITIES[number % len(CITIES)]
        stem = f"{city}_{number:06d}_000019"
        save(root / "leftImg8bit" / split / city / f"{stem}{IMAGE}", Image.fromarray(image))
        save(root / "gtFine" / split / city / f"{stem}{LABEL}", Image.fromarray(_TO_ID[label]))


DATASET = Cityscapes()
