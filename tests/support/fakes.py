"""Sets of a few files in their published archives, drawn by no one: noise in every class."""

import zipfile
from pathlib import Path

import numpy as np

from ash import datasets

SIZES = {
    "gta5": (48, 27), "synthia": (32, 19), "cityscapes": (64, 32), "mapillary": (40, 30), "painters": (25, 31),
    "carla": (40, 30), "camvid": (48, 36), "camvid_test": (48, 36), "camvid_original": (48, 36), "urbansyn": (64, 32),
    "kitti": (62, 19), "bdd100k": (64, 36), "acdc": (48, 27), "dark_zurich": (48, 27), "dtd": (30, 30), "gallery": (31, 25),
}  # fmt: skip
ONE_PIECE = ("gta5", "synthia", "carla", "urbansyn", "kitti")  # filled with images that train


def fill(name: str, root: Path, count: int = 3) -> Path:
    """Write a set of `count` images a split at `root`, in the set's own layout."""
    dataset, rng = datasets.load(name), np.random.default_rng(0)
    width, height = SIZES[name]
    for split in ("train",) if name in ONE_PIECE else dataset.splits:
        for number in range(count):
            image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            label = rng.choice([*range(19), 255], (height, width)).astype(np.uint8)
            dataset.write(root, split, number, image, label if dataset.has_labels else None)
    dataset.finish(root)
    return root


def pack(archive: Path, root: Path, files, prefix: str = "") -> Path:
    """Zip `files` of `root` under their relative names."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in files:
            out.write(path, prefix + path.relative_to(root).as_posix())
    return archive


def gta5_archives(folder: Path, root: Path) -> None:
    """The 20 archives: frame k goes into part 1 + k mod 10; parts without a frame would be wrong archives."""
    for kind in ("images", "labels"):
        files = sorted((root / kind).glob("*.png"))
        for part in range(10):
            pack(folder / f"{part + 1:02d}_{kind}.zip", root, files[part::10])


def cityscapes_archives(folder: Path, root: Path) -> None:
    """Both archives, with members that are not needed, as the real ones have."""
    for name, top in (("gtFine_trainvaltest.zip", "gtFine"), ("leftImg8bit_trainvaltest.zip", "leftImg8bit")):
        (root / "README").write_text("terms\n")
        pack(folder / name, root, [root / "README", *sorted((root / top).rglob("*.png"))])


def mapillary_archives(folder: Path, root: Path) -> None:
    """One archive, with the instances that are not needed."""
    extra = root / "training/instances/a.png"
    extra.parent.mkdir()
    extra.write_bytes(b"x")
    pack(folder / "mapillary-vistas-dataset_public_v1.2.zip", root, [p for p in sorted(root.rglob("*")) if p.is_file()])


def painters_archives(folder: Path, root: Path) -> None:
    """train.zip with painting 2 cut short, and its replacement beside the test set's and a Mac's own."""
    good = (root / "train/2.jpg").read_bytes()
    (root / "train/2.jpg").write_bytes(good[:100])
    pack(folder / "train.zip", root, sorted((root / "train").glob("*.jpg")))
    with zipfile.ZipFile(folder / "replacements_for_corrupted_files.zip", "w") as out:
        for name in ("train/2.jpg", "test/9.jpg", "__MACOSX/train/._2.jpg"):
            out.writestr(name, good)
