"""PNG files of several 16-bit channels, which Pillow cannot hold; pypng reads and writes them in pure Python."""

import zlib
from pathlib import Path

import numpy as np
import png

from ash.errors import DataError

CHANNELS = 3


def read(path: Path) -> np.ndarray:
    """A 16-bit RGB PNG as uint16 (H,W,3).  DataError if it is missing, damaged or of another kind."""
    try:
        with path.open("rb") as file:
            width, height, rows, info = png.Reader(file=file).read()
            if info["bitdepth"] != 16 or info["planes"] != CHANNELS:
                found = f"{info['planes']} channel(s) of {info['bitdepth']} bits"
                raise DataError(f"{path}: {found}, wanted {CHANNELS} of 16; restore it")
            pixels = np.vstack([np.asarray(row, np.uint16) for row in rows])
    except (OSError, png.Error, zlib.error, EOFError, ValueError) as cause:
        raise DataError(f"{path}: not a readable PNG ({cause}); restore it") from cause
    return pixels.reshape(height, width, CHANNELS)


def write(path: Path, pixels: np.ndarray) -> None:
    """Write uint16 (H,W,3) as a 16-bit RGB PNG."""
    height, width, _ = pixels.shape
    writer = png.Writer(width, height, greyscale=False, bitdepth=16, compression=6)
    with path.open("wb") as file:
        writer.write(file, pixels.reshape(height, -1).tolist())
