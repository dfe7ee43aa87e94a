"""Image files (PNG, JPEG and others): the one place where they are opened, resized and written.

Whatever a file holds, a reader gives its pixels or raises one DataError that names the file, what was found, what was
wanted and the remedy.  A PNG is held against its own checksums, which Pillow's decoder passes over; a JPEG has none.
"""

import io
import logging
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ash.errors import DataError, flat
from ash.files import signature
from ash.files.listing import open_regular, shown

Image.MAX_IMAGE_PIXELS = None  # Pillow's guard is below the size of some paintings; `LARGEST` and `DECODED` are ours
LARGEST = 1 << 30  # pixels that a file may state; more is a bomb or damage
DECODED = 1 << 28  # pixels that are decoded at once: 768 MiB as RGB
KNOWN = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")  # none that runs another program, as EPS does
OF_SETS = ("PNG", "JPEG")  # the formats that data sets are published in
ORIENTATION = 0x0112  # the EXIF tag that says how a viewer turns the stored pixels
UPRIGHT = 1
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    EOFError,
    ArithmeticError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)  # fmt: skip  what Pillow raises on damaged files, found by flipping and cutting their bytes
Size = tuple[int, int]  # (width, height) in pixels
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # on odd metadata, on which no result depends
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it logs of a damaged file stands in the error too


@dataclass(frozen=True)
class Look:
    """What the head of an image file says: (width, height) as stored, format, mode, and the EXIF tag that turns it."""

    size: Size
    format: str
    mode: str
    orientation: int


@contextmanager
def open_image(
    path: Path,
    before: Callable[[Image.Image], None] = lambda picture: None,
    *,
    decode: bool = True,
    formats: tuple[str, ...] = OF_SETS,
    remedy: str = "restore it",
) -> Iterator[Image.Image]:
    """Decode a still image, after `before` has seen it undecoded.

    DataError if the file is missing, damaged, moving, too large, or of a format that is not among `formats`.
    """
    with open_regular(path, remedy) as file:
        with _damage(path, remedy, file):
            source = io.BytesIO(file.read()) if decode else file
            picture = Image.open(source, formats=KNOWN)
            # an MPO is a JPEG with further views after it, as phones write them
            moving = picture.format != "MPO" and getattr(picture, "is_animated", False)
        with picture:
            _check(path, picture, moving, formats, remedy)
            before(picture)
            if picture.width * picture.height > DECODED:
                raise DataError(f"{shown(path)}: {_pixels(picture)}, wanted at most {DECODED}; give a smaller image")
            if decode:
                with _damage(path, remedy, file):
                    _verify(source, picture)
                    picture.load()
            yield picture


def _verify(source: BinaryIO, picture: Image.Image) -> None:
    """Hold a PNG against the checksums of its chunks; other formats have none."""
    if picture.format == "PNG":
        place = source.tell()
        source.seek(0)
        with Image.open(source, formats=("PNG",)) as twin:
            twin.verify()  # leaves the twin unusable
        source.seek(place)


