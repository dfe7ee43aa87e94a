"""KITTI semantics (Alhaija et al., IJCV 2018): 200 frames of Karlsruhe with labels, about 1242x375; CC BY-NC-SA 3.0.

Layout     training/image_2/000000_10.png, training/semantic/000000_10.png
Encoding   label ids of Cityscapes in an 8-bit grey PNG
Void       every id without a train id
Splits     published in one piece; `validation` says how many of the last frames are scored on.  The frames of testing/ have
           no labels, and are not read.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import OnePiece, by_id, inverse
from ash.datasets.cityscapes import TABLE, refuse_train_ids
from ash.files.images import save

_TO_ID = inverse(TABLE, void=0)
FRAMES = "??????_10.png"  # the frame of each scene that has labels


class Kitti(OnePiece):
    """KITTI semantics in the layout of data_semantics.zip."""

    name = "kitti"
    table = TABLE
    layout = "training/image_2/000000_10.png and training/semantic/000000_10.png"

    def numbering(self, count: int) -> list[str]:
        """Scenes count from 000000."""
        return [f"{k:06d}_10" for k in range(count)]

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every labelled frame, whatever the split."""
        return by_id(root / "training/image_2", FRAMES), by_id(root / "training/semantic", FRAMES)

    def doubt(self, label_ids: np.ndarray, path: Path) -> None:
        """DataError where train ids lie in place of label ids, as for Cityscapes."""
        refuse_train_ids(label_ids, path, "semantic/*_10.png")

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Scenes count from 000000."""
        assert label is not None
        name = f"{number:06d}_10.png"
        save(root / "training/image_2" / name, Image.fromarray(image))
        save(root / "training/semantic" / name, Image.fromarray(_TO_ID[label]))


DATASET = Kitti()
