"""A folder of the user's that holds a set already: `ash acquire SET --from FOLDER` makes the set's folder a link to it.

Nothing is copied, and nothing is written into the folder, which may be shared and read-only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ash.datasets._base import Dataset
from ash.errors import AshError, DataError
from ash.files.atomic import writing
from ash.files.listing import shown

DEPTH = 3  # folders below the given one in which the set is looked for: REPOSITORY/images/stream1


@contextmanager
def linked(dataset: Dataset, root: Path, given: Path) -> Iterator[None]:
    """Make `root` a link to where the set lies in `given`; it goes again if what follows fails.

    DataError if the set is not there, or if `root` is something else already.
    """
    where = place(dataset, given)
    if root.is_symlink() and root.resolve() == where.resolve():
        yield
        return
    if root.is_symlink() or (root.exists() and not (root.is_dir() and not any(root.iterdir()))):
        found = f"a link to {shown(root.readlink())}" if root.is_symlink() else "there already"
        raise DataError(f"{shown(root)}: is {found}, wanted none, to link it to {shown(where)}; move it away")
    with writing(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        if root.is_dir():
            root.rmdir()
        root.symlink_to(where.resolve(), target_is_directory=True)
    try:
        yield
    except AshError:
        root.unlink(missing_ok=True)
        raise


def place(dataset: Dataset, given: Path) -> Path:
    """The folder that holds the set: the given one, or the first in which images of it lie, nearest first."""
    if not given.is_dir():
        raise DataError(f"{shown(given)}: no such folder; give the one that holds {dataset.name}")
    level = [given]
    for _ in range(DEPTH + 1):
        for folder in level:
            if any(dataset.files(folder, split)[0] for split in dataset.splits):
                return folder
        level = [path for folder in level for path in _folders(folder)]
    raise DataError(
        f"{shown(given)}: holds no {dataset.name}; wanted {dataset.layout}, here or up to {DEPTH} folders below"
    )


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones; DataError if it cannot be listed."""
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    except OSError as cause:
        raise DataError(f"{shown(folder)}: cannot be listed ({cause.strerror}); give the set's own folder") from cause
