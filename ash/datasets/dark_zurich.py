"""Dark Zurich (Sakaridis et al., ICCV 2019): 50 labelled validation frames at night, 1920x1080; for research.

Layout     rgb_anon/val/night/SEQUENCE/*_rgb_anon.png, gt/val/night/SEQUENCE/*_gt_labelTrainIds.png
Encoding   8-bit grey PNGs of train ids, 255 void; the label ids beside them (*_gt_labelIds.png) are not read
Reading    the frames of split train, by day, at twilight and at night, have no labels, and are not read
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import by_id
from ash.datasets._train_ids import TrainIds
from ash.datasets.acdc import IMAGE, LABEL
from ash.files.images import save


class DarkZurich(TrainIds):
    """Dark Zurich in the layout of Dark_Zurich_val_anon.zip."""

    name = "dark_zurich"
    splits = ("val",)
    label_suffix = LABEL
    layout = f"rgb_anon/val/night/SEQUENCE/*{IMAGE} and gt/val/night/SEQUENCE/*{LABEL}"
    companions = ("_gt_labelIds.png", "_gt_labelColor.png", "_gt_invGray.png", "_gt_invIds.png")

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every labelled frame."""
        return (
            by_id(root / "rgb_anon/val/night", f"*/*{IMAGE}", lambda path: path.name.removesuffix(IMAGE)),
            by_id(root / "gt/val/night", f"*/*{LABEL}", lambda path: path.name.removesuffix(LABEL)),
        )

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """All frames are of the published sequence."""
        assert label is not None
        folder, stem = "val/night/GOPR0356", f"GOPR0356_frame_{number:06d}"
        save(root / "rgb_anon" / folder / f"{stem}{IMAGE}", Image.fromarray(image))
        save(root / "gt" / folder / f"{stem}{LABEL}", Image.fromarray(label))


DATASET = DarkZurich()
