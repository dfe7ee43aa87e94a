"""Abstract paintings of seven kinds, each with a palette of three to seven colours."""

import colorsys
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

from ash.miniature.looks import BANK_SEED
from ash.miniature.textures import INDEX, SIZE, texture_bank

CANVAS = ("white", "pink", "fine", "hstreak", "scribble", "cobble")  # grain of the canvas
NOISES = ("pink", "cloud", "coarse", "mid", "leaves", "blobs")


class Painter:
    """A palette, a size and a random state."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        """Choose a palette around one hue; `size` is (width, height)."""
        self.rng = rng
        self.width, self.height = size
        hue, spread = rng.uniform(), rng.uniform(0.05, 0.4)
        colours = [
            colorsys.hsv_to_rgb((hue + rng.normal() * spread) % 1, rng.uniform(0.1, 1), rng.uniform(0.1, 1))
            for _ in range(rng.integers(3, 8))
        ]
        self.palette = np.array(colours) * 255

    def colour(self) -> tuple[int, int, int]:
        """A colour near one of the palette."""
        mixed = self.palette[self.rng.integers(len(self.palette))] + self.rng.normal(size=3) * 14
        red, green, blue = (int(value) for value in np.clip(mixed, 0, 255))
        return red, green, blue

    def tile(self, names: tuple[str, ...]) -> np.ndarray:
        """A random cut of one of the named textures, (H,W)."""
        tile = texture_bank(BANK_SEED["paintings"])[INDEX[names[self.rng.integers(len(names))]]]
        shifted = np.roll(tile, tuple(self.rng.integers(0, SIZE, 2)), (0, 1))
        return shifted[np.ix_(np.arange(self.height) % SIZE, np.arange(self.width) % SIZE)]

    def ground(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        """A canvas in one colour."""
        image = Image.new("RGB", (self.width, self.height), self.colour())
        return image, ImageDraw.Draw(image)


def draw_painting(seed: int | list[int], size: tuple[int, int] = (192, 96)) -> np.ndarray:
    """Paint one painting of (width, height): uint8 (H,W,3), a function of the arguments alone."""
    rng = np.random.default_rng(seed)
    painter = Painter(rng, size)
    kinds: list[Callable[[Painter], np.ndarray]] = [
        lambda p: _flow(p, 0.0),
        lambda p: _flow(p, 0.8),
        _dots,
        _noise,
        _mosaic,
        _fields,
        _bands,
    ]
    image = kinds[rng.integers(len(kinds))](painter).astype(np.float32)
    image += painter.tile(CANVAS)[..., None] * rng.uniform(2, 22)
    if rng.random() < 0.5:
        image = ndimage.gaussian_filter(image, (*[rng.uniform(0.3, 1.2)] * 2, 0), truncate=2.0)
    return np.clip(image, 0, 255).astype(np.uint8)


def _strokes(painter: Painter) -> tuple[int, float, float]:
    """Number, length and width (pixels) of a painting's strokes, so that they cover it about once."""
    rng, scale = painter.rng, painter.rng.uniform(0.5, 2.0)
    length, width = rng.uniform(6, 28) * scale, rng.uniform(1, 6) * scale
    area = painter.width * painter.height
    return int(min(900, 0.78 * area / (length * width + 8))) + 120, length, width


def _flow(painter: Painter, disorder: float) -> np.ndarray:
    """Strokes along a smooth field of directions, or (with disorder) dashes around it."""
    rng, (image, draw) = painter.rng, painter.ground()
    count, length, width = _strokes(painter)
    field = ndimage.zoom(rng.normal(size=(3, 4)), (painter.height / 3, painter.width / 4), order=1) * 2
    for _ in range(count):
        x, y = rng.uniform(0, painter.width), rng.uniform(0, painter.height)
        row, column = min(int(y), field.shape[0] - 1), min(int(x), field.shape[1] - 1)
        angle = field[row, column] + disorder * rng.normal()
        dx, dy = math.cos(angle) * length / 2, math.sin(angle) * length / 2
        draw.line([x - dx, y - dy, x + dx, y + dy], fill=painter.colour(), width=max(1, int(width)))
    return np.asarray(image)


def _dots(painter: Painter) -> np.ndarray:
    rng, (image, draw) = painter.rng, painter.ground()
    count, _, width = _strokes(painter)
    for _ in range(count):
        x, y, r = rng.uniform(0, painter.width), rng.uniform(0, painter.height), width * rng.uniform(0.4, 1.2)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=painter.colour())
    return np.asarray(image)


def _noise(painter: Painter) -> np.ndarray:
    """Noise through the palette."""
    tile = painter.tile(NOISES)
    last = len(painter.palette) - 1
    level = (tile - tile.min()) / (np.ptp(tile) + 1e-6) * last
    low = np.floor(level).astype(int).clip(0, last - 1)
    share = (level - low)[..., None]
    mixed: np.ndarray = painter.palette[low] * (1 - share) + painter.palette[low + 1] * share
    return mixed


def _mosaic(painter: Painter) -> np.ndarray:
    """A Voronoi mosaic."""
    rng, shape = painter.rng, (painter.height, painter.width)
    count = rng.integers(30, 250)
    centres = np.stack([rng.uniform(0, painter.height, count), rng.uniform(0, painter.width, count)], 1)
    nearest = cKDTree(centres).query(np.indices(shape).reshape(2, -1).T)[1]
    return np.array([painter.colour() for _ in range(count)])[nearest].reshape(*shape, 3)


def _fields(painter: Painter) -> np.ndarray:
    """Rectangles of colour under hatching."""
    rng, w, h = painter.rng, painter.width, painter.height
    image, draw = painter.ground()
    for _ in range(rng.integers(2, 7)):
        x, y = rng.uniform(-0.2, 1) * w, rng.uniform(-0.2, 1) * h
        draw.rectangle([x, y, x + rng.uniform(0.2, 0.8) * w, y + rng.uniform(0.2, 0.8) * h], fill=painter.colour())
    step, colour, slant = int(rng.uniform(3, 9)), painter.colour(), rng.uniform(-1, 1)
    for x in range(-w, 2 * w, step):
        fill = colour if rng.random() < 0.8 else painter.colour()
        draw.line([x, 0, x + slant * h, h], fill=fill, width=max(1, step // 4))
    return np.asarray(image)


def _bands(painter: Painter) -> np.ndarray:
    """Bands like a landscape, with outlined shapes."""
    rng, w, h = painter.rng, painter.width, painter.height
    image, draw = painter.ground()
    y = 0.0
    while y < h:
        band = rng.uniform(0.08, 0.4) * h
        draw.rectangle([0, y, w, y + band], fill=painter.colour())
        y += band
    for _ in range(rng.integers(6, 30)):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.03, 0.2) * h
        corners = np.arange(0, 6.2, 6.2 / rng.integers(3, 9))
        outline = [
            (x + r * math.cos(a) * rng.uniform(0.6, 1.3), y + r * math.sin(a) * rng.uniform(0.6, 1.3)) for a in corners
        ]
        draw.polygon(outline, fill=painter.colour(), outline=painter.colour())
    return np.asarray(image)
