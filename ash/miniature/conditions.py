"""Night, fog, rain and snow over the Cityscapes-like world, as ACDC has them over streets like those of Cityscapes.

Each is a twin: the scene of a number is that of the Cityscapes-like set, with equal labels, in other weather and before a
camera that copes with it.  So a difference between the two scores is the weather's alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ash.labels import CLASSES
from ash.miniature.geometry import Canvas
from ash.miniature.optics import GROUND, OPTICS, ROAD, SKY, Optics, Weather, field

WORLD = "cityscapes"
DRAWN = 192  # width in pixels of the pictures for which sizes in pixels are stated below; they grow with the picture
LIGHT, CAR = CLASSES.index("light"), CLASSES.index("car")
SNOWED = {"sidewalk": 0.9, "terrain": 0.95, "road": 0.45, "vegetation": 0.4, "building": 0.2, "car": 0.3}
"""Largest share of the snow's colour on surfaces of a class."""
SNOW, MOONLIGHT, LAMPLIGHT, BEAM = (
    np.array(colour) for colour in ([0.88, 0.90, 0.94], [0.75, 0.85, 1.15], [1.0, 0.72, 0.38], [1.0, 0.95, 0.82])
)


@dataclass(frozen=True)
class Condition:
    """The camera of a twin, and what the weather makes of the image before the camera takes it."""

    optics: Optics
    weather: Weather


def night(image: np.ndarray, depth: np.ndarray, label: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Little light, bluish, but for the own headlamps on the ground, street lamps, and what shines itself."""
    rng, (height, width) = canvas.rng, label.shape
    y, x = np.indices(label.shape)
    light = MOONLIGHT * rng.uniform(0.14, 0.32)
    beam = np.exp(-(((x - canvas.centre) / (0.35 * width)) ** 2)) * np.exp(-depth / 14) * np.isin(label, GROUND)
    light = light + rng.uniform(0.4, 0.8) * beam[..., None] * BEAM
    glow = np.zeros((height, width, 1))
    for _ in range(rng.integers(1, 6)):
        centre = rng.uniform(0, height * 0.5), rng.uniform(0, width)
        distance = np.hypot(y - centre[0], (x - centre[1]) * 0.8)[..., None] * DRAWN / width
        light = light + rng.uniform(0.15, 0.45) * np.exp(-distance / rng.uniform(8, 30)) * LAMPLIGHT
        glow = glow + np.exp(-((distance / rng.uniform(1.5, 3.5)) ** 2))
    lit = (label == LIGHT) | ((label == CAR) & (image.min(-1) > 0.8))  # lamps of traffic lights and of cars
    shining = image * np.where(lit, rng.uniform(0.6, 1.0), 0.0)[..., None]
    halo = 2 * width / DRAWN
    shining = shining + ndimage.gaussian_filter(shining, (halo, halo, 0), truncate=2.0)
    dark = np.where((label == SKY)[..., None], 0.35 * image, image)
    return np.asarray(dark * light + shining + glow * LAMPLIGHT)


def rain(image: np.ndarray, _depth: np.ndarray, label: np.ndarray, canvas: Canvas) -> np.ndarray:
    """A dark road that mirrors what stands on it, streaks, and drops on the lens."""
    rng, (height, width) = canvas.rng, label.shape
    mirror = np.clip((2 * canvas.horizon - np.arange(height)).astype(int), 0, height - 1)
    wet = rng.uniform(0.4, 0.8) * np.isin(label, GROUND)[..., None] * np.where(label == ROAD, 1.0, 0.5)[..., None]
    image = (1 - wet) * image + wet * (0.35 * image + 0.5 * image[mirror])
    slant, length = rng.uniform(-0.4, 0.4), int(rng.integers(5, 11) * width / DRAWN)
    heads = (rng.random((height, width)) < rng.uniform(0.004, 0.012)).astype(float)
    streaks = np.sum([np.roll(heads, (k, round(k * slant)), (0, 1)) for k in range(length)], axis=0)
    image = image + rng.uniform(0.08, 0.2) * np.minimum(streaks / 2, 1)[..., None]
    y, x = np.indices(label.shape)
    drops = np.zeros(label.shape)
    for _ in range(rng.integers(2, 9)):
        distance = np.hypot(y - rng.uniform(0, height), x - rng.uniform(0, width)) * DRAWN / width
        drops = np.maximum(drops, np.clip(rng.uniform(3, 9) - distance, 0, 1))
    smear = 3 * width / DRAWN
    smeared = ndimage.gaussian_filter(image, (smear, smear, 0), truncate=2.0) * 1.08
    return np.asarray((1 - drops[..., None]) * image + drops[..., None] * smeared)


def snow(image: np.ndarray, _depth: np.ndarray, label: np.ndarray, canvas: Canvas) -> np.ndarray:
    """White on what lies flat, patches of it on the rest, and flakes in the air."""
    rng, (height, width) = canvas.rng, label.shape
    largest = np.zeros(256)
    for name, share in SNOWED.items():
        largest[CLASSES.index(name)] = share
    patches = np.clip(0.5 + 0.8 * field(rng, (12, 20), height, width) + rng.uniform(-0.2, 0.5), 0, 1)
    cover = (largest[label] * patches)[..., None]
    grain = 0.06 * ndimage.gaussian_filter(rng.normal(size=(height, width, 1)), (0.7, 0.7, 0))
    image = (1 - cover) * image + cover * (SNOW + grain)
    grown = width / DRAWN
    flakes = (rng.random((height, width)) < rng.uniform(0.003, 0.02) / grown**2).astype(float)
    size = rng.uniform(0.5, 1.0) * grown
    flakes = np.clip(ndimage.gaussian_filter(flakes, size) * 9 * size**2, 0, 0.85)[..., None]
    return np.asarray((1 - flakes) * image + flakes * SNOW)


def fog(image: np.ndarray, depth: np.ndarray, label: np.ndarray, canvas: Canvas) -> np.ndarray:
    """What lies far is of the fog's own grey, which changes slowly over the picture."""
    rng, (height, width) = canvas.rng, label.shape
    density = rng.uniform(0.015, 0.05) * (1 + 0.15 * field(rng, (3, 5), height, width))
    clear = np.exp(-np.maximum(density, 0.005) * depth)[..., None]
    grey = rng.uniform(0.58, 0.82) * (1 + np.array([0.02, 0.0, -0.02]) * rng.uniform(-1, 1))
    return np.asarray(clear * image + (1 - clear) * grey)


_CLEAR = replace(OPTICS[WORLD], shadow=0.0)  # none of the four has the sun
CONDITIONS = {
    "acdc_fog": Condition(replace(_CLEAR, gain=(0.75, 1.0), blur=(0.4, 0.9)), fog),
    "acdc_night": Condition(
        replace(
            _CLEAR, gain=(0.9, 1.6), gamma=(0.7, 0.95), noise=(0.012, 0.04), chroma=(0.008, 0.028), blur=(0.4, 0.9)
        ),
        night,
    ),
    "acdc_rain": Condition(replace(_CLEAR, haze=(0.006, 0.02), gain=(0.6, 0.9), puddle=0.0, blur=(0.4, 0.9)), rain),
    "acdc_snow": Condition(replace(_CLEAR, haze=(0.006, 0.02), gain=(0.8, 1.05), puddle=0.0), snow),
}
