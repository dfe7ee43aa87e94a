"""torchvision, which the package imports through this module alone, and the ImageNet weights that it knows.

The registry's wheel is built against CUDA; beside a CPU-only torch its compiled operators cannot be loaded, and the import
fails while it looks for the schemas of two of them.  Declaring these first is enough: nothing here calls them.  Where they
can be loaded, as beside the registry's own torch on a machine without a GPU, a second declaration would end the process.

The import takes a second and training needs nothing of it, so the package is imported when it is first asked for.
"""

import hashlib
import importlib
import importlib.util
import pickle
import socket
from pathlib import Path
from types import ModuleType
from typing import Literal
from urllib.error import URLError

import torch
from torch import Tensor

from ash.errors import StoreError, flat
from ash.files import signature

Backbone = Literal["resnet101", "resnet50", "resnet18", "vgg19"]
TIMEOUT = 30.0  # seconds without a byte
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # a library's definitions last as long as it does


def torchvision() -> ModuleType:
    """The package, with `transforms.v2` in it."""
    if not _declared and not _operators_load():
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in SCHEMAS.values():
            library.define(schema)  # type: ignore[no-untyped-call]
        _declared.append(library)
    importlib.import_module("torchvision.transforms.v2")
    return importlib.import_module("torchvision")


def _operators_load() -> bool:
    """Whether torchvision's compiled operators can be loaded beside this torch, which leaves them loaded."""
    package = importlib.util.find_spec("torchvision")
    folders = package.submodule_search_locations if package else None
    for compiled in (file for folder in folders or () for file in sorted(Path(folder).glob("_C.*"))):
        try:
            torch.ops.load_library(compiled)  # type: ignore[no-untyped-call]
        except OSError:  # a library of CUDA that it is linked against is not here
            return False
        return True
    return False


def imagenet(name: Backbone) -> dict[str, Tensor]:
    """The ImageNet weights of a network, under torchvision's names.

    Taken from the cache of torch.hub (TORCH_HOME), or fetched there and held against the hash in their name.  StoreError
    if neither works.
    """
    weights = torchvision().models.get_model_weights(name)["IMAGENET1K_V1"]
    file = weights.url.rsplit("/", 1)[1]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / file
    remedy = f"put {file} into {cached.parent}, or name a file"
    if cached.exists() and not _sha256(cached).startswith(file.rpartition("-")[2].partition(".")[0]):
        raise StoreError(  # torch.hub looks at the hash of what it fetches, not of what is there
            f"{cached}: {signature.look(cached)} with another SHA-256 than its name says; remove it, the same command"
            " fetches it again"
        )
    waited = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(TIMEOUT)  # torch.hub would wait for a silent server for ever
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as cause:
        told = "it holds more than tensors" if isinstance(cause, pickle.UnpicklingError) else flat(cause)
        raise StoreError(f"torchvision:{name}: cannot be fetched ({told}); {remedy}") from cause
    finally:
        socket.setdefaulttimeout(waited)
    return state


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
