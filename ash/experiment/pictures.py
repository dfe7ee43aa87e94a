"""Pictures to look at: stylised samples of a set, one stylised image."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ash.config.kinds import Size
from ash.errors import ConfigError, DataError
from ash.experiment.hallucinated import MODEL, PLAYERS, load_run
from ash.files.atomic import atomic
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.files.images import read_picture
from ash.files.listing import shown
from ash.files.torchvision import torchvision
from ash.machine.device import device, enough_memory
from ash.pixels import to_image
from ash.style.stylizer import load_stylizer

SMALLEST = 16  # pixels of a side that still leave features to take statistics of
GAP = 4  # white pixels around each picture of a montage
LARGEST_INPUT = 1 << 25  # pixels at which a picture is seen; their logits take 2.5 GB


def stylised_montage(stylizer: Path, prepared: list[Path], paintings: Path, alpha: float, out: Path) -> None:
    """A grid: paintings along the top, content images down the left, each content in each style between them.

    Takes two images of each prepared set and six paintings, spread evenly over their sets; all have the size of the first
    content image.
    """
    refuse_place(out, stylizer, paintings, *prepared)
    pair, where = load_stylizer(stylizer).to(device()), device()
    contents: list[np.ndarray] = []
    for path in prepared:
        with open_h5(path, PREPARED_SCHEMA) as source:
            contents += _spread(source["image"], 2)
    with open_h5(paintings, PREPARED_SCHEMA) as styles:
        paints = _spread(styles["image"], 6)
    size = contents[0].shape[:2]
    pictures = [torch.ones(1, 3, *size), _resized(to_image(np.stack(paints)), size)]
    with torch.inference_mode():
        style = pair.encode(to_image(np.stack(paints)).to(where))
        for content in contents:
            image = to_image(content[None])
            features = pair.encode(image.to(where)).expand(len(paints), -1, -1, -1)
            stylised = pair.stylise(features, style, alpha)[..., : size[0], : size[1]].cpu()
            pictures += [_resized(image, size), _resized(stylised, size)]
    grid = torchvision().utils.make_grid(torch.cat(pictures), len(paints) + 1, padding=GAP, pad_value=1.0)
    save_png(out, to_pixels(grid))


def stylise_image(stylizer: Path, image: Path, painting: Path, alpha: float, out: Path) -> None:
    """Give one image the style of one painting; sizes may differ, the result has that of the image."""
    refuse_place(out, image, painting, stylizer)
    where = device()
    pair, pictures = load_stylizer(stylizer).to(where), {path: read_usable(path) for path in (image, painting)}
    with torch.inference_mode(), enough_memory(where, "give smaller images"):
        content, style = (pair.encode(to_image(pictures[path][None]).to(where)) for path in (image, painting))
        height, width = pictures[image].shape[:2]
        save_png(out, to_pixels(pair.stylise(content, style, alpha)[0, :, :height, :width]))


def stylise_by_run(
    folder: Path,
    stylizer: Path,
    image: Path,
    painting: Path,
    alpha: float | None,
    seed: int,
    size: Size | int,
    out: Path,
) -> Size:
    """Give one image the style of one painting as a trained run of ASH does, with noise from `seed` and with H.

    G sees the image at `size`, as in `seen_at`; H is told what G sees.  Gives the size that was used.  ConfigError if
    the run's H is told the true classes, which a picture does not come with.
    """
    refuse_place(out, image, painting, stylizer, folder / MODEL, folder / PLAYERS)
    run, pictures = load_run(folder, stylizer, alpha), {path: read_usable(path) for path in (image, painting)}
    if run.method.settings.condition == "ground_truth":
        raise ConfigError(
            f"{folder}: its hallucinator is told the true classes, which no picture has; give another run"
        )
    used = seen_at(image, pictures[image], size)
    with torch.inference_mode(), enough_memory(run.where, "give smaller images"):
        batch = run.batch(pictures[image], pictures[painting], seed)
        save_png(out, to_pixels(run.stylised(batch, run.heads(pictures[image], used))[0]))
    return used


def seen_at(picture: Path, pixels: np.ndarray, size: Size | int | None) -> Size:
    """The (width, height) at which a picture uint8 (H,W,3) is shown to a network, its aspect kept.

    As large as fits into `size` (width, height), or at that height, or as large as it is.  DataError if that is too large.
    """
    height, width = pixels.shape[:2]
    scale = 1.0
    if size is not None:
        scale = size / height if isinstance(size, int) else min(size[0] / width, size[1] / height)
    used = max(SMALLEST, round(width * scale)), max(SMALLEST, round(height * scale))
    if used[0] * used[1] > LARGEST_INPUT:
        raise DataError(
            f"{shown(picture)}: {used[0]}x{used[1]} for the network; name a smaller --size, or crop the image"
        )
    return used


def refuse_place(out: Path, *inputs: Path) -> None:
    """DataError where a result would be written over a file that it is made of, or over a folder."""
    if out.is_dir():
        raise DataError(f"{shown(out)}: is a folder, wanted a file to write; name one with --out")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise DataError(f"{shown(out)}: is {_kind(path)} itself, wanted another file to write; change --out")


def _kind(path: Path) -> str:
    return {".h5": "the prepared set", ".safetensors": "the file of weights"}.get(path.suffix, "the picture")


def read_usable(path: Path) -> np.ndarray:
    """A picture as uint8 RGB (H,W,3); DataError if it is too small to have features."""
    pixels = read_picture(path)
    if min(pixels.shape[:2]) < SMALLEST:
        found = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise DataError(f"{shown(path)}: {found}, wanted {SMALLEST} pixels a side or more; give a larger image")
    return pixels


def _spread(images: "np.ndarray", count: int) -> list[np.ndarray]:
    return [images[int(i)] for i in np.linspace(0, len(images) - 1, count)]


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """RGB (B,3,H,W) in [0,1] at `size` (height, width)."""
    transforms = torchvision().transforms
    result: Tensor = transforms.v2.functional.resize(images, list(size), transforms.InterpolationMode.BICUBIC)
    return result


def to_pixels(image: Tensor) -> Tensor:
    """RGB in [0,1], clamped, as uint8."""
    pixels: Tensor = torchvision().transforms.v2.functional.to_dtype(image.clamp(0, 1), torch.uint8, scale=True)
    return pixels


def save_png(path: Path, pixels: Tensor) -> None:
    """Write uint8 RGB (3,H,W) as PNG, atomically."""
    with atomic(path) as temporary:
        torchvision().transforms.v2.functional.to_pil_image(pixels.cpu()).save(temporary, "PNG")
