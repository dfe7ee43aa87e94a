"""The strong training regime of the RobustNet family: scale crops, colour jitter, blur, class-uniform sampling.

    crop     the image is resized by a factor of U(0.5, 2), and a window of its own size is cut from that, black and void where
             the resized image does not reach; bicubic, labels by nearest neighbour
    jitter   in half of the samples: brightness, contrast and saturation by U(0.6, 1.4), hue by U(-0.1, 0.1), in random order
    blur     Gaussian, deviation U(0.15, 1.3) pixels
    classes  half of the samples are drawn for a class, each of those that occur with equal odds: any image that shows it, and
             a window that holds a pixel of it

Read off shachoi/RobustNet (`datasets/{__init__,uniform}.py`, `transforms/{joint_transforms,transforms}.py`), which SHADE,
WildNet and PASTA train by.  Departures: its windows are squares of 768 pixels, ours have the size of the image, so that a
method meets the shapes that it has in the plain regime; it centres on the centroid of a class in a tile, which need not be of
the class, and we on a pixel of it; it fills an epoch with a fixed number for each class, and we draw.

Every number is a function of (seed, step), as in `ash.training.sampler`, so that a resumed run goes on exactly.  Mirrors,
paintings and noise are those of the plain regime.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from ash.labels import SUBSETS, VOID

SCALE = (0.5, 2.0)  # of both sides
CLASS_UNIFORM = 0.5  # share of samples that are drawn for a class
JITTERED = 0.5  # share of samples whose colours are jittered
ENHANCED = (0.6, 1.4)  # factors of brightness, contrast and saturation
HUE = 0.1  # largest shift, of the circle
BLUR = (0.15, 1.3)  # deviation in pixels
_STREAM = 100  # of the seed; those of `ash.training.sampler` count from 0
ENHANCERS: tuple[Callable[[Image.Image], Any], ...] = (
    ImageEnhance.Brightness,
    ImageEnhance.Contrast,
    ImageEnhance.Color,
)


class ClassIndex:
    """Which images of a set show which class, from its labels: read once, as training starts."""

    def __init__(self, labels: Sequence[np.ndarray], classes: int) -> None:
        """Look at every label, uint8 (h,w); only the 19, 16 or 13 `classes` that are learnt count."""
        learnt = np.array(SUBSETS[classes])
        shown = np.stack([np.bincount(labels[k].ravel(), minlength=VOID + 1)[learnt] > 0 for k in range(len(labels))])
        self.images = {int(name): np.flatnonzero(shown[:, k]) for k, name in enumerate(learnt) if shown[:, k].any()}

    def draw(self, rng: np.random.Generator) -> tuple[int, int] | None:
        """A class and an image that shows it; None in a set without any."""
        if not self.images:
            return None
        name = int(rng.choice(list(self.images)))
        return name, int(rng.choice(self.images[name]))


@dataclass(frozen=True)
class Change:
    """What becomes of one sample; shares of [0, 1) are turned into pixels once the image is there.

    image    which image is shown
    focus    a class that the window must show, or None
    scale    factor of both sides
    place    shares that say where the window lies, down and to the right, and which pixel of `focus` it shows
    enhance  factors of brightness, contrast and saturation, and the shift of the hue; None: colours stay
    order    in which these four come
    blur     deviation in pixels
    """

    image: int
    focus: int | None
    scale: float
    place: tuple[float, float, float]
    enhance: tuple[float, ...] | None
    order: tuple[int, ...]
    blur: float


def draw(seed: int, step: int, images: Sequence[int] | np.ndarray, index: ClassIndex) -> list[Change]:
    """The changes of a step's samples; `images` are those of the plain regime, of which half are exchanged."""
    return [_change(np.random.default_rng([seed, _STREAM, step, k]), int(i), index) for k, i in enumerate(images)]


def _change(rng: np.random.Generator, image: int, index: ClassIndex) -> Change:
    wanted = index.draw(rng) if rng.random() < CLASS_UNIFORM else None
    focus, shown = (None, image) if wanted is None else wanted
    down, right, pixel = rng.random(3)
    factors = (*rng.uniform(*ENHANCED, 3), rng.uniform(-HUE, HUE))
    return Change(
        image=shown,
        focus=focus,
        scale=float(rng.uniform(*SCALE)),
        place=(float(down), float(right), float(pixel)),
        enhance=tuple(map(float, factors)) if rng.random() < JITTERED else None,
        order=tuple(map(int, rng.permutation(4))),
        blur=float(rng.uniform(*BLUR)),
    )


