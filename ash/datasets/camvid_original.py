"""CamVid as it was published (Brostow et al., PRL 2009): 701 frames of 960x720 whose labels show 32 classes as colours.

Layout     701_StillsRaw_full/0001TP_006690.png, LabeledApproved_full/0001TP_006690_L.png
Encoding   label PNGs have three channels of 8 bits: the colour of the class
Mapping    the 19 classes as far as the set tells them apart.  Road takes both kinds of lane markings, building the archway,
           car the SUV and pickup; a bicyclist is one class with the bicycle, and counts as bicycle.  The 11 classes of
           SegNet's copy, `ash.datasets.camvid`, are coarser: its building has the wall, its sign the traffic light.
Void       classes that mean several of the 19, or none: animal, bridge, cart and pram, miscellaneous text and vegetation,
           other moving, parking block, road shoulder, traffic cone, truck and bus, tunnel, void
Splits     the frames of SegNet's splits, which its names tell: test is read for its files' sake only
"""

from pathlib import Path

import numpy as np
from PIL import Image

from ash.datasets._base import Dataset, Sample, by_id, id_table, inverse
from ash.errors import DataError
from ash.files.id_maps import read_channels
from ash.files.images import save
from ash.files.listing import shown

LABEL = "_L.png"
COLOURS = {  # of the set's label_colors.txt, and the train id of each class that has one
    "Animal": (64, 128, 64, None), "Archway": (192, 0, 128, 2), "Bicyclist": (0, 128, 192, 18),
    "Bridge": (0, 128, 64, None), "Building": (128, 0, 0, 2), "Car": (64, 0, 128, 13),
    "CartLuggagePram": (64, 0, 192, None), "Child": (192, 128, 64, 11), "Column_Pole": (192, 192, 128, 5),
    "Fence": (64, 64, 128, 4), "LaneMkgsDriv": (128, 0, 192, 0), "LaneMkgsNonDriv": (192, 0, 64, 0),
    "Misc_Text": (128, 128, 64, None), "MotorcycleScooter": (192, 0, 192, 17), "OtherMoving": (128, 64, 64, None),
    "ParkingBlock": (64, 192, 128, None), "Pedestrian": (64, 64, 0, 11), "Road": (128, 64, 128, 0),
    "RoadShoulder": (128, 128, 192, None), "Sidewalk": (0, 0, 192, 1), "SignSymbol": (192, 128, 128, 7),
    "Sky": (128, 128, 128, 10), "SUVPickupTruck": (64, 128, 192, 13), "TrafficCone": (0, 0, 64, None),
    "TrafficLight": (0, 64, 64, 6), "Train": (192, 64, 128, 16), "Tree": (128, 128, 0, 8),
    "Truck_Bus": (192, 128, 192, None), "Tunnel": (64, 0, 64, None), "VegetationMisc": (192, 192, 0, None),
    "Void": (0, 0, 0, None), "Wall": (64, 192, 0, 3),
}  # fmt: skip
NAMES = tuple(COLOURS)  # a class's id is its place here
TABLE = id_table(
    {k: train_id for k, (*_, train_id) in enumerate(COLOURS.values()) if train_id is not None},
    void=[k for k, (*_, train_id) in enumerate(COLOURS.values()) if train_id is None],
)
RGB = np.array([colour for *colour, _ in COLOURS.values()], np.uint8)
_TO_ID = inverse(TABLE, void=NAMES.index("Void"))
for _name, _train_id in (("Road", 0), ("Building", 2), ("Pedestrian", 11), ("Car", 13)):
    _TO_ID[_train_id] = NAMES.index(_name)
VALIDATION = range(7959, 8160, 2)  # numbers of the frames of sequence 0016E5 that are split val
DUSK = 8550  # number from which frames of sequence 0001TP are split test


class CamVidOriginal(Dataset):
    """CamVid in the layout of its two archives."""

    name = "camvid_original"
    table = TABLE
    label_suffix = LABEL
    splits = ("train", "val", "test")
    layout = f"701_StillsRaw_full/0001TP_006690.png and LabeledApproved_full/0001TP_006690{LABEL}"

    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """The frames whose names are those of the split."""
        images = by_id(root / "701_StillsRaw_full", "*.png")
        labels = by_id(root / "LabeledApproved_full", f"*{LABEL}", lambda path: path.name.removesuffix(LABEL))
        return (
            {i: path for i, path in images.items() if split_of(i) == split},
            {i: path for i, path in labels.items() if split_of(i) == split},
        )

    def read_label(self, sample: Sample) -> np.ndarray:
        """Train ids uint8 (H,W) of the colours.  DataError names the colours that are none of the 32."""
        assert sample.label is not None
        wanted = RGB.astype(np.int64) @ (1 << 16, 1 << 8, 1)
        order = np.argsort(wanted)
        found, inverted = np.unique(
            read_channels(sample.label).astype(np.int64) @ (1 << 16, 1 << 8, 1), return_inverse=True
        )
        places = order[np.searchsorted(wanted, found, sorter=order).clip(max=len(order) - 1)]
        if (unknown := found[wanted[places] != found]).size:
            colours = ", ".join(f"({c >> 16}, {c >> 8 & 255}, {c & 255})" for c in unknown[:3])
            raise DataError(
                f"{shown(sample.label)}: {len(unknown)} colour(s), e.g. {colours}, wanted the set's 32 alone; restore"
                " the label map, which must not be resized or saved as JPEG"
            )
        label: np.ndarray = TABLE[places][inverted].reshape(inverted.shape)
        return label

    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Frames get numbers of their split."""
        assert label is not None
        stem = {
            "train": f"0006R0_f{number:05d}",
            "val": f"0016E5_{VALIDATION[number]:05d}",
            "test": f"Seq05VD_f{number:05d}",
        }[split]
        save(root / "701_StillsRaw_full" / f"{stem}.png", Image.fromarray(image))
        save(root / "LabeledApproved_full" / f"{stem}{LABEL}", Image.fromarray(RGB[_TO_ID[label]]))


def split_of(frame: str) -> str:
    """The split that SegNet's copy has a frame in, by its sequence and number."""
    sequence, _, number = frame.partition("_")
    k = int(number.lstrip("f")) if number.lstrip("f").isdecimal() else -1
    if sequence == "Seq05VD" or (sequence == "0001TP" and k >= DUSK):
        return "test"
    return "val" if sequence == "0016E5" and k in VALIDATION else "train"


DATASET = CamVidOriginal()
