"""Pictures to look at: stylised samples of a set, one stylised image, one predicted image."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ash.config.sections import Size
from ash.errors import DataError
from ash.experiment.evaluate import predictor
from ash.files.atomic import atomic
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.files.images import read_picture
from ash.labels import colourise
from ash.machine.device import device, enough_memory
from ash.pixels import to_image
from ash.style.stylizer import load_stylizer
from ash.weights.model import load_model

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
    pair, pictures = load_stylizer(stylizer).to(where), {path: read_picture(path) for path in (image, painting)}
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
    segmenter, pixels = load_model(model, device()), read_picture(image)
    width, height = size
    small = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
    with enough_memory(device(), "lower --size, or give a smaller image"):
        label = predictor(segmenter, device())(small[None], pixels.shape[:2])[0]
    _save(out, (pixels * 0.45 + colourise(label) * 0.55).round().astype(np.uint8))


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
