"""What each class looks like in each domain.

Sources: few colours a class and one texture, so that colour is a reliable short cut.  Real worlds: several overlapping
colours, pulled half-way towards those of each source in turn (so that the gap is not only photometric), and several
textures a class, often those that mean another class in the sources.  Two of them are the targets.  The third, which lies
in KITTI's layout, has looks of its own for every class: what is chosen on it has seen nothing of a target.
"""

from dataclasses import dataclass

import numpy as np

from ash.labels import CLASSES
from ash.miniature.textures import INDEX

SOURCES = ("gta5", "synthia")
REAL = (
    "cityscapes",
    "mapillary",
    "kitti",
)  # two targets, and a third world that is nobody's source and nobody's target
DOMAINS = (*SOURCES, *REAL)
TRAIN_ID = {name: k for k, name in enumerate(CLASSES)}


@dataclass(frozen=True)
class Look:
    """Colours (M,3) RGB in [0,1], one drawn for each part; their spread; texture numbers, one drawn; its amplitude."""

    colours: np.ndarray
    spread: float
    textures: tuple[int, ...]
    amplitude: float


def _look(
    colours: list[float] | list[list[float]], spread: float, textures: str = "flat", amplitude: float = 0
) -> Look:
    rgb = np.array(colours, np.float32).reshape(-1, 3)
    return Look(rgb, spread, tuple(INDEX[name] for name in textures.split()), amplitude)


Looks = dict[str, Look]

GTA5: Looks = {
    "road": _look([0.27, 0.27, 0.30], 0.04, "fine", 0.045),
    "sidewalk": _look([0.58, 0.54, 0.50], 0.05, "checks", 0.045),
    "building": _look([[0.62, 0.50, 0.38], [0.70, 0.60, 0.48], [0.55, 0.42, 0.34]], 0.07, "brick", 0.075),
    "wall": _look([0.72, 0.70, 0.62], 0.05, "hstripe", 0.06),
    "fence": _look([0.36, 0.40, 0.46], 0.05, "vstripe", 0.08),
    "pole": _look([0.18, 0.20, 0.22], 0.04),
    "light": _look([0.10, 0.10, 0.08], 0.04),
    "sign": _look([[0.10, 0.50, 0.20], [0.85, 0.75, 0.1]], 0.05),
    "vegetation": _look([0.20, 0.38, 0.12], 0.05, "mid", 0.09),
    "terrain": _look([0.52, 0.52, 0.22], 0.05, "coarse", 0.07),
    "sky": _look([0.45, 0.66, 0.92], 0.05),
    "person": _look([[0.80, 0.35, 0.30], [0.75, 0.45, 0.55]], 0.09),
    "rider": _look([[0.15, 0.55, 0.60], [0.2, 0.6, 0.5]], 0.07),
    "car": _look([[0.80, 0.10, 0.10], [0.12, 0.15, 0.60], [0.9, 0.9, 0.9]], 0.09),
    "truck": _look([0.90, 0.55, 0.15], 0.07, "vstreak", 0.03),
    "bus": _look([0.92, 0.85, 0.25], 0.07),
    "train": _look([0.40, 0.62, 0.72], 0.07, "hstripe", 0.04),
    "motorcycle": _look([0.45, 0.10, 0.45], 0.07),
    "bicycle": _look([0.20, 0.20, 0.55], 0.07),
}

SYNTHIA: Looks = {
    "road": _look([0.42, 0.38, 0.36], 0.03, "white", 0.03),
    "sidewalk": _look([0.72, 0.66, 0.62], 0.04, "diag", 0.045),
    "building": _look([[0.50, 0.55, 0.66], [0.66, 0.42, 0.36], [0.78, 0.76, 0.60]], 0.06, "hstripe", 0.05),
    "wall": _look([0.55, 0.36, 0.30], 0.04, "brick", 0.07),
    "fence": _look([0.80, 0.80, 0.84], 0.04, "checks", 0.07),
    "pole": _look([0.50, 0.52, 0.55], 0.04),
    "light": _look([0.85, 0.65, 0.05], 0.04),
    "sign": _look([[0.15, 0.25, 0.80], [0.85, 0.15, 0.15]], 0.05),
    "vegetation": _look([0.35, 0.55, 0.10], 0.05, "spots", 0.08),
    "terrain": _look([0.40, 0.62, 0.30], 0.05, "mid", 0.06),
    "sky": _look([0.72, 0.84, 0.96], 0.04),
    "person": _look([[0.25, 0.30, 0.55], [0.15, 0.45, 0.25]], 0.09),
    "rider": _look([[0.85, 0.55, 0.2], [0.8, 0.4, 0.5]], 0.07),
    "car": _look([[0.15, 0.55, 0.25], [0.75, 0.75, 0.1], [0.6, 0.6, 0.65]], 0.09),
    "truck": _look([0.3, 0.3, 0.5], 0.07),
    "bus": _look([0.75, 0.20, 0.15], 0.07),
    "train": _look([0.9, 0.6, 0.5], 0.07),
    "motorcycle": _look([0.12, 0.12, 0.15], 0.06),
    "bicycle": _look([0.55, 0.20, 0.55], 0.07),
}