def changed(image: np.ndarray, label: np.ndarray, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """A sample as the strong regime shows it: image uint8 (H,W,3) and label uint8 (h,w), of the sizes that came in."""
    from scipy import ndimage  # 0.2 s of the start of every training, of which few want it

    window = window_of(image, label, change)
    picture = Image.fromarray(cropped(image, window))
    if change.enhance is not None:
        for k in change.order:
            factor = change.enhance[k]
            picture = _turned(picture, factor) if k == len(ENHANCERS) else ENHANCERS[k](picture).enhance(factor)
    blurred = ndimage.gaussian_filter(np.asarray(picture, np.float32), (change.blur, change.blur, 0), mode="nearest")
    return (blurred + 0.5).astype(np.uint8), cropped_label(label, window)


@dataclass(frozen=True)
class Window:
    """A window of (height, width) `size` in an image that has been resized to `scaled`, from the pixel `corner` of that.

    The corner is negative where the resized image is the smaller, by as much as is left free before it.
    """

    size: tuple[int, int]
    scaled: tuple[int, int]
    corner: tuple[int, int]


def window_of(image: np.ndarray, label: np.ndarray, change: Change) -> Window:
    """The window that a change shows of a sample."""
    size = image.shape[0], image.shape[1]
    scaled = max(1, int(size[0] * change.scale)), max(1, int(size[1] * change.scale))
    pixel = _pixel(label, change)
    corner: list[int] = []
    for axis in range(2):
        free, share = scaled[axis] - size[axis], change.place[axis]
        if free < 0:  # as much before the image as behind it
            corner.append(free // 2)
        elif pixel is None:
            corner.append(int(share * (free + 1)))
        else:  # any place at which the window holds the pixel, as far as the image goes
            there = int((pixel[axis] + 0.5) / label.shape[axis] * scaled[axis])
            corner.append(min(free, max(0, there - int(share * size[axis]))))
    return Window(size, scaled, (corner[0], corner[1]))


def _pixel(label: np.ndarray, change: Change) -> tuple[int, int] | None:
    """Row and column of a pixel of the class in focus."""
    if change.focus is None:
        return None
    places = np.flatnonzero(label == change.focus)
    row, column = divmod(int(places[int(change.place[2] * len(places))]), label.shape[1])
    return row, column


def cropped(image: np.ndarray, window: Window) -> np.ndarray:
    """What a window shows of an image uint8 (H,W,3): bicubic, black beside it."""
    resized = Image.fromarray(image).resize(window.scaled[::-1], Image.Resampling.BICUBIC)
    top, left = window.corner
    return np.asarray(resized.crop((left, top, left + window.size[1], top + window.size[0])))


def cropped_label(label: np.ndarray, window: Window) -> np.ndarray:
    """What it shows of a label uint8 (h,w), which may be of another size than the image: the nearest pixel, void beside it."""
    rows, columns = (_nearest(label.shape[axis], window, axis) for axis in range(2))
    inside = np.ix_(np.maximum(rows, 0), np.maximum(columns, 0))
    return np.where((rows >= 0)[:, None] & (columns >= 0)[None], label[inside], VOID).astype(np.uint8)


def _nearest(count: int, window: Window, axis: int) -> np.ndarray:
    """For each of `count` places along a side of the window which of as many pixels of the whole it shows; -1: none."""
    size, scaled, corner = window.size[axis], window.scaled[axis], window.corner[axis]
    share = ((np.arange(count) + 0.5) * size / count + corner) / scaled
    return np.where((share >= 0) & (share < 1), np.floor(share * count), -1).astype(int)


def _turned(picture: Image.Image, shift: float) -> Image.Image:
    """With every hue moved along the circle by a share of it."""
    hue, saturation, value = picture.convert("HSV").split()
    moved = hue.point([(k + round(shift * 255)) % 256 for k in range(256)])
    return Image.merge("HSV", (moved, saturation, value)).convert("RGB")