def look(path: Path) -> Look:
    """The head of an image file, which is not decoded.  DataError as from `open_image`."""
    with open_image(path, decode=False) as picture:
        return Look(picture.size, str(picture.format), picture.mode, orientation(picture))


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation 2 to 8 of a picture that a viewer turns or mirrors, else 1.

    EXIF that cannot be parsed turns nothing, in viewers neither.
    """
    try:
        tag = Image.Image.getexif(picture).get(ORIENTATION, UPRIGHT)  # a PNG's own method would decode it
    except BROKEN:
        return UPRIGHT
    return tag if tag in range(2, 9) else UPRIGHT


def refuse_turned(path: Path, picture: Image.Image) -> None:
    """DataError if EXIF turns the picture: its counterpart, image or label map, does not say which way it is meant."""
    if (tag := orientation(picture)) != UPRIGHT:
        raise DataError(
            f"{shown(path)}: its EXIF orientation {tag} turns or mirrors it, wanted an image and labels that are stored"
            " alike; turn the pixels or remove the tag, or name its id under `exclude` of the protocol"
        )


def read_rgb(path: Path, before: Callable[[Image.Image], None] = lambda picture: None, *, turn: bool) -> np.ndarray:
    """An image of a data set as uint8 RGB (H,W,3), whatever its mode; 16 bits become 8, transparency is passed over.

    An image that EXIF turns is turned, or a DataError without `turn`.
    """
    with open_image(path, before) as picture:
        if not turn:
            refuse_turned(path, picture)
        with _damage(path, "restore it"):
            return np.asarray(_eight_bits(path, ImageOps.exif_transpose(picture)).convert("RGB"))


def read_picture(path: Path) -> np.ndarray:
    """A picture of any mode as uint8 RGB (H,W,3), upright; transparency is laid on white, 16 bits become 8."""
    remedy = "give a PNG or JPEG"
    with open_image(path, formats=KNOWN, remedy=remedy) as opened, _damage(path, remedy):
        picture = _eight_bits(path, ImageOps.exif_transpose(opened))
        if picture.has_transparency_data:
            whole = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole)
        return np.array(picture.convert("RGB"))


def resized(pixels: np.ndarray, size: Size, method: Image.Resampling) -> np.ndarray:
    """An array (H,W) or (H,W,3) of bytes at `size`; the array itself if it has that size already."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, method))


def save(path: Path, picture: Image.Image, **options: object) -> None:
    """Write an image file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)  # type: ignore[arg-type]


@contextmanager
def _damage(path: Path, remedy: str, file: BinaryIO | None = None) -> Iterator[None]:
    """Turn what Pillow raises on a damaged file into one line; its first bytes may say what it is."""
    try:
        yield
    except BROKEN as cause:
        other = _other(file, isinstance(cause, UnidentifiedImageError)) if file else None
        found = other or flat(cause) or type(cause).__name__
        raise DataError(f"{shown(path)}: not a readable image ({found}); {signature.hint(found)}{remedy}") from cause


def _other(file: BinaryIO, unidentified: bool) -> str | None:
    """What a file is by its first bytes, if not a picture, or if Pillow cannot say more of it than that it is none."""
    file.seek(0)
    found = signature.kind(file.read(signature.HEAD))
    if found in (signature.PNG, signature.JPEG):
        return f"it begins as {found}, and what follows is none" if unidentified else None
    return None if found.startswith(signature.UNKNOWN) and not unidentified else found


def _check(path: Path, picture: Image.Image, moving: bool, formats: tuple[str, ...], remedy: str) -> None:
    """DataError if a picture is of another format, has several frames, or states an absurd size."""
    if picture.format not in formats and not ("JPEG" in formats and picture.format == "MPO"):
        raise DataError(f"{shown(path)}: is {picture.format}, wanted {' or '.join(formats)}; {remedy}, or convert it")
    if moving:
        raise DataError(f"{shown(path)}: is a {picture.format} of several frames, wanted a still image; {remedy}")
    if not 0 < picture.width * picture.height <= LARGEST:
        raise DataError(f"{shown(path)}: {_pixels(picture)}, wanted 1 to {LARGEST}; {remedy}")


def _pixels(picture: Image.Image) -> str:
    return f"{picture.width}x{picture.height} are {picture.width * picture.height} pixels"


def _eight_bits(path: Path, picture: Image.Image) -> Image.Image:
    """A picture of 16 or 32 bits a pixel with 8; others as they are."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture, np.float32)
    low, high = values.min(initial=0), values.max(initial=0)
    if not (low >= 0 and high < 1 << 16):
        raise DataError(f"{shown(path)}: values {low:g} to {high:g}, wanted 0 to 65535; save it with 8 bits a channel")
    if picture.mode == "F" and high <= 1:
        values = values * 255
    scale = 257 if high > 255 else 1
    return Image.fromarray((values / scale).clip(0, 255).astype(np.uint8))
