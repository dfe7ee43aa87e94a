"""ACDC (Sakaridis et al., ICCV 2021): 1600 training and 406 validation frames in fog, at night, in rain and snow, 1920x1080.

Layout     rgb_anon/CONDITION/SPLIT/SEQUENCE/*_rgb_anon.png, gt/CONDITION/SPLIT/SEQUENCE/*_gt_labelTrainIds.png
Encoding   8-bit grey PNGs of train ids, 255 void; the label ids beside them (*_gt_labelIds.png) are not read
Subsets    each condition is a set of its own on the same files: acdc_fog, acdc_night, acdc_rain, acdc_snow
Reading    the frames of the same places in clear weather (SPLIT_ref) have no labels, and are not read.  Registration needed.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from ash.datasets._base import by_id
from ash.datasets._train_ids import TrainIds
from ash.files.images import save

CONDITIONS = ("fog", "night", "rain", "snow")
IMAGE, LABEL = "_rgb_anon.png", "_gt_labelTrainIds.png"


class Acdc(TrainIds):
    """ACDC in the layout of its archives, in all conditions."""

    name = "acdc"
    splits = ("train", "val")
    label_suffix = LABEL
    layout = f"rgb_anon/CONDITION/SPLIT/SEQUENCE/*{IMAGE} and gt/CONDITION/SPLIT/SEQUENCE/*{LABEL}"
    companions = ("_gt_labelIds.png", "_gt_labelColor.png", "_gt_invIds.png")
    condition: ClassVar[str] = "*"
    """The folder of the condition; all of them by default."""

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every frame of the split, in all sequences."""
        pattern = f"{self.condition}/{split}/*/*"
        return (
            by_id(root / "rgb_anon", pattern + IMAGE, lambda path: path.name.removesuffix(IMAGE)),
            by_id(root / "gt", pattern + LABEL, lambda path: path.name.removesuffix(LABEL)),
        )

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Frames are spread over the conditions."""
        assert label is not None
        condition = CONDITIONS[number % len(CONDITIONS)] if self.condition == "*" else self.condition
        folder, stem = Path(condition, split, "GOPR0475"), f"GOPR0475_frame_{number:06d}"
        save(root / "rgb_anon" / folder / f"{stem}{IMAGE}", Image.fromarray(image))
        save(root / "gt" / folder / f"{stem}{LABEL}", Image.fromarray(label))


DATASET = Acdc()
