"""Image files (PNG, JPEG): the one place where they are opened, resized and written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ash.errors import DataError, flat

Image.MAX_IMAGE_PIXELS = None  # some paintings have more pixels than Pillow's guard allows; they are read one at a time
Size = tuple[int, int]  # (width, height) in pixels


@contextmanager
def open_image(
    path: Path, before: Callable[[Image.Image], None] = lambda picture: None, *, decode: bool = True
) -> Iterator[Image.Image]:
    """Decode an image file, after `before` has seen it undecoded; DataError names a file that Pillow finds damaged."""
    try:
        with Image.open(path) as picture:
            before(picture)
            if decode:
                picture.load()
            yield picture
    except FileNotFoundError as cause:
        raise DataError(f"{path}: missing; restore it") from cause
    except (OSError, SyntaxError, ValueError) as cause:
        raise DataError(f"{path}: not a readable image ({cause}); restore it") from cause


def read_picture(path: Path) -> np.ndarray:
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


def resized(pixels: np.ndarray, size: Size, method: Image.Resampling) -> np.ndarray:
    """An array (H,W) or (H,W,3) of bytes at `size`; the array itself if it has that size already."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, method))


def save(path: Path, picture: Image.Image, **options: object) -> None:
    """Write an image file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)  # type: ignore[arg-type]
