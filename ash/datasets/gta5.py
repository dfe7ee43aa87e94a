"""GTA5 (Richter et al., Playing for Data, ECCV 2016): 24 966 frames of a game with labels; research and education only.

Layout     images/00001.png, labels/00001.png (older copies unpack the same names)
Encoding   label PNGs are palette images whose index is the Cityscapes label id: they must not be converted to RGB
Void       every id without a train id; 34 is the licence plate, which Cityscapes counts as -1
Quirks     the set's page says that 60 label maps differ in size from their image; they are listed and left out.  25 ids
           are reported absent from copies in use (bupt-ai-cz/IAST-ECCV2020#2): a copy without them is accepted.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import OnePiece, by_id, id_table, inverse
from ash.datasets.cityscapes import LABEL_TO_TRAIN
from ash.files.images import save
from ash.labels import colourise

TABLE = id_table(LABEL_TO_TRAIN, void=range(35))
_TO_ID = inverse(TABLE, void=0)
_ABSENT = (range(2154, 2159), range(4634, 4638), range(7115, 7120), range(9683, 9689), range(12050, 12055))


class Gta5(OnePiece):
    """GTA5 in the layout of its archives."""

    name = "gta5"
    table = TABLE
    layout = "images/00001.png and labels/00001.png"
    odd_sizes = 60
    borrowed = frozenset({18, 34})  # a group of poles has the pole's colour, the licence plate the car's
    absent = frozenset(f"{k:05d}" for numbers in _ABSENT for k in numbers)

    def numbering(self, count: int) -> list[str]:
        """Frames count from 00001."""
        return [f"{k:05d}" for k in range(1, count + 1)]

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every frame, whatever the split."""
        return by_id(root / "images", "*.png"), by_id(root / "labels", "*.png")

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Frames count from 00001; the palette shows each class in its colour."""
        assert label is not None
        name = f"{number + 1:05d}.png"
        save(root / "images" / name, Image.fromarray(image))
        indexed = Image.fromarray(_TO_ID[label])
        indexed.putpalette(colourise(TABLE).tobytes())
        save(root / "labels" / name, indexed)


DATASET = Gta5()
