"""Weights of other programs: PyTorch checkpoints, safetensors, and those that torchvision has, as names and tensors.

Nothing that a file contains is run: checkpoints are read with `weights_only`, which takes tensors and plain containers.
"""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from ash.errors import CheckpointError, ConfigError, StoreError, flat
from ash.files import torchvision
from ash.files.tensors import read

NESTED = ("state_dict", "model", "net")  # keys under which programs put the weights beside their optimisers
TORCHVISION = "torchvision:"
# What PyTorch's reader raises for bytes that are no checkpoint.
UNREADABLE = (OSError, RuntimeError, EOFError, LookupError, ValueError, TypeError, AssertionError, AttributeError)


def read_state(source: str | Path) -> dict[str, Tensor]:
    """The weights of a file (.pth, .pt, .safetensors), or of `torchvision:resnet101` and `torchvision:vgg19`.

    Raises StoreError if the file is missing or cannot be read, CheckpointError if it holds more than tensors, ConfigError
    if torchvision has no such network here.
    """
    if str(source).startswith(TORCHVISION):
        name = str(source).removeprefix(TORCHVISION)
        if name not in get_args(torchvision.Backbone):
            raise ConfigError(f"{source}: unknown; known: {', '.join(get_args(torchvision.Backbone))}")
        return torchvision.imagenet(name)  # type: ignore[arg-type]
    path = Path(source)
    if not path.exists():
        raise StoreError(f"{path}: missing; fetch it and put it there (docs/guide/weights.md)")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # of bytes that look like an unknown pickle
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as cause:
        raise CheckpointError(
            f"{path}: holds more than tensors ({_told(cause)}); save its state_dict alone, where it was made"
        ) from cause
    except UNREADABLE as cause:
        raise StoreError(f"{path}: not a readable PyTorch checkpoint ({_told(cause)}); fetch it again") from cause
    return _tensors(path, content)


def _safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of anybody's; one of ours is held against its checksum."""
    return read(path, "fetch it again, or make it again")[1]


def _tensors(path: Path, content: object) -> dict[str, Tensor]:
    """The mapping of names to tensors in what a checkpoint holds; CheckpointError if there is none."""
    if isinstance(content, Mapping):
        for name in NESTED:
            if isinstance(content.get(name), Mapping):
                content = content[name]
                break
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(f"{path}: holds no state_dict, wanted names and tensors; save `network.state_dict()`")
    return {str(name): value for name, value in content.items()}


def strip_prefix(state: Mapping[str, Tensor], known: tuple[str, ...]) -> dict[str, Tensor]:
    """The weights without leading module names ("module.", "Scale.") that every one of them has before a `known` name.

    Unchanged if no stripping leads to a known name.
    """
    bare = dict(state)
    while bare and not any(name.split(".")[0] in known for name in bare):
        heads = {name.split(".")[0] for name in bare}
        if len(heads) != 1 or not all("." in name for name in bare):
            return dict(state)
        bare = {name.split(".", 1)[1]: value for name, value in bare.items()}
    return bare


def misfits(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """A line for each weight that is missing, unknown, wrongly shaped or not finite."""
    lines = [f"{name}: missing" for name in wanted if name not in found]
    lines += [f"{name}: not expected" for name in found if name not in wanted]
    for name in wanted:
        if name not in found:
            continue
        if found[name].shape != wanted[name].shape:
            lines.append(f"{name}: shape {tuple(found[name].shape)}, wanted {tuple(wanted[name].shape)}")
        elif not found[name].isfinite().all():
            lines.append(f"{name}: holds values that are not finite")
    return lines


def _told(cause: Exception) -> str:
    """The first sentence of PyTorch's message, without its advice to run what a file holds."""
    first = flat(cause).split(". ")[0]
    return "it would have to be run" if "weights_only" in first else first or type(cause).__name__