_CITYSCAPES: Looks = {
    "road": _look([[0.40, 0.41, 0.40], [0.34, 0.35, 0.36]], 0.04, "brick cobble tiles hstreak", 0.09),
    "sidewalk": _look([[0.50, 0.46, 0.46], [0.44, 0.44, 0.42]], 0.05, "fine cobble brick leaves", 0.09),
    "building": _look(
        [[0.46, 0.44, 0.40], [0.62, 0.60, 0.55], [0.36, 0.30, 0.28], [0.52, 0.50, 0.54]],
        0.07, "checks planks mid vstreak scribble", 0.09,
    ),
    "wall": _look([[0.46, 0.42, 0.38], [0.56, 0.52, 0.50]], 0.06, "scribble fine leaves tiles", 0.10),
    "fence": _look([[0.32, 0.34, 0.30], [0.45, 0.40, 0.36]], 0.06, "pink planks hstripe", 0.09),
    "pole": _look([[0.34, 0.35, 0.35], [0.45, 0.45, 0.42]], 0.05, "vstreak hstripe", 0.07),
    "light": _look([[0.20, 0.22, 0.20], [0.12, 0.14, 0.12]], 0.04, "pink", 0.04),
    "sign": _look(
        [[0.7, 0.7, 0.7], [0.22, 0.32, 0.6], [0.65, 0.25, 0.22], [0.75, 0.65, 0.25]], 0.06, "pink scribble", 0.06
    ),
    "vegetation": _look(
        [[0.25, 0.30, 0.19], [0.36, 0.38, 0.20], [0.20, 0.24, 0.18]], 0.05, "leaves cobble blobs", 0.13
    ),
    "terrain": _look([[0.36, 0.38, 0.26], [0.46, 0.42, 0.30]], 0.05, "leaves checks pink", 0.11),
    "sky": _look([[0.86, 0.88, 0.88], [0.76, 0.82, 0.88]], 0.04, "cloud hstreak", 0.05),
    "person": _look([[0.22, 0.22, 0.25], [0.42, 0.34, 0.30], [0.30, 0.36, 0.48]], 0.07, "hstripe blobs", 0.05),
    "rider": _look([[0.25, 0.25, 0.28], [0.50, 0.34, 0.32], [0.35, 0.42, 0.36]], 0.07, "vstripe diag blobs", 0.08),
    "car": _look(
        [[0.22, 0.22, 0.24], [0.62, 0.63, 0.65], [0.30, 0.34, 0.45], [0.48, 0.22, 0.20]], 0.08, "cloud spots mid", 0.06
    ),
    "truck": _look([[0.62, 0.60, 0.58], [0.36, 0.42, 0.52], [0.55, 0.35, 0.25]], 0.07, "scribble hstripe planks", 0.08),
    "bus": _look([[0.66, 0.62, 0.40], [0.60, 0.30, 0.26], [0.5, 0.55, 0.6]], 0.08, "scribble diag cloud", 0.07),
    "train": _look([[0.58, 0.55, 0.52], [0.50, 0.28, 0.26], [0.4, 0.45, 0.5]], 0.08, "scribble vstripe pink", 0.07),
    "motorcycle": _look([[0.18, 0.18, 0.2], [0.42, 0.2, 0.18]], 0.07, "pink", 0.06),
    "bicycle": _look([[0.22, 0.22, 0.22], [0.36, 0.36, 0.40]], 0.07, "pink", 0.06),
}  # fmt: skip

_MAPILLARY: Looks = {
    **_CITYSCAPES,
    "sky": _look([[0.55, 0.70, 0.90], [0.85, 0.87, 0.9], [0.7, 0.72, 0.78]], 0.06, "cloud coarse pink", 0.07),
    "road": _look([[0.46, 0.43, 0.40], [0.33, 0.33, 0.35], [0.52, 0.52, 0.52]], 0.06, "cobble checks leaves blobs", .1),
    "vegetation": _look(
        [[0.24, 0.36, 0.16], [0.40, 0.42, 0.22], [0.3, 0.3, 0.2]], 0.07, "leaves scribble fine blobs", 0.14
    ),
    "building": _look(
        [[0.60, 0.46, 0.38], [0.72, 0.70, 0.66], [0.42, 0.40, 0.42], [0.66, 0.60, 0.44]],
        0.09, "tiles cobble diag scribble hstreak", 0.10,
    ),
    "sidewalk": _look([[0.50, 0.46, 0.46], [0.44, 0.44, 0.42], [0.6, 0.5, 0.42]], 0.06, "hstripe mid cobble blobs", .1),
}  # fmt: skip

