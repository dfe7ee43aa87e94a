"""People, two-wheelers and vehicles.  Shape must carry the class: colours do not survive the change of domain."""

from ash.miniature.geometry import Canvas

DARK = (0.09, 0.09, 0.10)  # tyres, gaps
GLASS = (0.16, 0.18, 0.22)
SKIN = (0.75, 0.58, 0.48)


def person(canvas: Canvas, x: float, z: float, name: str = "person", y: float = 0.0, scale: float = 1.0) -> None:
    """A walking person, or (as "rider") the upper body of one; `y` is where the feet or the seat are."""
    rng = canvas.rng
    coat, trousers = canvas.material(name, z), canvas.material(name, z)
    legs = canvas.shade(trousers, name, 0.7)
    h = 1.75 * scale * rng.uniform(0.9, 1.08)
    skin = canvas.plain(name, z, SKIN, rng.uniform(0.5, 1.15))
    if name == "person":
        stride = rng.uniform(0.02, 0.16)
        for s in (-1, 1):
            foot, knee = s * (0.19 + stride), s * (0.02 + stride)
            canvas.polygon(x, y, z, [(foot, 0), (knee, 0), (-s * 0.02, h * 0.5), (s * 0.24, h * 0.5)], legs)
    else:
        canvas.polygon(x, y, z, [(-0.25, h * 0.22), (0.1, h * 0.22), (0.2, h * 0.5), (-0.2, h * 0.5)], legs)
    body = [(-0.24, h * 0.46), (0.24, h * 0.46), (0.33, h * 0.82), (-0.33, h * 0.82)]
    canvas.polygon(x, y, z, body, coat)
    canvas.ellipse(x, y + h * 0.91, 0.3, 0.36, z, skin)


def two_wheeler(canvas: Canvas, x: float, z: float, name: str = "bicycle", ridden: bool = False) -> None:
    """A bicycle or motorcycle, mostly from the side, with or without a rider."""
    frame = canvas.material(name, z)
    dark = canvas.shade(frame, name, 0.45)
    sideways = canvas.rng.random() < 0.75
    draw = {"bicycle": _bicycle, "motorcycle": _motorcycle}[name]
    draw(canvas, x, z, frame, dark, sideways)
    if ridden:
        person(canvas, x, z - 0.05, "rider", 0.3 if name == "bicycle" else 0.25, 0.95)


def _bicycle(canvas: Canvas, x: float, z: float, frame: int, dark: int, sideways: bool) -> None:
    if not sideways:
        canvas.rectangle(x, 0, 0.16, 0.75, z, dark)
        canvas.rectangle(x, 0.7, 0.55, 0.16, z, frame)
        return
    for offset in (-0.52, 0.52):
        canvas.ellipse(x + offset, 0.34, 0.68, 0.68, z, dark)
        canvas.ellipse(x + offset, 0.34, 0.42, 0.42, z, frame)
    canvas.polygon(x, 0, z, [(-0.5, 0.34), (-0.1, 0.3), (0.5, 0.75), (0.35, 0.95), (-0.25, 0.85)], frame)
    canvas.rectangle(x + 0.42, 0.85, 0.25, 0.2, z, dark)


def _motorcycle(canvas: Canvas, x: float, z: float, frame: int, dark: int, sideways: bool) -> None:
    if not sideways:
        canvas.rectangle(x, 0, 0.3, 0.6, z, dark)
        canvas.ellipse(x, 0.75, 0.75, 0.7, z, frame)
        canvas.rectangle(x, 0.95, 0.8, 0.14, z, dark)
        return
    for offset in (-0.65, 0.65):
        canvas.ellipse(x + offset, 0.33, 0.66, 0.66, z, dark)
    tank = [(-0.95, 0.75), (-0.5, 0.3), (0.5, 0.3), (0.75, 0.8), (0.55, 1.1), (0.1, 0.95), (-0.5, 0.85)]
    canvas.polygon(x, 0, z, tank, frame)
    canvas.rectangle(x + 0.5, 1.0, 0.2, 0.25, z, dark)


