"""The trained models of ASH's authors: what a user has put into data/weights/ becomes a model of this project.

Google Drive, where they lie, asks a question before it sends a large file, so that a browser has to fetch them.  Nobody
has published their hashes: a file is held against what it must be, a network of the protocol with CLAN's two heads.
"""

from pathlib import Path

from ash.acquire.networks import AUTHORS, located
from ash.config import Settings
from ash.errors import CheckpointError, ConfigError, StoreError, brief, flat, known
from ash.files.atomic import file_digest
from ash.weights.checkpoints import import_checkpoint

LONGEST = 400  # characters of what is wrong with a file: a checkpoint may differ in hundreds of tensors


def import_authors(settings: Settings, source: str, out: Path) -> None:
    """Write the model that was trained on `source`.

    ConfigError if the authors have none of that name, StoreError if its file is missing or is no checkpoint,
    CheckpointError if it is another network, or the same file as the model of another source.
    """
    if source not in AUTHORS:
        raise ConfigError(f"{source!r} is no model of the authors; {known(source, AUTHORS)}")
    name, address = AUTHORS[source]
    file = located(name)
    if not file.exists():
        raise StoreError(f"{file}: missing; open {address} in a browser, and put what it sends there under this name")
    for other, (twin, _) in AUTHORS.items():
        if other != source and located(twin).exists() and file_digest(located(twin)) == file_digest(file):
            raise CheckpointError(f"{file}: the same file as {located(twin)}, wanted two; fetch {address} again")
    try:
        import_checkpoint(str(file), out, backbone=False, branches=None, like=settings.protocol.segmenter)
    except (CheckpointError, StoreError) as fault:
        told = brief(flat(fault), LONGEST)
        raise type(fault)(f"{told}; the authors' model of {source} is at {address}") from fault