_KITTI: Looks = {
    "road": _look([[0.50, 0.49, 0.47], [0.38, 0.39, 0.42]], 0.05, "tiles pink spots hstripe", 0.09),
    "sidewalk": _look([[0.60, 0.57, 0.52], [0.46, 0.47, 0.50]], 0.05, "tiles coarse cobble diag", 0.09),
    "building": _look(
        [[0.74, 0.68, 0.58], [0.58, 0.36, 0.30], [0.66, 0.66, 0.68], [0.44, 0.42, 0.36]],
        0.08, "planks cloud brick scribble coarse", 0.10,
    ),
    "wall": _look([[0.60, 0.56, 0.50], [0.40, 0.38, 0.36]], 0.06, "cobble leaves pink blobs", 0.10),
    "fence": _look([[0.46, 0.36, 0.26], [0.26, 0.30, 0.28]], 0.06, "planks pink checks", 0.09),
    "pole": _look([[0.42, 0.43, 0.45], [0.30, 0.28, 0.25]], 0.05, "vstreak pink", 0.07),
    "light": _look([[0.16, 0.18, 0.14], [0.26, 0.24, 0.16]], 0.04, "mid", 0.04),
    "sign": _look(
        [[0.75, 0.74, 0.70], [0.70, 0.22, 0.20], [0.20, 0.34, 0.62], [0.70, 0.66, 0.20]], 0.06, "pink cloud", 0.06
    ),
    "vegetation": _look([[0.30, 0.38, 0.16], [0.42, 0.46, 0.24], [0.18, 0.26, 0.14]], 0.06, "leaves fine spots diag", 0.14),
    "terrain": _look([[0.44, 0.46, 0.26], [0.34, 0.40, 0.20]], 0.06, "leaves mid blobs", 0.12),
    "sky": _look([[0.92, 0.94, 0.97], [0.62, 0.76, 0.92]], 0.05, "cloud coarse", 0.05),
    "person": _look([[0.28, 0.26, 0.30], [0.50, 0.46, 0.40], [0.34, 0.24, 0.22]], 0.07, "vstripe cloud", 0.06),
    "rider": _look([[0.32, 0.30, 0.34], [0.44, 0.42, 0.30], [0.50, 0.30, 0.26]], 0.07, "hstripe spots", 0.07),
    "car": _look([[0.30, 0.30, 0.32], [0.72, 0.72, 0.73], [0.24, 0.30, 0.50], [0.56, 0.16, 0.16]], 0.08, "pink diag", 0.06),
    "truck": _look([[0.70, 0.68, 0.62], [0.30, 0.36, 0.46]], 0.07, "planks cloud diag", 0.08),
    "bus": _look([[0.70, 0.66, 0.50], [0.52, 0.26, 0.24]], 0.08, "hstripe mid blobs", 0.07),
    "train": _look([[0.66, 0.62, 0.50], [0.42, 0.44, 0.50]], 0.08, "cloud checks mid", 0.07),
    "motorcycle": _look([[0.22, 0.22, 0.24], [0.36, 0.18, 0.16]], 0.07, "mid", 0.06),
    "bicycle": _look([[0.28, 0.27, 0.26], [0.40, 0.40, 0.42]], 0.07, "fine", 0.06),
}  # fmt: skip

BLEND = {
    "cityscapes": 0.50,
    "mapillary": 0.45,
    "kitti": 0.45,
}  # how far a world's colours are pulled towards each source's mean
SOFT = {"person": 0.70, "rider": 0.70, "truck": 0.70}  # classes that would otherwise stay near 0 IoU
AMPLITUDE = {
    "gta5": 1.0,
    "synthia": 1.0,
    "cityscapes": 1.3,
    "mapillary": 1.3,
    "kitti": 1.3,
}  # factor on texture amplitudes


def _blended(looks: Looks, share: float) -> Looks:
    """Half of the colours lean to the mean colour of one source, half to the other's: their average would be grey."""
    blended = {}
    for name, look in looks.items():
        k = SOFT.get(name, share)
        means = [source[name].colours.mean(0) for source in (GTA5, SYNTHIA)]
        colours = np.concatenate([(1 - k) * look.colours + k * mean for mean in means])
        blended[name] = Look(colours, look.spread, look.textures, look.amplitude)
    return blended


LOOKS: dict[str, Looks] = {
    "gta5": GTA5,
    "synthia": SYNTHIA,
    "cityscapes": _blended(_CITYSCAPES, BLEND["cityscapes"]),
    "mapillary": _blended(_MAPILLARY, BLEND["mapillary"]),
    "kitti": _blended(_KITTI, BLEND["kitti"]),
}
ABSENT = {"synthia": frozenset({"terrain", "truck", "train"})}  # classes that a domain never draws
BANK_SEED = {"gta5": 1, "synthia": 2, "cityscapes": 3, "mapillary": 4, "paintings": 5, "kitti": 6}
"""Each domain has textures of its own; paintings share none with a real world, which would be a leak."""
