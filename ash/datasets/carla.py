"""CARLA 0.8.2 as the Lyft-Udacity challenge recorded it: frames of 800x600 with 13 tags; no licence is stated.

Layout     CameraRGB/000_0021.png, CameraSeg/000_0021.png; the set that `ash acquire` knows is one drive of 479 frames
Encoding   label PNGs have three channels of 8 bits: the tag is red, green and blue are 0
Void       tag 3, other.  Tag 11, wall, is void too: CamVid gives low walls the id of its fence, so that a wall of CARLA's
           is no class of its own there (a choice, see `ash.datasets._shared`).  Tag 0 is sky, and what is unlabelled.
Quirks     rows 498 to 599 of a frame of 800x600 show the hood of the camera's own car, tagged as a vehicle: images and
           labels are read without them.  Consecutive frames may be equal, where the car stood.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import OnePiece, Sample, by_id, id_table, inverse, to_train_ids
from ash.errors import DataError
from ash.files.id_maps import read_channels
from ash.files.images import save
from ash.files.listing import shown

TAG_TO_TRAIN = {0: 10, 1: 2, 2: 4, 4: 11, 5: 5, 6: 0, 7: 0, 8: 1, 9: 8, 10: 13, 12: 7}
TABLE = id_table(TAG_TO_TRAIN, void=(3, 11))
_TO_TAG = inverse(TABLE, void=3)
_TO_TAG[0] = 7  # road itself, not its markings
RECORDED = (600, 800)  # height and width of a frame that has the hood
HOOD = 498  # its first row
FIRST = 21  # the number of the first frame


class Carla(OnePiece):
    """CARLA in the layout of the Lyft-Udacity challenge."""

    name = "carla"
    table = TABLE
    layout = "CameraRGB/000_0021.png and CameraSeg/000_0021.png"

    def numbering(self, count: int) -> list[str]:
        """Frames count from 000_0021."""
        return [f"000_{k:04d}" for k in range(FIRST, FIRST + count)]

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Every frame, whatever the split."""
        return by_id(root / "CameraRGB", "*.png"), by_id(root / "CameraSeg", "*.png")

    def read_image(self, sample: Sample) -> np.ndarray:
        """RGB uint8 (H,W,3) without the hood.  DataError if unreadable."""
        return _without_hood(super().read_image(sample))

    def read_label(self, sample: Sample) -> np.ndarray:
        """Train ids uint8 (H,W) of the tags, without the hood.

        DataError if green or blue hold anything, as colours do, or red holds what is no tag.
        """
        assert sample.label is not None
        channels = read_channels(sample.label)
        coloured = int(channels[..., 1:].any(2).sum())
        if coloured:
            raise DataError(
                f"{shown(sample.label)}: {coloured} pixels hold green or blue, wanted the tag in red alone; restore the"
                " frames of CameraSeg, colours are no tags"
            )
        return _without_hood(to_train_ids(channels[..., 0], TABLE, sample.label))

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Frames count from 000_0021."""
        assert label is not None
        name = f"000_{number + FIRST:04d}.png"
        channels = np.zeros((*label.shape, 3), np.uint8)
        channels[..., 0] = _TO_TAG[label]
        save(root / "CameraRGB" / name, Image.fromarray(image))
        save(root / "CameraSeg" / name, Image.fromarray(channels))


def _without_hood(pixels: np.ndarray) -> np.ndarray:
    """The rows of a recorded frame above the hood; frames of another size have another camera, and stay whole."""
    return pixels[:HOOD] if pixels.shape[:2] == RECORDED else pixels


DATASET = Carla()
