"""BDD100K, its 10k images with semantic labels (Yu et al., CVPR 2020): 7000 train, 1000 val, 1280x720; own licence.

Layout     images/10k/SPLIT/*.jpg, labels/sem_seg/masks/SPLIT/*.png
           or, as bdd100k_seg_2018.zip has them, seg/images/SPLIT/*.jpg, seg/labels/SPLIT/*_train_id.png
Encoding   8-bit grey PNGs of train ids, 255 void
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import by_id
from ash.datasets._train_ids import TrainIds
from ash.files.images import save

LEGACY = "_train_id.png"
QUALITY = 95  # of the JPEGs that `write` makes


class Bdd100k(TrainIds):
    """BDD100K in the layout of its archives of today, or of 2018."""

    name = "bdd100k"
    splits = ("train", "val")
    layout = "images/10k/SPLIT/*.jpg and labels/sem_seg/masks/SPLIT/*.png"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every image of the split, in the layout of 2018 where there is no other."""
        images = by_id(root / "images/10k" / split, "*.jpg")
        if images or not (root / "seg").is_dir():
            return images, by_id(root / "labels/sem_seg/masks" / split, "*.png")
        labels = by_id(root / "seg/labels" / split, f"*{LEGACY}", lambda path: path.name.removesuffix(LEGACY))
        return by_id(root / "seg/images" / split, "*.jpg"), labels

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Ids are eight digits, a dash and eight more, as the real ones."""
        assert label is not None
        name = f"{number:08x}-00000000"
        save(root / "images/10k" / split / f"{name}.jpg", Image.fromarray(image), quality=QUALITY)
        save(root / "labels/sem_seg/masks" / split / f"{name}.png", Image.fromarray(label))


DATASET = Bdd100k()
