"""What lines a street: vegetation, posts with lamps, lights and signs, facades, posters."""

import math

import numpy as np

from ash.miniature.geometry import Canvas
from ash.miniature.textures import INDEX

SCRIBBLE, VSTREAK = INDEX["scribble"], INDEX["vstreak"]
LAMPS = ((0.9, 0.15, 0.1), (0.9, 0.7, 0.1), (0.1, 0.85, 0.3))  # a traffic light's red, amber, green
FAR_FACADE = 45.0  # metres beyond which a facade has no windows


def tree(canvas: Canvas, x: float, z: float) -> None:
    """A trunk under a cluster of ellipses."""
    rng, name = canvas.rng, "vegetation"
    leaves = canvas.material(name, z)
    red, green, blue = canvas.parts[leaves].colour
    trunk = canvas.part(name, np.array([green, red * 1.1, blue]) * 0.7, VSTREAK, 0.04, z)
    h, w = rng.uniform(3.5, 7.5), rng.uniform(2, 4.5)
    canvas.rectangle(x, 0, 0.35, h * 0.5, z, trunk)
    shaded = canvas.shade(leaves, name, 0.78)
    for _ in range(9):
        centre = x + rng.uniform(-0.5, 0.5) * w, h * (0.55 + 0.4 * rng.random())
        size = w * rng.uniform(0.4, 0.75), h * rng.uniform(0.22, 0.4)
        canvas.ellipse(*centre, *size, z, leaves if rng.random() < 0.6 else shaded)


def bush(canvas: Canvas, x: float, z: float) -> None:
    """A low cluster of ellipses."""
    rng = canvas.rng
    leaves = canvas.material("vegetation", z)
    w = rng.uniform(1.5, 4)
    for _ in range(5):
        centre = x + rng.uniform(-0.5, 0.5) * w, rng.uniform(0.3, 0.9)
        canvas.ellipse(*centre, w * 0.6, rng.uniform(0.8, 1.8), z, leaves)


