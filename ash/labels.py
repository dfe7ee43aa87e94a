"""The 19 classes that every data set is mapped to, their colours, and the subsets that the field averages over.

Train ids and colours are those of cityscapesscripts (labels.py); the 16- and 13-class subsets are the ones that
SYNTHIA experiments report (AdaptSegNet, CLAN, ASH Tables 2-4 and 6).
"""

import numpy as np

CLASSES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "light", "sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
N_CLASSES = len(CLASSES)
VOID = 255  # pixels of this train id are neither trained on nor counted

PALETTE = np.array(
    [
        (128, 64, 128),
        (244, 35, 232),
        (70, 70, 70),
        (102, 102, 156),
        (190, 153, 153),
        (153, 153, 153),
        (250, 170, 30),
        (220, 220, 0),
        (107, 142, 35),
        (152, 251, 152),
        (70, 130, 180),
        (220, 20, 60),
        (255, 0, 0),
        (0, 0, 142),
        (0, 0, 70),
        (0, 60, 100),
        (0, 80, 100),
        (0, 0, 230),
        (119, 11, 32),
    ],
    dtype=np.uint8,
)  # fmt: skip  RGB, in train-id order

ABSENT_FROM_SYNTHIA = ("terrain", "truck", "train")
SUBSETS: dict[int, tuple[int, ...]] = {
    19: tuple(range(N_CLASSES)),
    16: tuple(i for i, name in enumerate(CLASSES) if name not in ABSENT_FROM_SYNTHIA),
    13: tuple(i for i, name in enumerate(CLASSES) if name not in (*ABSENT_FROM_SYNTHIA, "wall", "fence", "pole")),
}


def classes_of(source: str) -> int:
    """How many classes the field averages over for networks that learnt from a source: 16 for SYNTHIA, 19 otherwise."""
    return 16 if source == "synthia" else N_CLASSES


def colourise(label: np.ndarray) -> np.ndarray:
    """Train ids (..., H, W), void included, to RGB uint8 (..., H, W, 3); void is black."""
    table = np.zeros((256, 3), np.uint8)
    table[:N_CLASSES] = PALETTE
    return table[label]
