"""From the part map to an image: surface texture, then the camera.

A source's camera is crisp, with narrow changes of gain and white balance.  A real world's sees haze, shadows, puddles,
defocus, sharpening halos, sensor noise, vignetting and JPEG.  The weather of a drawn twin comes between the usual one and
the camera (`ash.miniature.conditions`).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from ash.labels import CLASSES
from ash.miniature.geometry import COLUMN, Canvas
from ash.miniature.looks import BANK_SEED
from ash.miniature.textures import SIZE, texture_bank

ROAD, SKY = CLASSES.index("road"), CLASSES.index("sky")
GROUND = [CLASSES.index(name) for name in ("road", "sidewalk", "terrain")]
HAZE = np.array([0.78, 0.80, 0.82])
Range = tuple[float, float]


@dataclass(frozen=True)
class Optics:
    """Bounds of uniform draws, or probabilities, of one real world's camera and weather."""

    haze: Range  # extinction a metre
    illumination: float  # deviation of the soft light field
    shadow: float  # probability
    white_balance: float  # largest relative gain of red and blue
    gain: Range
    gamma: Range
    puddle: float  # probability
    branch: float  # probability
    blur: Range  # pixels
    small: float  # probability of having been scaled down and up
    sharp: float  # probability of sharpening halos
    noise: Range  # of luminance
    chroma: Range  # noise of each channel
    vignette: float
    jpeg: Range  # quality
    jitter: float  # of the camera's place


OPTICS = {
    "cityscapes": Optics(
        haze=(0.001, 0.005), illumination=0.08, shadow=0.4, white_balance=0.05, gain=(0.80, 1.05), gamma=(0.88, 1.14),
        puddle=0.35, branch=0.35, blur=(0.35, 0.75), small=0.0, sharp=0.0, noise=(0.008, 0.022), chroma=(0.004, 0.014),
        vignette=0.0, jpeg=(40, 80), jitter=1.0,
    ),
    "mapillary": Optics(
        haze=(0.0005, 0.008), illumination=0.10, shadow=0.4, white_balance=0.09, gain=(0.72, 1.12), gamma=(0.80, 1.25),
        puddle=0.35, branch=0.45, blur=(0.25, 0.8), small=0.5, sharp=0.4, noise=(0.005, 0.03), chroma=(0.003, 0.02),
        vignette=0.3, jpeg=(30, 75), jitter=1.8,
    ),
    "kitti": Optics(  # much sun: deep shadows, and a sky that is often burnt out
        haze=(0.0005, 0.004), illumination=0.12, shadow=0.75, white_balance=0.06, gain=(0.85, 1.25), gamma=(0.85, 1.2),
        puddle=0.15, branch=0.4, blur=(0.3, 0.9), small=0.3, sharp=0.3, noise=(0.006, 0.025), chroma=(0.003, 0.012),
        vignette=0.15, jpeg=(45, 85), jitter=1.4,
    ),
}  # fmt: skip
Weather = Callable[[np.ndarray, np.ndarray, np.ndarray, Canvas], np.ndarray]
"""From an image (H,W,3), the depth (H,W) in metres and the labels (H,W) of a canvas to the image in other weather."""


