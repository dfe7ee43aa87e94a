"""What a model sees in pictures of one's own: overlays and label maps of files and folders, whole or in tiles."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ash.errors import DataError, ResourceError, several
from ash.experiment.evaluate_raw import classes_by_strips
from ash.experiment.pictures import read_usable, refuse_place, save_png, seen_at
from ash.experiment.tiles import tiled
from ash.files.atomic import atomic
from ash.files.images import Size, resized
from ash.files.listing import files_of, shown
from ash.files.torchvision import torchvision
from ash.labels import PALETTE
from ash.machine import precision
from ash.machine.device import device, enough_memory
from ash.pixels import to_image
from ash.progress import Progress, quiet
from ash.weights.model import load_model

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
)  # of the files of a folder that are taken for pictures
TILE = (2048, 2048)  # width and height that a network is shown at once, unless another is named
SMALLEST_TILE = 64  # pixels of a side below which a tile shows too little of a street
OPACITY = 0.55  # of the classes' colours over a picture
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A picture, and the files that are made of it; without `label` there is no label map."""

    picture: Path
    overlay: Path
    label: Path | None


class Viewer:
    """A model that looks at pictures of any size, in tiles where they are larger than `tile` (width, height).

    Where the memory of the device does not suffice the tile is halved, for all pictures that follow too.
    """

    def __init__(self, model: Path, tile: Size = TILE) -> None:
        self.where = device()
        self.segmenter, self.tile = load_model(model, self.where), tile
        self.autocast = precision.autocast(precision.resolve("auto", self.where), self.where)

    def classes(self, pixels: np.ndarray, size: Size) -> np.ndarray:
        """Train ids uint8 (H,W) of a picture uint8 (H,W,3) that is seen at (width, height) `size`.

        ResourceError where the smallest tile is still too large for the device.
        """
        small = to_image(np.array(resized(pixels, size, Image.Resampling.BICUBIC))[None])
        while True:
            tile = min(self.tile[0], size[0]), min(self.tile[1], size[1])
            try:
                with torch.inference_mode(), enough_memory(self.where, "lower --size, or give a smaller picture"):
                    logits = self._logits(small) if tile == size else tiled(self._logits, small, tile)
                    return np.concatenate([rows for _, rows in classes_by_strips(logits, pixels.shape[:2])])
            except ResourceError as fault:
                if max(tile) < 2 * SMALLEST_TILE:
                    raise
                self.tile = (tile[0] // 2, tile[1]) if tile[0] >= tile[1] else (tile[0], tile[1] // 2)
                log.warning("%s; going on in tiles of %dx%d", str(fault).partition(";")[0], *self.tile)

    def _logits(self, image: Tensor) -> Tensor:
        """Logits (1,19,h,w) float32 of an image (1,3,H,W)."""
        with self.autocast():
            return self.segmenter.predict(image.to(self.where))


def predict_pictures(
    viewer: Viewer, tasks: Sequence[Task], size: Size | int | None, progress: Progress = quiet
) -> list[Size]:
    """Write the overlay of each picture and, where a task has one, its label map; gives the sizes at which they were seen.

    `size` as in `seen_at`.  Where there are several, pictures that cannot be read are listed in one DataError at the
    end, and the others are written.
    """
    sizes, faults = [], []
    for done, task in enumerate(tasks, 1):
        try:
            pixels = read_usable(task.picture)
            size_seen = seen_at(task.picture, pixels, size)
        except DataError as fault:
            if len(tasks) == 1:
                raise
            faults.append(str(fault))
        else:
            sizes.append(size_seen)
            _write(task, pixels, viewer.classes(pixels, size_seen))
        progress(done, len(tasks))
    if faults:
        title = f"{len(faults)} of {len(tasks)} pictures cannot be used; the others are written"
        raise DataError(several(title, faults))
    return sizes


def tasks_of(inputs: Sequence[Path], out: Path, labels: Path | None, *others: Path) -> list[Task]:
    """What is to be made of pictures and folders of them, in the order given, those of a folder by name.

    One picture has its overlay at `out` and its label map at `labels`; of several, or of a folder, these are folders, in
    which each has the name of its picture and lies in its subfolder.  DataError where one file would be written over
    another, over a picture or over one of the files `others`.
    """
    if len(inputs) == 1 and not inputs[0].is_dir():
        tasks = [Task(inputs[0], out, labels)]
    else:
        tasks = []
        for place in (out, labels):
            if place is not None and place.exists() and not place.is_dir():
                raise DataError(f"{shown(place)}: is a file, wanted a folder for what is made of several pictures")
        for path in inputs:
            tasks += _of_folder(path, out, labels) if path.is_dir() else [_task(path, Path(path.name), out, labels)]
    _refuse_twice(tasks)
    for task in tasks:
        for place in (task.overlay, task.label):
            if place is not None:
                refuse_place(place, task.picture, *others)
    return tasks


def _of_folder(folder: Path, out: Path, labels: Path | None) -> list[Task]:
    """A task for each picture below a folder; DataError if it has none, or is to hold the results too."""
    for place in (out, labels):
        if place is not None and place.resolve().is_relative_to(folder.resolve()):
            raise DataError(
                f"{shown(place)}: lies in {shown(folder)}, so that results would be taken for pictures; name a folder"
                " elsewhere"
            )
    found = [path for path in files_of(folder, "**/*") if path.suffix.lower() in SUFFIXES]
    if not found:
        raise DataError(f"{shown(folder)}: no picture; wanted files {', '.join(sorted(SUFFIXES))}")
    return [_task(path, path.relative_to(folder), out, labels) for path in found]


def _task(picture: Path, name: Path, out: Path, labels: Path | None) -> Task:
    name = name.with_suffix(".png")
    return Task(picture, out / name, None if labels is None else labels / name)


def _refuse_twice(tasks: Sequence[Task]) -> None:
    """DataError where two results would have one place."""
    places: dict[Path, Path] = {}
    for task in tasks:
        for place in (task.overlay, task.label):
            if place is not None and places.setdefault(place.resolve(), task.picture) != task.picture:
                raise DataError(
                    f"{shown(place)}: would be written for {shown(places[place.resolve()])} and for"
                    f" {shown(task.picture)}; give them one after the other, or rename one"
                )
        if task.label is not None and task.label.resolve() == task.overlay.resolve():
            raise DataError(f"{shown(task.label)}: is the place of the overlay too; change --labels")


def _write(task: Task, pixels: np.ndarray, label: np.ndarray) -> None:
    """The overlay and the label map, each atomically, in folders that are made where they are missing."""
    classes = np.unique(label)
    masks = torch.from_numpy(label == classes[:, None, None])
    colours = [tuple(PALETTE[k].tolist()) for k in classes]
    draw = torchvision().utils.draw_segmentation_masks
    picture = torch.from_numpy(pixels).permute(2, 0, 1)
    save_png(task.overlay, draw(picture, masks, alpha=OPACITY, colors=colours))
    if task.label is not None:
        indexed = Image.fromarray(label)
        indexed.putpalette(PALETTE.tobytes())
        with atomic(task.label) as temporary:
            indexed.save(temporary, "PNG")
