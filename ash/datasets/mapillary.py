"""Mapillary Vistas v1.2 (Neuhold et al., ICCV 2017): 18 000 training, 2000 validation images, many sizes; by request.

Layout     {training,validation}/images/ID.jpg, {training,validation}/labels/ID.png, config.json
Encoding   palette PNGs whose index is one of the 66 classes that config.json lists
Mapping    to 19 classes as RobustNet (Choi et al., CVPR 2021) and HRDA have it; the ASH paper does not name its own
Void       every class without a train id, e.g. bike lane, crosswalk, parking, back of a sign, unlabeled (65)
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import Dataset, by_id, id_table, inverse
from ash.errors import DataError
from ash.files.atomic import read_json
from ash.files.images import save
from ash.labels import CLASSES, VOID, colourise

N_IDS = 66
LABEL_TO_TRAIN = {
    13: 0, 24: 0, 41: 0, 15: 1, 2: 1, 17: 2, 6: 3, 3: 4, 45: 5, 47: 5, 48: 6, 50: 7, 30: 8, 29: 9, 27: 10,
    19: 11, 20: 12, 21: 12, 22: 12, 55: 13, 61: 14, 54: 15, 58: 16, 57: 17, 52: 18,
}  # fmt: skip
TABLE = id_table(LABEL_TO_TRAIN, void=range(N_IDS))
_TO_ID = inverse(TABLE, void=65)
_TO_ID[[0, 1, 5]] = 13, 15, 45  # road, sidewalk and pole themselves, not lane marking's or curb's ids
FOLDERS = {"train": "training", "val": "validation"}
QUALITY = 95  # of the JPEGs that `write` makes


class Mapillary(Dataset):
    """Mapillary Vistas in the layout of mapillary-vistas-dataset_public_v1.2.zip."""

    name = "mapillary"
    table = TABLE
    splits = ("train", "val")
    layout = "{training,validation}/images/*.jpg and {training,validation}/labels/*.png"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every image of the split."""
        folder = root / FOLDERS[split]
        return by_id(folder / "images", "*.jpg"), by_id(folder / "labels", "*.png")

    def verify(self, root: Path) -> None:
        """Version 1.2 lists 66 classes, 2.0 has 124 and other ids."""
        path = root / "config.json"
        if not path.exists():
            raise DataError(f"{path}: missing; restore it from the archive, it tells the set's version")
        content = read_json(path, object)
        listed = content.get("labels") if isinstance(content, dict) else None
        found = len(listed) if isinstance(listed, list) else "no"
        if found != N_IDS:
            raise DataError(f"{path}: lists {found} classes, wanted the {N_IDS} of version 1.2; fetch that version")

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Ids are 22 characters, as the real ones."""
        assert label is not None
        folder, stem = root / FOLDERS[split], f"drawn{number:017d}"
        save(folder / "images" / f"{stem}.jpg", Image.fromarray(image), quality=QUALITY)
        indexed = Image.fromarray(_TO_ID[label])
        indexed.putpalette(colourise(TABLE).tobytes())
        save(folder / "labels" / f"{stem}.png", indexed)

    def finish(self, root: Path) -> None:
        """config.json: a name and a colour for each id."""
        colours = colourise(TABLE)
        labels = []
        for label_id in range(N_IDS):
            train_id = int(TABLE[label_id])
            name = "void" if train_id == VOID else CLASSES[train_id]
            labels.append({"name": name, "color": colours[label_id].tolist(), "evaluate": train_id != VOID})
        text = json.dumps({"version": "1.2", "mapping": "public", "labels": labels}, indent=1)
        (root / "config.json").write_text(text + "\n", encoding="utf-8")


DATASET = Mapillary()
