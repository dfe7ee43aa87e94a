"""A pinhole camera above the road, and a canvas on which parts are painted from far to near.

Everything is drawn into one integer map of part numbers.  A part carries class, colour, textures and depth, so that
image and labels are look-ups from the map and the labels are exact.

Coordinates in metres: X to the right, Y up from the road, z forward.
"""

from dataclasses import astuple, dataclass

import numpy as np
from PIL import Image, ImageDraw

from ash.miniature.looks import AMPLITUDE, LOOKS, REAL, TRAIN_ID
from ash.miniature.textures import INDEX

NEAREST = 0.6  # metres; what lies nearer is projected from here
DIRT = tuple(INDEX[name] for name in ("cloud", "pink", "blobs", "leaves"))
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """One surface; the fields are the columns of the look-up table, in this order."""

    train_id: int
    red: float
    green: float
    blue: float
    texture: int
    amplitude: float
    dirt: int
    dirt_amplitude: float
    dirt_red: float
    dirt_green: float
    dirt_blue: float
    scale: int  # texture pixels for two image pixels
    depth: float  # metres

    @property
    def colour(self) -> np.ndarray:
        """RGB in [0,1]."""
        return np.array([self.red, self.green, self.blue])


COLUMN = {name: k for k, name in enumerate(Part.__dataclass_fields__)}


class Canvas:
    """The camera of one scene and what has been drawn so far."""

    def __init__(self, rng: np.random.Generator, domain: str, size: tuple[int, int], jitter: float) -> None:
        """Place the camera 1.45 m above the road; `jitter` scales how far it strays, `size` is (width, height)."""
        self.rng, self.domain = rng, domain
        self.width, self.height = size
        self.real = domain in REAL
        zoom = rng.uniform(0.8, 1.2) if domain == "mapillary" else 1.0
        self.focal = self.width * rng.uniform(0.85, 1.0) * zoom
        self.camera_height = 1.45 + rng.uniform(-0.15, 0.15) * jitter
        self.horizon = self.height * (0.45 + rng.uniform(-0.05, 0.05) * jitter)
        self.centre = self.width * (0.5 + rng.uniform(-0.09, 0.09) * jitter)
        self.camera_x = rng.uniform(-2, 2)
        self.map = Image.new("I", size, 0)
        self.draw = ImageDraw.Draw(self.map)
        self.parts: list[Part] = []

    def part(self, name: str, colour: np.ndarray, texture: int = 0, amplitude: float = 0.0, depth: float = 60.0) -> int:
        """Add a part of class `name`; gives its number.  Real surfaces are dirty and their grain varies."""
        rng = self.rng
        dirt: tuple[int, float, float, float, float] = (0, 0.0, 0.0, 0.0, 0.0)
        scale = 2
        if self.real:
            kind = DIRT[rng.integers(len(DIRT))]
            strength = rng.uniform(0.01, 0.06) if name != "sky" else 0.01
            dirt = (kind, strength, rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(-1, 1))
            amplitude = max(amplitude, 0.02) * rng.uniform(0.5, 1.5)
            scale = int(rng.integers(1, 5))
        red, green, blue = np.clip(colour, 0, 1)
        self.parts.append(Part(TRAIN_ID[name], red, green, blue, texture, amplitude, *dirt, scale, depth))  # type: ignore[arg-type]
        return len(self.parts) - 1

    def material(self, name: str, depth: float = 60.0) -> int:
        """A new part in the look of class `name`."""
        look, rng = LOOKS[self.domain][name], self.rng
        colour = look.colours[rng.integers(len(look.colours))]
        colour = colour + rng.normal(size=3) * look.spread * 0.5 + rng.normal() * look.spread
        texture = look.textures[rng.integers(len(look.textures))]
        return self.part(name, colour, texture, look.amplitude * AMPLITUDE[self.domain], depth)

    def shade(self, number: int, name: str, factor: float) -> int:
        """A part like another, lighter or darker."""
        part = self.parts[number]
        return self.part(name, part.colour * factor, part.texture, part.amplitude, part.depth)

    def plain(self, name: str, depth: float, colour: tuple[float, float, float], factor: float = 1.0) -> int:
        """An untextured part of a given colour."""
        return self.part(name, np.array(colour) * factor, depth=depth)

    def lookup(self) -> np.ndarray:
        """The parts as a table, (number of parts, len(COLUMN)) float32."""
        return np.array([astuple(part) for part in self.parts], np.float32)

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Metres to pixels."""
        z = max(z, NEAREST)
        return (
            self.centre + self.focal * (x - self.camera_x) / z,
            self.horizon + self.focal * (self.camera_height - y) / z,
        )

    def quad(self, points: list[Point], part: int) -> None:
        """A polygon anywhere in space."""
        self.draw.polygon([self.project(*p) for p in points], fill=part)

    def polygon(self, x: float, y: float, z: float, outline: list[tuple[float, float]], part: int) -> None:
        """A polygon that faces the camera, its outline relative to (x, y)."""
        self.draw.polygon([self.project(x + a, y + b, z) for a, b in outline], fill=part)

    def rectangle(self, x: float, y: float, width: float, height: float, z: float, part: int) -> None:
        """A rectangle that faces the camera, standing on (x, y)."""
        self.draw.rectangle(self._frame(x, y, y + height, width, z), fill=part)

    def ellipse(self, x: float, y: float, width: float, height: float, z: float, part: int) -> None:
        """An ellipse that faces the camera, centred on (x, y)."""
        self.draw.ellipse(self._frame(x, y - height / 2, y + height / 2, width, z), fill=part)

    def box(self, x: float, z: float, size: tuple[float, float, float], floor: float, front: int, side: int) -> int:
        """A box of (width, height, length): the face at z, and the side that the camera sees; gives its sign."""
        width, height, length = size
        sign = 1 if x < self.camera_x else -1
        edge, top = x + sign * width / 2, floor + height
        self.quad([(edge, floor, z), (edge, floor, z + length), (edge, top, z + length), (edge, top, z)], side)
        self.rectangle(x, floor, width, height, z, front)
        return sign

    def wheels(self, x: float, width: float, sign: int, depths: tuple[float, ...], radius: float, part: int) -> None:
        """Wheels along the visible side of a vehicle."""
        for z in depths:
            u, v = self.project(x + sign * width / 2, radius, z)
            r = self.focal * radius / max(z, NEAREST)
            self.draw.ellipse([u - r * 0.6, v - r, u + r * 0.6, v + r], fill=part)

    def _frame(self, x: float, low: float, high: float, width: float, z: float) -> list[float]:
        """Pixel bounds of an upright rectangle, at least a pixel wide and high."""
        left, top = self.project(x - width / 2, high, z)
        right, bottom = self.project(x + width / 2, low, z)
        return [left, top, max(right, left + 0.8), max(bottom, top + 0.8)]