def render(canvas: Canvas, optics: Optics | None, weather: Weather | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The canvas as an image uint8 (H,W,3) and its labels uint8 (H,W); without `optics` as a source's camera sees it."""
    numbers = np.asarray(canvas.map)
    table = canvas.lookup()[numbers]
    label = table[..., COLUMN["train_id"]].astype(np.uint8)
    if optics is None:
        image, _ = _textured(canvas, numbers, table, label)
        return _source_camera(image, canvas.rng), label
    image, depth = _textured(canvas, numbers, table, label)
    image = _weather(image, depth, label, canvas, optics)
    if weather is not None:
        image = weather(image, depth, label, canvas)
    return _real_camera(image, depth, canvas.rng, optics), label


def _textured(
    canvas: Canvas, numbers: np.ndarray, table: np.ndarray, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colours with their grain (H,W,3), and depth in metres (H,W).

    A real world's ground has its texture in true perspective, 6 cm a texture pixel, and dirt of its own hue on everything.
    """
    bank = texture_bank(BANK_SEED[canvas.domain])
    grid = np.indices(numbers.shape)
    y, x = grid[0], grid[1]
    depth = table[..., COLUMN["depth"]]
    if canvas.real:
        ground = np.isin(label, GROUND)
        below = np.maximum(y - canvas.horizon, 0.5)
        z = np.minimum(canvas.focal * canvas.camera_height / below, 120.0)
        depth = np.where(ground, z, depth)
        along, across = z * 16, (x - canvas.centre) * z / canvas.focal * 16
        y, x = np.where(ground, along, y).astype(int), np.where(ground, across, x).astype(int)
    scale = table[..., COLUMN["scale"]].astype(int)
    row, column = (y * scale // 2 + numbers * 37) % SIZE, (x * scale // 2 + numbers * 101) % SIZE
    grain = bank[table[..., COLUMN["texture"]].astype(int), row, column] * table[..., COLUMN["amplitude"]]
    image = table[..., COLUMN["red"] : COLUMN["blue"] + 1]
    image = image * (1 + 1.5 * grain[..., None]) + 0.4 * grain[..., None]
    if canvas.real:
        dirt = bank[table[..., COLUMN["dirt"]].astype(int), (row * 2 + 91) % SIZE, (column * 2 + 17) % SIZE]
        dirt = dirt * table[..., COLUMN["dirt_amplitude"]]
        image = image + dirt[..., None] * (0.6 + table[..., COLUMN["dirt_red"] : COLUMN["dirt_blue"] + 1])
    return image, depth


def _source_camera(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    balance = np.array([rng.uniform(0.95, 1.05), 1, rng.uniform(0.95, 1.05)]) * rng.uniform(0.78, 1.08)
    image = np.clip(image * balance, 0, 1) ** rng.uniform(0.88, 1.14)
    if rng.random() < 0.5:
        image = ndimage.gaussian_filter(image, (0.35, 0.35, 0), truncate=2.0)
    return _to_bytes(image + rng.normal(size=(*image.shape[:2], 1)) * rng.uniform(0, 0.012))


def _real_camera(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator, optics: Optics) -> np.ndarray:
    wb = optics.white_balance
    balance = np.array([rng.uniform(1 - wb, 1 + wb), 1.0, rng.uniform(1 - wb, 1 + wb)]) * rng.uniform(*optics.gain)
    image = np.clip(image * balance, 0, 1) ** rng.uniform(*optics.gamma)
    image = _lens(image, depth, rng, optics)
    height, width = image.shape[:2]
    image = image + rng.normal(size=(height, width, 1)) * rng.uniform(*optics.noise)
    image = image + rng.normal(size=(height, width, 3)) * rng.uniform(*optics.chroma)
    radius = np.linspace(-1, 1, width)[None] ** 2 + np.linspace(-1, 1, height)[:, None] ** 2
    image = image * (1 - rng.uniform(0, 1) * optics.vignette * radius[..., None] / 2)
    file = io.BytesIO()
    Image.fromarray(_to_bytes(image)).save(file, "JPEG", quality=int(rng.uniform(*optics.jpeg)))
    return np.array(Image.open(file))


def _weather(image: np.ndarray, depth: np.ndarray, label: np.ndarray, canvas: Canvas, optics: Optics) -> np.ndarray:
    """Puddles, haze, a soft light field, cast shadows."""
    rng, (height, width) = canvas.rng, label.shape
    if rng.random() < optics.puddle:  # wet patches of road mirror what is above the horizon
        wet = (field(rng, (5, 7), height, width) > rng.uniform(0.3, 0.8)) & (label == ROAD)
        mirror = np.clip((2 * canvas.horizon - np.arange(height)).astype(int), 0, height - 1)
        image = np.where(wet[..., None], 0.45 * image + 0.5 * image[mirror], image)
    clear = np.exp(-rng.uniform(*optics.haze) * depth)[..., None]
    image = image * clear + (1 - clear) * HAZE
    image = image * (1 + optics.illumination * field(rng, (4, 6), height, width)[..., None])
    if rng.random() < optics.shadow:
        shade = _shadows(canvas) * (label != SKY)
        image = image * (1 - rng.uniform(0.15, 0.38) * shade[..., None])
    return image


def _shadows(canvas: Canvas) -> np.ndarray:
    """One to four slanted patches on the ground, (H,W) in {0, 1}."""
    rng, width, height = canvas.rng, canvas.width, canvas.height
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for _ in range(rng.integers(1, 5)):
        x, y = rng.uniform(-0.2, 1) * width, canvas.horizon + rng.uniform(0, 1) * (height - canvas.horizon)
        corners = [
            (x, y),
            (x + rng.uniform(0.12, 0.5) * width, y + rng.uniform(-4, 6)),
            (x + rng.uniform(0.12, 0.5) * width, y + rng.uniform(5, 25)),
            (x - rng.uniform(0, 0.1) * width, y + rng.uniform(4, 22)),
        ]
        draw.polygon(corners, fill=255)
    return np.asarray(mask) / 255.0


def _lens(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator, optics: Optics) -> np.ndarray:
    """Defocus that changes with depth, loss of resolution, sharpening halos."""
    blur = rng.uniform(*optics.blur)
    focused = ndimage.gaussian_filter(image, (blur, blur, 0), truncate=2.0)
    defocused = ndimage.gaussian_filter(image, (1.5 * blur, 1.5 * blur, 0), truncate=2.0)
    far = np.clip((depth - rng.uniform(5, 25)) / 20, 0, 1)[..., None]
    far = ndimage.gaussian_filter(far, (1, 1, 0))
    share = far if rng.random() < 0.5 else 1 - far
    image = (1 - share) * focused + share * defocused
    if rng.random() < optics.small:
        factor, (height, width) = rng.uniform(0.5, 0.9), image.shape[:2]
        small = Image.fromarray(_to_bytes(image)).resize(
            (int(width * factor), int(height * factor)), Image.Resampling.BILINEAR
        )
        image = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR)) / 255.0
    if rng.random() < optics.sharp:
        sharpened = Image.fromarray(_to_bytes(image)).filter(ImageFilter.UnsharpMask(1.2, 160, 0))
        image = np.asarray(sharpened) / 255.0
    return image


def field(rng: np.random.Generator, cells: tuple[int, int], height: int, width: int) -> np.ndarray:
    """A smooth random field (height, width) of about unit deviation."""
    coarse = rng.normal(size=cells)
    field: np.ndarray = ndimage.zoom(coarse, (height / cells[0], width / cells[1]), order=1)
    return field[:height, :width]


def _to_bytes(image: np.ndarray) -> np.ndarray:
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)