def branch(canvas: Canvas) -> None:
    """An overhanging branch close to the camera."""
    rng, h = canvas.rng, canvas.height
    leaves = canvas.material("vegetation", 3.0)
    wood = canvas.part("vegetation", canvas.parts[leaves].colour * 0.6, depth=3.0)
    x, y, angle = rng.uniform(0, canvas.width), 0.0, rng.uniform(0.3, 2.8)
    for _ in range(rng.integers(5, 11)):
        x2, y2 = x + math.cos(angle) * h * 0.09, y + abs(math.sin(angle)) * h * 0.07
        canvas.draw.line([x, y, x2, y2], fill=wood, width=max(1, h // 60))
        for _ in range(4):
            u, v = x2 + rng.normal() * h * 0.05, y2 + rng.normal() * h * 0.03
            r = h * rng.uniform(0.012, 0.035)
            canvas.draw.ellipse([u - r * 1.4, v - r, u + r * 1.4, v + r], fill=leaves)
        x, y, angle = x2, y2, angle + rng.normal() * 0.5


def post(canvas: Canvas, x: float, z: float, kind: str) -> None:
    """A pole that carries a street "lamp", a traffic "light" or a "sign"."""
    rng = canvas.rng
    pole = canvas.material("pole", z)
    towards_road = -1 if x > 0 else 1
    h = {"lamp": rng.uniform(5, 8), "light": rng.uniform(3.4, 5), "sign": rng.uniform(2.6, 3.8)}[kind]
    canvas.rectangle(x, 0, 0.26, h, z, pole)
    if kind == "lamp":
        end = x + towards_road * 1.6
        canvas.quad([(x, h, z), (end, h + 0.3, z), (end, h + 0.05, z), (x, h - 0.3, z)], pole)
    elif kind == "light":
        _traffic_light(canvas, x + towards_road * 0.1, h, z)
    else:
        _sign(canvas, x, h - 0.3, z)


def _traffic_light(canvas: Canvas, x: float, h: float, z: float) -> None:
    box = canvas.material("light", z)
    canvas.rectangle(x, h - 1.5, 0.75, 1.7, z, box)
    lit = canvas.rng.integers(3)
    for k, colour in enumerate(LAMPS):
        shown = np.array(colour) if k == lit else canvas.parts[box].colour * 0.6 + 0.05
        canvas.ellipse(x, h - 0.15 - k * 0.5, 0.42, 0.42, z, canvas.part("light", shown, depth=z))


def _sign(canvas: Canvas, x: float, y: float, z: float) -> None:
    """A disc, a triangle or a rectangle with a contrasting centre."""
    plate = canvas.material("sign", z)
    centre = canvas.part("sign", 1.05 - canvas.parts[plate].colour * 0.6, depth=z)
    shape = canvas.rng.integers(3)
    if shape == 0:
        canvas.ellipse(x, y, 1.15, 1.15, z, plate)
        canvas.ellipse(x, y, 0.7, 0.7, z, centre)
    elif shape == 1:
        canvas.polygon(x, y, z, [(-0.65, -0.55), (0.65, -0.55), (0, 0.65)], plate)
        canvas.polygon(x, y, z, [(-0.3, -0.35), (0.3, -0.35), (0, 0.25)], centre)
    else:
        canvas.rectangle(x, y - 0.6, 1.4, 1.1, z, plate)
        canvas.rectangle(x, y - 0.3, 0.9, 0.3, z, centre)


def facade(canvas: Canvas, side: int, distance: float, near: float, far: float) -> None:
    """A house `distance` m beside the road from z = near to far, with windows; real ones have shops and posters."""
    rng = canvas.rng
    front = canvas.material("building", near)
    along = canvas.shade(front, "building", 0.85 if side > 0 else 1.1)
    h, x, back = rng.uniform(5, 20), side * distance, side * (distance + 14)
    canvas.quad([(x, 0, near), (back, 0, near), (back, h, near), (x, h, near)], front)
    canvas.quad([(x, 0, near), (x, 0, far), (x, h, far), (x, h, near)], along)
    if near > FAR_FACADE:
        return
    _windows(canvas, side, distance, near, far, h)
    if canvas.real:
        for _ in range(rng.integers(0, 4)):
            poster(canvas, "building", x, near, far, 2.6)


def _windows(canvas: Canvas, side: int, distance: float, near: float, far: float, h: float) -> None:
    rng, x = canvas.rng, side * distance
    pane = canvas.plain("building", near, (0.2, 0.24, 0.3), rng.uniform(0.6, 2.2))
    columns = max(2, int((far - near) / 3.2)) if near < 25 else 2
    shops = canvas.real and rng.random() < 0.5
    for floor in range(int(h / 3)):
        y, shop = 1.0 + floor * 3, shops and floor == 0
        low, (first, last) = y - 0.5 * shop, (0.08, 0.92) if shop else (0.25, 0.75)
        for k in range(columns):
            a, b = (near + (far - near) * (k + edge) / columns for edge in (first, last))
            glass = canvas.part("building", rng.uniform(0.1, 0.9, 3), SCRIBBLE, 0.08, near) if shop else pane
            canvas.quad([(x, low, a), (x, low, b), (x, y + 1.5, b), (x, y + 1.5, a)], glass)
        if near > 6:
            for k in range(3):
                canvas.rectangle(side * (distance + 2 + k * 3.5), 1 + floor * 3, 1.4, 1.5, near, pane)


def poster(canvas: Canvas, name: str, x: float, near: float, far: float, top: float) -> None:
    """A coloured rectangle, or graffiti, on a surface along the road."""
    rng = canvas.rng
    a = rng.uniform(near, far - 0.5)
    b = min(a + rng.uniform(0.6, 2.5), far)
    low = rng.uniform(0.2, top * 0.5)
    high = min(low + rng.uniform(0.5, 1.5), top)
    paper = canvas.part(name, rng.uniform(0.1, 0.9, 3), SCRIBBLE, 0.2, near)
    canvas.quad([(x, low, a), (x, low, b), (x, high, b), (x, high, a)], paper)
