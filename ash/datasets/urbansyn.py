"""UrbanSyn (Gomez et al., 2023): 7539 rendered frames of streets, 2048x1024; CC BY-SA 4.0.

Layout     rgb/rgb_0001.png, ss/ss_0001.png
Encoding   label PNGs are grey and hold the 19 train ids of Cityscapes
Void       255; id 19, which lists of the set call unlabelled
Quirks     single files can be fetched, so that a folder with the first few hundred frames is a set too
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import OnePiece, by_id, id_table
from ash.files.images import save
from ash.labels import N_CLASSES, VOID

TABLE = id_table({k: k for k in range(N_CLASSES)}, void=(N_CLASSES, VOID))


class UrbanSyn(OnePiece):
    """UrbanSyn in the layout of its page."""

    name = "urbansyn"
    table = TABLE
    layout = "rgb/rgb_0001.png and ss/ss_0001.png"

    def numbering(self, count: int) -> list[str]:
        """Frames count from 0001."""
        return [f"{k:04d}" for k in range(1, count + 1)]

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every frame, whatever the split; the id is the number."""
        return by_id(root / "rgb", "rgb_*.png", _number), by_id(root / "ss", "ss_*.png", _number)

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Frames count from 0001."""
        assert label is not None
        name = f"{number + 1:04d}.png"
        save(root / "rgb" / f"rgb_{name}", Image.fromarray(image))
        save(root / "ss" / f"ss_{name}", Image.fromarray(label))


def _number(path: Path) -> str:
    return path.stem.partition("_")[2]


DATASET = UrbanSyn()
