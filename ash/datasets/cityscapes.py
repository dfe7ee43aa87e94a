"""Cityscapes (Cordts et al., CVPR 2016): 2975 training and 500 validation images of 50 cities, 2048x1024.

Layout     leftImg8bit/SPLIT/CITY/CITY_000000_000019_leftImg8bit.png
           gtFine/SPLIT/CITY/CITY_000000_000019_gtFine_labelIds.png
Encoding   label ids 0-33 in an 8-bit grey PNG; the licence plate's id -1 is stored as 255
Void       every id without a train id.  Registration needed; images must not be passed on.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import Dataset, by_id, id_table, inverse
from ash.errors import DataError
from ash.files.images import save
from ash.files.listing import shown
from ash.labels import N_CLASSES, VOID

LABEL_TO_TRAIN = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9,
    23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip
TABLE = id_table(LABEL_TO_TRAIN, void=[*range(34), 255])
_TO_ID = inverse(TABLE, void=0)
CITIES = ("aachen", "bochum", "bremen")  # where drawn images are filed
COMPANIONS = ("color.png", "instanceIds.png", "labelTrainIds.png", "instanceTrainIds.png", "polygons.json")
IMAGE, LABEL = "_leftImg8bit.png", "_gtFine_labelIds.png"


def refuse_train_ids(label_ids: np.ndarray, path: Path, published: str) -> None:
    """DataError where a map of the label ids of Cityscapes holds 0 to 18 and 255 alone, as train ids do.

    As a label id 255 is a licence plate, which comes with the vehicle (26 to 33) that wears it.
    """
    seen = np.bincount(label_ids.ravel(), minlength=256)
    if seen[VOID] and not seen[N_CLASSES:VOID].any():
        raise DataError(
            f"{shown(path)}: holds 255 and ids 0-18 alone, as train ids do, wanted label ids 0-33; restore the"
            f" published {published}"
        )


class Cityscapes(Dataset):
    """Cityscapes in the layout of leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip."""

    name = "cityscapes"
    table = TABLE
    label_suffix = LABEL
    splits = ("train", "val")
    layout = f"leftImg8bit/SPLIT/CITY/*{IMAGE} and gtFine/SPLIT/CITY/*{LABEL}"

    companions = tuple(f"_gtFine_{kind}" for kind in COMPANIONS)

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every image of the split, in all cities."""
        return (
            by_id(root / "leftImg8bit" / split, f"*/*{IMAGE}", lambda path: path.name.removesuffix(IMAGE)),
            by_id(root / "gtFine" / split, f"*/*{LABEL}", lambda path: path.name.removesuffix(LABEL)),
        )

    def doubt(self, label_ids: np.ndarray, path: Path) -> None:
        """DataError where train ids lie under the name of label ids."""
        refuse_train_ids(label_ids, path, f"*{LABEL}")

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Images are spread over three cities."""
        assert label is not None
        city = CITIES[number % len(CITIES)]
        stem = f"{city}_{number:06d}_000019"
        save(root / "leftImg8bit" / split / city / f"{stem}{IMAGE}", Image.fromarray(image))
        save(root / "gtFine" / split / city / f"{stem}{LABEL}", Image.fromarray(_TO_ID[label]))


DATASET = Cityscapes()
