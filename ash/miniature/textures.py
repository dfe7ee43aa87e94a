"""Periodic textures of 256x256, zero mean and unit deviation, from which every surface takes its grain."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

SIZE = 256  # pixels of a tile's side; every index into a tile is taken modulo this
NAMES = (
    "flat", "white", "pink", "cloud", "fine", "mid", "coarse", "brick", "hstripe", "vstripe", "checks", "hstreak",
    "vstreak", "spots", "diag", "cobble", "tiles", "leaves", "scribble", "planks", "blobs",
)  # fmt: skip
INDEX = {name: k for k, name in enumerate(NAMES)}

Spectrum = Callable[[np.ndarray, np.ndarray], np.ndarray]
Mark = Callable[[ImageDraw.ImageDraw, float, float, float, float], None]


@cache
def texture_bank(seed: int) -> np.ndarray:
    """All textures, (len(NAMES), SIZE, SIZE) float32, in the order of NAMES."""
    rng = np.random.default_rng(seed)
    tiles = {"flat": np.zeros((SIZE, SIZE)), **_noises(rng), **_patterns(rng), **_stones(rng)}
    tiles["planks"] += 0.4 * tiles["vstreak"] / tiles["vstreak"].std()
    tiles["leaves"] = _drawn(rng, 2600, _leaf)
    tiles["scribble"] = _drawn(rng, 260, _stroke)
    tiles["blobs"] = _drawn(rng, 500, _blob)
    return np.stack([(tiles[n] - tiles[n].mean()) / (tiles[n].std() + 1e-9) for n in NAMES]).astype(np.float32)


def _noises(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Coloured noise; streaks are stretched along one axis."""
    return {
        "white": rng.normal(size=(SIZE, SIZE)),
        "pink": _noise(rng, _power(1.0)),
        "cloud": _noise(rng, _power(1.8)),
        "fine": _noise(rng, _band(0.25)),
        "mid": _noise(rng, _band(0.12)),
        "coarse": _noise(rng, _band(0.06)),
        "hstreak": _noise(rng, _power(1.2, stretch_y=6)),
        "vstreak": _noise(rng, _power(1.2, stretch_x=6)),
    }


def _patterns(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Regular patterns with a period of 8 or 16 pixels, and spots."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    spots = _noise(rng, _band(0.1))
    return {
        "brick": np.where((y % 8 < 1) | ((x + y // 8 % 2 * 8) % 16 < 1), -1.8, 0.4),
        "hstripe": np.sign(np.sin(y * np.pi / 4)),
        "vstripe": np.sign(np.sin(x * np.pi / 4)),
        "checks": np.sign(np.sin(x * np.pi / 4) * np.sin(y * np.pi / 4) + 1e-3),
        "diag": np.sign(np.sin((x + y) * np.pi / 4) + 1e-3),
        "spots": np.where(spots > 0.8 * spots.std(), 2.0, -0.3),
    }


def _stones(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Cells of random grey with dark joints: cobbles, tiles, planks."""
    y, x = np.mgrid[:SIZE, :SIZE]
    centres = np.mgrid[:SIZE:8, :SIZE:8].transpose(1, 2, 0).reshape(-1, 2) + rng.uniform(0, 6, (SIZE * SIZE // 64, 2))
    distance, cell = cKDTree(centres % SIZE, boxsize=SIZE).query(np.stack([y.ravel(), x.ravel()], 1), k=2)
    greys = rng.normal(size=len(centres)) * 0.7
    cobble = np.where(distance[:, 1] - distance[:, 0] < 1.3, -2.5, greys[cell[:, 0]]).reshape(SIZE, SIZE)
    tiles = np.where((x % 16 < 1) | (y % 16 < 1), -2, rng.normal(size=(16, 16))[y // 16, x // 16] * 0.8)
    planks = np.where(x % 8 < 1, -2, rng.normal(size=32)[x // 8] * 0.8)
    return {"cobble": cobble, "tiles": tiles, "planks": planks}


def _noise(rng: np.random.Generator, amplitude: Spectrum) -> np.ndarray:
    """Gaussian noise with the amplitude spectrum amplitude(f_y, f_x), frequencies in cycles a pixel."""
    fy, fx = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
    shape = (SIZE, SIZE // 2 + 1)
    spectrum = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) * amplitude(fy, fx)
    spectrum[0, 0] = 0
    return np.fft.irfft2(spectrum, s=(SIZE, SIZE))


def _power(beta: float, stretch_y: float = 1, stretch_x: float = 1) -> Spectrum:
    return lambda fy, fx: 1 / (np.hypot(fy * stretch_y, fx * stretch_x) + 1e-9) ** beta


def _band(frequency: float) -> Spectrum:
    return lambda fy, fx: np.exp(-(np.log((np.hypot(fy, fx) + 1e-6) / frequency) ** 2) / 0.245)


def _drawn(rng: np.random.Generator, count: int, mark: Mark) -> np.ndarray:
    """`count` random marks, wrapped around the tile's edges."""
    image = Image.new("F", (SIZE, SIZE), 0.0)
    canvas = ImageDraw.Draw(image)
    margin = 30
    for _ in range(count):
        x, y, angle = rng.uniform(0, SIZE), rng.uniform(0, SIZE), rng.uniform(0, 2 * np.pi)
        grey = rng.normal()
        for dx in (-SIZE, 0, SIZE):
            for dy in (-SIZE, 0, SIZE):
                if -margin < x + dx < SIZE + margin and -margin < y + dy < SIZE + margin:
                    mark(canvas, x + dx, y + dy, angle, grey)
    return np.asarray(image)


def _leaf(canvas: ImageDraw.ImageDraw, x: float, y: float, angle: float, grey: float) -> None:
    c, s = math.cos(angle), math.sin(angle)
    tips = [(4 * c, 4 * s), (-1.6 * s, 1.6 * c), (-4 * c, -4 * s), (1.6 * s, -1.6 * c)]
    canvas.polygon([(x + a, y + b) for a, b in tips], fill=grey)


def _stroke(canvas: ImageDraw.ImageDraw, x: float, y: float, angle: float, grey: float) -> None:
    c, s = math.cos(angle), math.sin(angle)
    canvas.line([(x - 12 * c, y - 12 * s), (x - 4 * s, y + 6 * c), (x + 12 * c, y + 12 * s)], fill=2 * grey, width=3)


def _blob(canvas: ImageDraw.ImageDraw, x: float, y: float, angle: float, grey: float) -> None:
    radius = 4 + 5 * abs(math.sin(angle))
    canvas.ellipse([x - radius, y - radius * 0.8, x + radius, y + radius * 0.8], fill=grey)
