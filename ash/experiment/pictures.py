"""Pictures to look at: stylised samples of a set, one stylised image, one predicted image."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ash.config.sections import Size
from ash.errors import DataError, flat
from ash.experiment.memory import device, enough_memory
from ash.experiment.model import load_model
from ash.experiment.score import predictor
from ash.labels import colourise
from ash.store import PREPARED_SCHEMA, atomic, open_h5
from ash.style.stylizer import load_stylizer
from ash.training.feed import to_image

SMALLEST = 16  # pixels of a side that still leave features to take statistics of
GAP = 4  # white pixels between two pictures of a montage


def stylised_montage(stylizer: Path, prepared: list[Path], paintings: Path, alpha: float, out: Path) -> None:
    """A grid: paintings along the top, content images down the left, each content in each style between them.

    Takes two images of each prepared set and six paintings, spread evenly over their sets.
    """
    pair, where = load_stylizer(stylizer).to(device()), device()
    contents: list[np.ndarray] = []
    for path in prepared:
        with open_h5(path, PREPARED_SCHEMA) as source:
            contents += _spread(source["image"], 2)
    with open_h5(paintings, PREPARED_SCHEMA) as styles:
        paints = _spread(styles["image"], 6)
    blank = np.full_like(contents[0], 255)
    height, width = blank.shape[:2]
    rows = [[blank, *(np.asarray(Image.fromarray(p).resize((width, height))) for p in paints)]]
    with torch.inference_mode():
        style = pair.encode(to_image(np.stack(paints)).to(where))
        for content in contents:
            features = pair.encode(to_image(content[None]).to(where)).expand(len(paints), -1, -1, -1)
            rows.append([content, *_to_pixels(pair.stylise(features, style, alpha))[:, :height, :width]])
    _save(out, _grid(rows))


def stylise_image(stylizer: Path, image: Path, painting: Path, alpha: float, out: Path) -> None:
    """Give one image the style of one painting; sizes may differ, the result has that of the image."""
    where = device()
    pair, pictures = load_stylizer(stylizer).to(where), {path: _read(path) for path in (image, painting)}
    for path, pixels in pictures.items():
        if min(pixels.shape[:2]) < SMALLEST:
            raise DataError(f"{path}: {pixels.shape[1]}x{pixels.shape[0]}, wanted {SMALLEST} pixels a side or more")
    with torch.inference_mode(), enough_memory(where, "give smaller images"):
        content, style = (pair.encode(to_image(pictures[path][None]).to(where)) for path in (image, painting))
        height, width = pictures[image].shape[:2]
        _save(out, _to_pixels(pair.stylise(content, style, alpha))[0, :height, :width])


def predict_image(model: Path, image: Path, size: Size, out: Path) -> None:
    """Overlay the classes that a trained or imported model sees in an image on that image.

    The image is resized to `size` (width, height) for the network; the overlay has the image's own size.
    """
    segmenter, pixels = load_model(model, device()), _read(image)
    width, height = size
    small = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
    with enough_memory(device(), "lower --size, or give a smaller image"):
        label = predictor(segmenter, device())(small[None], pixels.shape[:2])[0]
    _save(out, (pixels * 0.45 + colourise(label) * 0.55).round().astype(np.uint8))


def _read(path: Path) -> np.ndarray:
    """An image of any mode as uint8 RGB (H,W,3), upright; transparency is laid on white, 16 bits become 8."""
    try:
        with Image.open(path) as opened:
            picture: Image.Image = ImageOps.exif_transpose(opened)
            if picture.mode.startswith(("I", "F")):
                values = np.asarray(picture, np.float32)
                scale = 257 if values.max(initial=0) > 255 else 1
                picture = Image.fromarray((values / scale).clip(0, 255).astype(np.uint8))
            if picture.has_transparency_data:
                whole = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole)
            return np.array(picture.convert("RGB"))
    except FileNotFoundError as cause:
        raise DataError(f"{path}: missing; give a PNG or JPEG") from cause
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as cause:
        raise DataError(f"{path}: not a readable image ({flat(cause)}); give a PNG or JPEG") from cause


def _spread(images: "np.ndarray", count: int) -> list[np.ndarray]:
    return [images[int(i)] for i in np.linspace(0, len(images) - 1, count)]


def _to_pixels(image: torch.Tensor) -> np.ndarray:
    pixels: np.ndarray = image.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def _grid(rows: list[list[np.ndarray]]) -> np.ndarray:
    height, width = rows[0][0].shape[:2]
    grid = np.full((len(rows) * (height + GAP) - GAP, len(rows[0]) * (width + GAP) - GAP, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = y * (height + GAP), x * (width + GAP)
            grid[top : top + height, left : left + width] = picture
    return grid


def _save(path: Path, pixels: np.ndarray) -> None:
    with atomic(path) as temporary:
        Image.fromarray(pixels).save(temporary, "PNG")
