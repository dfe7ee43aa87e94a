"""Pictures to look at: stylised samples of a set, one stylised image, one predicted image."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from ash.config import Settings
from ash.errors import DataError
from ash.experiment.model import load_model
from ash.experiment.parts import device
from ash.experiment.score import predictor
from ash.labels import colourise
from ash.store import PREPARED_SCHEMA, atomic, open_h5
from ash.style.stylizer import load_stylizer
from ash.training.feed import to_image

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
    """Give one image the style of one painting; both keep their sizes (the image is cut to the encoder's stride)."""
    pair, where = load_stylizer(stylizer).to(device()), device()
    with torch.inference_mode():
        content, style = (pair.encode(to_image(_read(path)[None]).to(where)) for path in (image, painting))
        _save(out, _to_pixels(pair.stylise(content, style, alpha))[0])


def predict_image(settings: Settings, model: Path, image: Path, out: Path) -> None:
    """Overlay the classes that a trained model sees in an image on that image.

    The image is resized to the size of the first target for the network; the overlay has the image's own size.
    """
    segmenter, pixels = load_model(model, device()), _read(image)
    width, height = settings.protocol.datasets[settings.params.targets[0]].image_size
    small = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
    label = predictor(segmenter, device())(small[None], pixels.shape[:2])[0]
    _save(out, (pixels * 0.45 + colourise(label) * 0.55).round().astype(np.uint8))


def _read(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError) as cause:
        raise DataError(f"{path}: not a readable image ({cause}); give a PNG or JPEG") from cause


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