def car(canvas: Canvas, x: float, z: float) -> None:
    """A car with cabin, glass, wheels and lamps."""
    rng, name = canvas.rng, "car"
    paint = canvas.material(name, z)
    side = canvas.shade(paint, name, 0.8)
    glass = canvas.plain(name, z, GLASS, rng.uniform(0.6, 1.6))
    dark = canvas.plain(name, z, DARK)
    h, w = 0.85, 1.8
    sign = 1 if x < canvas.camera_x else -1
    for k in (-0.38, 0.38):
        canvas.rectangle(x + k * w, 0, 0.3, 0.4, z, dark)
    low, high = x + sign * w * 0.42, x + sign * w * 0.36
    canvas.quad([(low, h, z + 0.5), (low, h, z + 3.2), (high, 1.5, z + 2.5), (high, 1.5, z + 0.9)], glass)
    cabin = [(-w * 0.45, h), (w * 0.45, h), (w * 0.38, 1.5), (-w * 0.38, 1.5)]
    window = [(-w * 0.39, h + 0.08), (w * 0.39, h + 0.08), (w * 0.33, 1.38), (-w * 0.33, 1.38)]
    canvas.polygon(x, 0, z + 0.4, cabin, paint)
    canvas.polygon(x, 0, z + 0.4, window, glass)
    canvas.box(x, z, (w, h - 0.22, 4.2), 0.25, paint, side)
    canvas.wheels(x, w, sign, (z + 0.8, z + 3.3), 0.33, dark)
    lamp = canvas.plain(name, z, (0.8, 0.12, 0.1) if rng.random() < 0.6 else (0.95, 0.95, 0.8))
    for k in (-0.4, 0.4):
        canvas.rectangle(x + k * w, 0.6, 0.3, 0.18, z, lamp)


def truck(canvas: Canvas, x: float, z: float) -> None:
    """A plain box with a separate cab."""
    rng, name = canvas.rng, "truck"
    load = canvas.material(name, z)
    load_side, dark = canvas.shade(load, name, 0.8), canvas.plain(name, z, DARK)
    cab = canvas.material(name, z)
    cab_side = canvas.shade(cab, name, 0.7)
    w, h, length = 2.4, rng.uniform(2.6, 3.2), rng.uniform(5, 7)
    canvas.box(x, z + length + 0.2, (w * 0.95, 1.9, 1.8), 0.5, cab, cab_side)
    sign = canvas.box(x, z, (w, h - 0.7, length), 0.9, load, load_side)
    canvas.wheels(x, w, sign, (z + 1, z + 2.2, z + length + 1), 0.5, dark)
    if rng.random() < 0.4:  # seen from the front
        canvas.rectangle(x, 1.5, w * 0.8, 0.6, z, canvas.plain(name, z, (0.15, 0.18, 0.22)))
        canvas.rectangle(x, 2.4, w * 0.3, 0.3, z, dark)
    canvas.rectangle(x, 0.35, w * 0.9, 0.5, z, dark)


def bus(canvas: Canvas, x: float, z: float) -> None:
    """A long box with a strip of windows, wheels and a destination board."""
    name, w, h, length = "bus", 2.5, 3.0, canvas.rng.uniform(9, 12)
    _, sign, glass = _coach(canvas, name, x, z, (w, h, length), windows=5)
    dark = canvas.plain(name, z, DARK)
    canvas.rectangle(x, 1.3, w * 0.86, 1.2, z, glass)
    canvas.rectangle(x, 2.65, w * 0.6, 0.25, z, dark)
    canvas.wheels(x, w, sign, (z + 2, z + length - 2), 0.5, dark)


def train(canvas: Canvas, x: float, z: float) -> None:
    """Longer than a bus, with a slanted roof and a stripe, on no visible wheels."""
    name, w, h, length = "train", 2.8, 3.7, canvas.rng.uniform(20, 32)
    paint, sign, glass = _coach(canvas, name, x, z, (w, h, length), windows=9)
    canvas.polygon(x, 0, z, [(-w * 0.5, h), (w * 0.5, h), (w * 0.3, h + 0.5), (-w * 0.3, h + 0.5)], paint)
    stripe = canvas.shade(paint, name, 1.25 if canvas.parts[paint].colour.mean() < 0.6 else 0.6)
    for k in (-0.22, 0.22):
        canvas.rectangle(x + k * w, 1.9, w * 0.34, 1.1, z, glass)
    canvas.rectangle(x, 0.9, w, 0.4, z, stripe)
    edge = x + sign * w / 2
    canvas.quad([(edge, 0.9, z), (edge, 0.9, z + length), (edge, 1.2, z + length), (edge, 1.2, z)], stripe)


def _coach(
    canvas: Canvas, name: str, x: float, z: float, size: tuple[float, float, float], windows: int
) -> tuple[int, int, int]:
    """The body of a bus or train with its side windows; gives the paint, the visible side's sign and the glass."""
    w, h, length = size
    paint = canvas.material(name, z)
    side = canvas.shade(paint, name, 0.82)
    glass = canvas.plain(name, z, (0.14, 0.17, 0.2), canvas.rng.uniform(0.7, 1.6))
    sign = canvas.box(x, z, (w, h - 0.3, length), 0.3, paint, side)
    edge = x + sign * w / 2
    for k in range(windows):
        near, far = z + length * (k + 0.12) / windows, z + length * (k + 0.88) / windows
        canvas.quad([(edge, 1.4, near), (edge, 1.4, far), (edge, 2.4, far), (edge, 2.4, near)], glass)
    return paint, sign, glass
