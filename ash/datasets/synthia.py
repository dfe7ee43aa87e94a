"""SYNTHIA-RAND-CITYSCAPES (Ros et al., CVPR 2016): 9400 rendered images of 1280x760; CC BY-NC-SA 3.0.

Layout     RGB/0000000.png, GT/LABELS/0000000.png
Encoding   label PNGs have three 16-bit channels: the class in the first (RGB order), the instance in the second.
           Pillow reduces them to 8 bits a channel and loses the class; hence `ash.files.png16`.
Void       ids 0 void, 13 parking, 14 road work, 22 lane marking, as in the field's converters.  Ids 16 (terrain), 18
           (truck) and 20 (train) have a train id but do not occur.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import OnePiece, Sample, by_id, id_table, inverse, to_train_ids
from ash.files import png16
from ash.files.images import save

LABEL_TO_TRAIN = {
    3: 0, 4: 1, 2: 2, 21: 3, 5: 4, 7: 5, 15: 6, 9: 7, 6: 8, 16: 9,
    1: 10, 10: 11, 17: 12, 8: 13, 18: 14, 19: 15, 20: 16, 12: 17, 11: 18,
}  # fmt: skip
TABLE = id_table(LABEL_TO_TRAIN, void=(0, 13, 14, 22))
_TO_ID = inverse(TABLE, void=0)


class Synthia(OnePiece):
    """SYNTHIA in the layout of SYNTHIA_RAND_CITYSCAPES.rar."""

    name = "synthia"
    table = TABLE
    layout = "RGB/0000000.png and GT/LABELS/0000000.png"

    def numbering(self, count: int) -> list[str]:
        """Images count from 0000000."""
        return [f"{k:07d}" for k in range(count)]

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every image, whatever the split."""
        return by_id(root / "RGB", "*.png"), by_id(root / "GT" / "LABELS", "*.png")

    def read_label(self, sample: Sample) -> np.ndarray:
        """The first channel, looked up."""
        assert sample.label is not None
        return to_train_ids(png16.read(sample.label)[..., 0], TABLE, sample.label)

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Every pixel is instance 0."""
        assert label is not None
        name = f"{number:07d}.png"
        save(root / "RGB" / name, Image.fromarray(image))
        channels = np.zeros((*label.shape, 3), np.uint16)
        channels[..., 0] = _TO_ID[label]
        path = root / "GT" / "LABELS" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        png16.write(path, channels)


DATASET = Synthia()
