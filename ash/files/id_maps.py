"""Label maps and predictions: PNG files of one 8-bit channel whose value, grey or palette index, is an id.

Tools change them without a word: to three channels, to fewer bits, to a JPEG, or to a palette in another order, in which
every colour is right and every index wrong; what was a grey value is then the grey of an index.  Here they are read as
stored, or refused.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ash.errors import DataError
from ash.files.images import open_image, refuse_turned
from ash.files.listing import shown
from ash.labels import N_CLASSES, PALETTE, VOID

DEPTHS = ("L", "P", "P;4", "P;2", "P;1")  # Pillow's names; grey of fewer than 8 bits is stretched and is no id
ONE = "one channel of 8 bits with an id; restore it, or save ids in place of colours"
THREE = "three channels of 8 bits (RGB); restore the file as it was published"


@dataclass(frozen=True)
class IdMap:
    """Ids uint8 (H,W); for each index the class (train id) whose colour the palette has there, 255 for none, and its grey.

    The grey of an index that is coloured, or that the palette lacks, is -1.  Both are None without a palette.
    """

    ids: np.ndarray
    colours: np.ndarray | None = None
    greys: np.ndarray | None = None

    def clashes(self, table: np.ndarray, borrowed: frozenset[int] = frozenset()) -> list[int]:
        """The ids whose colour is that of another class than `table` (256 train ids) has for them, or whose grey is its id.

        None where fewer than a quarter of the colours are those of classes: then the palette means nothing.  `borrowed` are
        ids that are published with the colour of another class.
        """
        if self.colours is None or self.greys is None:
            return []
        used = np.flatnonzero(np.bincount(self.ids.ravel(), minlength=256))
        if self._hold_ids(self.greys[used], table):
            return [int(i) for i in used if table[self.greys[i]] != table[i]]
        classes = used[self.colours[used] != VOID]
        if 4 * len(classes) < len(used):
            return []
        return [int(i) for i in classes if self.colours[i] != table[i] and i not in borrowed]

    @staticmethod
    def _hold_ids(greys: np.ndarray, table: np.ndarray) -> bool:
        """Whether different greys are ids of `table` throughout; a palette of others, or a blank one, means nothing."""
        different = len(greys) > 1 and len(np.unique(greys)) == len(greys) and greys.min() >= 0
        return different and bool(np.isin(table[greys], [*range(N_CLASSES), VOID]).all())


def read_id_map(path: Path) -> IdMap:
    """Read a PNG of ids.  DataError if it is damaged, of another format or depth, has channels, or is turned by EXIF."""
    with open_image(path, lambda picture: _refuse_unless(path, picture, DEPTHS, ONE), formats=("PNG",)) as picture:
        refuse_turned(path, picture)
        if picture.mode != "P":
            return IdMap(np.asarray(picture))
        colours, greys = np.full(256, VOID, np.uint8), np.full(256, -1)
        entries = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:256]
        same = (entries[:, None] == PALETTE).all(2)
        colours[: len(entries)] = np.where(same.any(1), same.argmax(1), VOID)
        grey = np.flatnonzero((entries == entries[:, :1]).all(1))
        greys[grey] = entries[grey, 0]
        return IdMap(np.asarray(picture), colours, greys)


def read_channels(path: Path) -> np.ndarray:
    """Read a PNG whose three channels of 8 bits tell the class: uint8 (H,W,3), in the order RGB.

    DataError if it is damaged, of another format or depth, has other channels, or is turned by EXIF.
    """
    with open_image(path, lambda picture: _refuse_unless(path, picture, ("RGB",), THREE), formats=("PNG",)) as picture:
        refuse_turned(path, picture)
        return np.asarray(picture)


def refuse_clashes(path: Path, clashes: list[int]) -> None:
    """DataError if a palette gives ids the colours of other classes."""
    if clashes:
        several = ", ".join(map(str, clashes[:5])) + (", ..." if len(clashes) > 5 else "")
        raise DataError(
            f"{shown(path)}: its palette is in another order: index {several} has the colour of another class, wanted"
            " indices that are ids; restore the file, or save ids in place of colours"
        )


def _refuse_unless(path: Path, picture: Image.Image, depths: tuple[str, ...], wanted: str) -> None:
    """DataError unless the pixels are stored in one of the depths, by Pillow's names."""
    found = [str(tile.args) for tile in picture.tile]  # type: ignore[attr-defined]
    if len(found) != 1 or found[0] not in depths:
        raise DataError(f"{shown(path)}: pixels are {', '.join(found)}, wanted {wanted}")
