"""Evaluation protocols by name: what the network sees of an image, and which label map its prediction is scored on.

    name               network sees                           scored on
    cityscapes         1024x512, bicubic (CLAN, ASH)           gtFine label ids as published, 2048x1024
    mapillary_native   height 512, aspect kept, bicubic        labels as published, up to 4000 pixels wide and more
    mapillary_stretch  1024x512, bicubic, as Cityscapes        labels as published
    mapillary_1536     height 1536, centre 1536x1536           the same crop of the labels, nearest neighbour
    ..._b              as the one without _b                   under label mapping B (`ash.datasets.mapillary_b`)
    SET_clan           1024x512, bicubic; cityscapes and       labels as published
                       mapillary_stretch are such already
    SET_rein           within 1024x512, bilinear; BDD100K      labels as published
                       within 1280x720, ACDC within 960x540
    SET_tqdm           within 2048x1024, bilinear              labels as published
    SET_own            the image as it is                      labels as published

SET is cityscapes, bdd100k, mapillary, acdc or one of ACDC's conditions (acdc_fog, ...).  `ash.evaluation.families` says
which of them the field names together, and from which program each is.

In all of them the logits of the heads are summed and brought to the label's size bilinearly with aligned corners; nothing
is mirrored and one scale is used.  The figures of one protocol do not compare with those of another.

The 1536 protocol is RobustNet's (`ResizeHeight(1536)`, `CenterCropPad(1536)`; sunghac/RobustNet#24, HeliosZhao/SHADE#1).
Of an image narrower than high their loader pads the labels with id 0, which is road, and crops off centre; we pad with
void and crop the centre.

"Within" is how mmcv resizes with the aspect kept: as large as the longer and the shorter edge allow, upright images too,
and OpenCV's bilinear filter, which does not smooth before it leaves pixels out.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from ash.errors import ConfigError
from ash.files.images import Size, resized
from ash.labels import VOID


@dataclass(frozen=True)
class EvaluationProtocol:
    """How images of one set are shown to the network, and how its labels are scored.

    `stretch` resizes to (width, height); `height` keeps the aspect; `crop` resizes to that height and cuts or pads the
    width, image and label alike; `within` keeps the aspect and fits into both edges; `own` resizes nothing.
    """

    name: str
    dataset: str
    """Whose files it reads."""
    labels: str
    """The data set whose table maps the labels; the same, or the same files under another mapping."""
    fit: Literal["stretch", "height", "crop", "within", "own"]
    size: Size

    def image(self, image: np.ndarray) -> np.ndarray:
        """What the network sees of an image uint8 (H,W,3)."""
        if self.fit == "own":
            return image
        if self.fit == "within":
            return _sampled(image, _within(image, self.size))
        if self.fit == "stretch":
            return resized(image, self.size, Image.Resampling.BICUBIC)
        scaled = resized(image, self._scaled(image), Image.Resampling.BICUBIC)
        return scaled if self.fit == "height" else _centre(scaled, self.size[0], 0)

    def label(self, label: np.ndarray) -> np.ndarray:
        """What is scored of train ids uint8 (H,W)."""
        if self.fit != "crop":
            return label
        return _centre(resized(label, self._scaled(label), Image.Resampling.NEAREST), self.size[0], VOID)

    def record(self) -> dict[str, Any]:
        """For JSON beside the scores."""
        return asdict(self) | {"mirrored": False, "scales": [1.0]}

    def _scaled(self, pixels: np.ndarray) -> Size:
        """Width and height at this protocol's height."""
        height, width = pixels.shape[:2]
        return max(1, int(width / height * self.size[1])), self.size[1]


def _new(name: str, fit: Literal["stretch", "within", "own"], size: Size) -> EvaluationProtocol:
    """A protocol whose name begins with its set's."""
    dataset = name.rpartition("_")[0]
    return EvaluationProtocol(name, dataset, dataset, fit, size)


ACDC = ("acdc", "acdc_fog", "acdc_night", "acdc_rain", "acdc_snow")  # all conditions, and each
SETS = ("cityscapes", "bdd100k", "mapillary", *ACDC)
OURS = (
    "cityscapes",
    *(f"mapillary_{seen}{mapping}" for seen in ("native", "stretch", "1536") for mapping in ("", "_b")),
)  # of every run, and of the authors' models
PROTOCOLS = {
    p.name: p
    for p in (
        EvaluationProtocol("cityscapes", "cityscapes", "cityscapes", "stretch", (1024, 512)),
        EvaluationProtocol("mapillary_native", "mapillary", "mapillary", "height", (0, 512)),
        EvaluationProtocol("mapillary_native_b", "mapillary", "mapillary_b", "height", (0, 512)),
        EvaluationProtocol("mapillary_stretch", "mapillary", "mapillary", "stretch", (1024, 512)),
        EvaluationProtocol("mapillary_stretch_b", "mapillary", "mapillary_b", "stretch", (1024, 512)),
        EvaluationProtocol("mapillary_1536", "mapillary", "mapillary", "crop", (1536, 1536)),
        EvaluationProtocol("mapillary_1536_b", "mapillary", "mapillary_b", "crop", (1536, 1536)),
        *(_new(f"{name}_clan", "stretch", (1024, 512)) for name in SETS if name not in ("cityscapes", "mapillary")),
        *(_new(f"{name}_rein", "within", (1024, 512)) for name in ("cityscapes", "mapillary")),
        _new("bdd100k_rein", "within", (1280, 720)),
        *(_new(f"{name}_rein", "within", (960, 540)) for name in ACDC),
        *(_new(f"{name}_tqdm", "within", (2048, 1024)) for name in SETS if name != "bdd100k"),
        *(_new(f"{name}_own", "own", (0, 0)) for name in SETS),
    )
}


def load(name: str) -> EvaluationProtocol:
    """The protocol of that name; ConfigError names those there are."""
    if name not in PROTOCOLS:
        raise ConfigError(f"evaluation protocol {name!r} is unknown; known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def _within(pixels: np.ndarray, size: Size) -> Size:
    """The largest (width, height) of that aspect whose longer and shorter edge are those of `size` at most."""
    height, width = pixels.shape[:2]
    scale = min(max(size) / max(height, width), min(size) / min(height, width))
    return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


def _sampled(image: np.ndarray, size: Size) -> np.ndarray:
    """An image uint8 (H,W,3) at (width, height) `size`, from the four pixels around each place, to the nearest level."""
    height, width = image.shape[:2]
    scale = (width / size[0], 0, 0, 0, height / size[1], 0)
    planes = [Image.fromarray(image[..., k].astype(np.float32)) for k in range(3)]  # Pillow cuts levels off in bytes
    moved = [plane.transform(size, Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR) for plane in planes]
    return (np.stack([np.asarray(plane) for plane in moved], -1) + 0.5).astype(np.uint8)


def _centre(pixels: np.ndarray, width: int, fill: int) -> np.ndarray:
    """The centre columns of an array (H,W,...), or all of them between columns of `fill`."""
    excess = pixels.shape[1] - width
    if excess >= 0:
        left = round(excess / 2)
        return pixels[:, left : left + width]
    left = -excess // 2
    padding = [(0, 0), (left, -excess - left)] + [(0, 0)] * (pixels.ndim - 2)
    return np.pad(pixels, padding, constant_values=fill)
