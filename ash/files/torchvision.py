"""torchvision, which the package imports through this module alone, and the ImageNet weights that it knows.

The registry's wheel is built against CUDA; beside a CPU-only torch its compiled operators cannot be loaded, and the import
fails while it looks for the schemas of two of them.  Declaring these first is enough: nothing here calls them.

The import takes a second and training needs nothing of it, so the package is imported when it is first asked for.
"""

import importlib
from types import ModuleType
from typing import Literal
from urllib.error import URLError

import torch
from torch import Tensor

from ash.errors import StoreError, flat

Backbone = Literal["resnet101", "vgg19"]
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # a library's definitions last as long as it does


def torchvision() -> ModuleType:
    """The package, with `transforms.v2` in it."""
    if not _declared and not torch.cuda.is_available():
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in SCHEMAS.values():
            library.define(schema)  # type: ignore[no-untyped-call]
        _declared.append(library)
    importlib.import_module("torchvision.transforms.v2")
    return importlib.import_module("torchvision")


def imagenet(name: Backbone) -> dict[str, Tensor]:
    """The ImageNet weights of a network, under torchvision's names.

    Taken from the cache of torch.hub (TORCH_HOME), or fetched there and held against the hash in their name.  StoreError
    if neither works.
    """
    weights = torchvision().models.get_model_weights(name)["IMAGENET1K_V1"]
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as cause:
        raise StoreError(
            f"torchvision:{name}: cannot be fetched ({flat(cause)}); put {weights.url.rsplit('/', 1)[1]} into "
            f"{torch.hub.get_dir()}/checkpoints, or name a file"
        ) from cause
    return state
