"""Where everything stands: one distribution of places and shapes for all domains.

SYNTHIA's domain lacks terrain, trucks and trains, as the real set does.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ash.miniature import objects, street
from ash.miniature.geometry import Canvas
from ash.miniature.looks import ABSENT

NEAR, FAR = 0.8, 140.0  # metres; the stretch of road that is drawn
IN_VIEW = 1.9  # depth over distance from the middle at which a thing is just inside the picture
Thing = tuple[float, Callable[[], None]]  # depth, and what draws it


@dataclass(frozen=True)
class Strip:
    """One side of the road: its sign, where sidewalk and houses begin (m from the middle), the sidewalk's width (m)."""

    side: int
    kerb: float
    sidewalk: float
    houses: float


class Layout:
    """Fills one canvas, from the sky to the nearest bicycle."""

    def __init__(self, canvas: Canvas) -> None:
        """Lay out the scene of `canvas`; nothing is drawn yet."""
        self.canvas, self.rng = canvas, canvas.rng
        self.absent = ABSENT.get(canvas.domain, frozenset())
        self.things: list[Thing] = []

    def fill(self) -> None:
        """Draw everything."""
        self._background()
        strips = self._ground()
        for strip in strips:
            self._houses(strip)
            if self._chance(0.62):
                self._kerb_wall(strip)
            self._roadside(strip)
        self._traffic(strips)
        for _, draw in sorted(self.things, key=lambda thing: -thing[0]):
            draw()

    def _uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def _chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def _place(self, z: float, draw: Callable[..., None], *arguments: object) -> None:
        """Remember an object at depth z; objects are drawn from far to near."""
        self.things.append((z, lambda: draw(self.canvas, *arguments)))

    def _background(self) -> None:
        """Sky, and a ragged skyline of trees and houses at the horizon."""
        canvas = self.canvas
        canvas.draw.rectangle([0, 0, canvas.width, canvas.height], fill=canvas.material("sky", 300))
        x = 0.0
        while x < canvas.width:
            w = self._uniform(8, 30)
            top = canvas.horizon - self._uniform(2, 14)
            part = canvas.material("vegetation" if self._chance(0.5) else "building", 110)
            canvas.draw.rectangle([x, top, x + w, canvas.horizon + 2], fill=part)
            x += w

    def _ground(self) -> list[Strip]:
        """Ground, sidewalks, terrain, road and its markings."""
        canvas = self.canvas
        halves = self._uniform(3.2, 5.8), self._uniform(3.2, 5.8)
        field = "terrain" if "terrain" not in self.absent and self._chance(0.4) else "sidewalk"
        ground = canvas.material(field, 20)
        canvas.draw.rectangle([0, canvas.horizon, canvas.width, canvas.height], fill=ground)
        strips = []
        for side, kerb in zip((-1, 1), halves, strict=True):
            sidewalk = self._uniform(2.0, 5.5) if self._chance(0.92) else 0.0
            lawn = self._uniform(2.5, 6) if "terrain" not in self.absent and self._chance(0.55) else 0.0
            houses = kerb + sidewalk + lawn + self._uniform(0, 1.5)
            if lawn:
                self._strip("terrain", side * (kerb + sidewalk), side * houses)
            if sidewalk:
                self._strip("sidewalk", side * kerb, side * (kerb + sidewalk))
            strips.append(Strip(side, kerb, sidewalk, houses))
        self._road(-halves[0], halves[1])
        return strips

    def _strip(self, name: str, a: float, b: float) -> int:
        """A strip of ground along the whole road; gives its part."""
        part = self.canvas.material(name, 20)
        self.canvas.quad([(a, 0, NEAR), (a, 0, FAR), (b, 0, FAR), (b, 0, NEAR)], part)
        return part

    def _road(self, left: float, right: float) -> None:
        canvas = self.canvas
        road = self._strip("road", left, right)
        mark = canvas.part("road", canvas.parts[road].colour + 0.3, depth=20)
        z, x = self._uniform(1, 4), (left + right) / 2
        while z < 60:
            self._bar(x - 0.08, x + 0.08, z, mark)
            z += 6
        if self._chance(0.25):  # a zebra crossing
            z, x = self._uniform(6, 20), left + 0.3
            while x < right - 0.5:
                self._bar(x, x + 0.5, z, mark)
                x += 1.0

    def _bar(self, a: float, b: float, z: float, part: int) -> None:
        self.canvas.quad([(a, 0, z), (a, 0, z + 2.5), (b, 0, z + 2.5), (b, 0, z)], part)

    def _houses(self, strip: Strip) -> None:
        """Houses, groups of trees and gaps, from far to near."""
        segments, z = [], self._uniform(3, 9)
        while z < 95:
            length = self._uniform(7, 22)
            segments.append((z, z + length, self._uniform(0, 1)))
            z += length + (self._uniform(0, 5) if self._chance(0.4) else 0)
        for near, far, kind in reversed(segments):
            if kind < 0.66:
                street.facade(self.canvas, strip.side, strip.houses, near, far)
            elif kind < 0.88:
                for k in range(3):
                    x = strip.side * (strip.houses + self._uniform(0, 4))
                    street.tree(self.canvas, x, far - (far - near) * k / 3)

    def _kerb_wall(self, strip: Strip) -> None:
        """A wall or a fence behind the sidewalk."""
        canvas = self.canvas
        near = self._uniform(3, 18)
        far = near + self._uniform(8, 30)
        x = strip.side * (strip.kerb + strip.sidewalk + 0.2)
        name = "wall" if self._chance(0.5) else "fence"
        h = self._uniform(1.2, 2.4) if name == "wall" else self._uniform(1.0, 1.7)
        part = canvas.material(name, near)
        canvas.quad([(x, 0, near), (x, 0, far), (x, h, far), (x, h, near)], part)
        if name == "fence":
            bars = canvas.shade(part, name, 0.5 if canvas.parts[part].colour.mean() > 0.5 else 1.5)
            z = near
            while z < far:
                canvas.draw.line([canvas.project(x, 0, z), canvas.project(x, h, z)], fill=bars)
                z += max(0.5, z * 0.05)
            canvas.draw.line([canvas.project(x, h, near), canvas.project(x, h, far)], fill=bars)
            return
        coping = canvas.part(name, canvas.parts[part].colour * 1.25, depth=near)
        canvas.quad([(x, h - 0.2, near), (x, h - 0.2, far), (x, h, far), (x, h, near)], coping)
        if canvas.real:
            for _ in range(self.rng.integers(0, 5)):
                street.poster(canvas, name, x, near, far, h - 0.2)

    def _row(self, first: tuple[float, float], last: float, gap: tuple[float, float]) -> list[float]:
        """Depths of a row of things that stand `gap` apart."""
        depths, z = [], self._uniform(*first)
        while z < last:
            depths.append(z)
            z += self._uniform(*gap)
        return depths

    def _roadside(self, strip: Strip) -> None:
        """Posts, trees, bushes, people and what is parked on one side."""
        side, kerb, sidewalk = strip.side, strip.kerb, strip.sidewalk
        for z in self._row((5, 11), 50, (7, 16)):
            kind = ("lamp", "light", "sign")[self.rng.integers(3)]
            self._place(z, street.post, side * (kerb + 0.45), z, kind)
        if self._chance(0.45):
            for z in self._row((7, 14), 55, (7, 14)):
                self._place(z, street.tree, side * (kerb + max(sidewalk, 1.0) * 0.8), z)
        for _ in range(self.rng.poisson(0.4)):
            z = self._uniform(7, 25)
            self._place(z, street.bush, side * (kerb + sidewalk + self._uniform(0, 2)), z)
        for _ in range(self.rng.poisson(2.0)):
            x = kerb + self._uniform(0.2, max(sidewalk, 1.2))
            z = IN_VIEW * x + self.rng.exponential(3)
            self._place(z, objects.person, side * x, z)
        self._parked(strip)

    def _parked(self, strip: Strip) -> None:
        """Parked cars and two-wheelers of one side."""
        side, kerb = strip.side, strip.kerb
        if self._chance(0.55):
            for z in self._row((5, 12), 40, (5.5, 9)):
                if self._chance(0.8):
                    self._place(z, objects.car, side * (kerb - 1.1), z)
        for name, rate, near, far in (("bicycle", 0.35, 0.4, 1.5), ("motorcycle", 0.2, -0.6, 0.6)):
            for _ in range(self.rng.poisson(rate)):
                z = self._uniform(5, 15)
                self._place(z, objects.two_wheeler, side * (kerb + self._uniform(near, far)), z, name)

    def _traffic(self, strips: list[Strip]) -> None:
        """What is on the road itself; rare classes appear more often than in life, so that they can be learnt."""
        left, right = -strips[0].kerb, strips[1].kerb
        for _ in range(self.rng.poisson(1.3)):
            z = self._uniform(8, 40)
            self._place(z, objects.car, self._uniform(left + 1.5, right - 1.5), z)
        for name, draw in (("bus", objects.bus), ("truck", objects.truck)):
            if name not in self.absent and self._chance(0.4):
                z = self._uniform(8, 26)
                self._place(z, draw, self._uniform(left + 1.6, right - 1.6), z)
        if "train" not in self.absent and self._chance(0.3):
            strip, z = strips[self.rng.integers(2)], self._uniform(7, 22)
            self._place(z, objects.train, strip.side * (strip.kerb - self._uniform(0, 1)), z)
        for name in ("bicycle", "motorcycle"):
            for _ in range(self.rng.poisson(0.55)):
                z = self._uniform(5, 15)
                self._place(z, objects.two_wheeler, self._uniform(left + 0.6, right - 0.6), z, name, True)
        for _ in range(self.rng.poisson(1.2)):  # crossing
            z = self._uniform(4.5, 12)
            x = self._uniform(max(left, -z / IN_VIEW), min(right, z / IN_VIEW))
            self._place(z, objects.person, x, z)
