"""Weights of other programs: PyTorch checkpoints, safetensors, and those that torchvision has, as names and tensors.

Nothing that a file contains is run: checkpoints are read with `weights_only`, which takes tensors and plain containers.
What trainers keep beside the weights, such as NumPy's numbers and the options of a command line, is passed over without
making it.
"""

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from ash.errors import CheckpointError, ConfigError, StoreError, flat
from ash.files import signature, torchvision, zips
from ash.files.packages import PACKAGE, located
from ash.files.tensors import read

NESTED = (  # keys under which programs put the weights beside their optimisers, the first of them counts
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "state_dict_ema",
    "model_ema",
    "ema",
)
NOT_WEIGHTS = ("optim", "sched", "scaler", "buffer", "hyper", "config", "args")  # keys that begin so are passed over
DEPTH = 4  # mappings within each other that are looked into
GROWTH, FLOOR = 4, 1 << 20  # tensors may have so many times the file's bytes, and a floor
TORCHVISION = "torchvision:"
UNREADABLE = (  # what torch.load and its unpickler raise on bytes that are no checkpoint
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


class _Left:
    """Stands for what is passed over: it takes whatever a pickle gives it, and keeps nothing."""

    def __new__(cls, *_: Any, **__: Any) -> "_Left":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Nothing is kept."""

    def __setitem__(self, key: object, value: object) -> None:
        """Nothing is kept."""


PASSED_OVER = (
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *("numpy.ndarray", "numpy.dtype", "argparse.Namespace", "collections.defaultdict"),
    *("builtins.int", "builtins.float", "builtins.list", "builtins.dict", "builtins.str", "builtins.bool"),
    *("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib._local.PosixPath"),
    *("datetime.datetime", "datetime.date", "datetime.timedelta"),
)


def read_state(source: str | Path) -> dict[str, Tensor]:
    """The weights of a file (.pth, .pt, .safetensors), of `torchvision:resnet101` or of `package:efficientnet_lite0`.

    Raises StoreError if the file is missing, cannot be read or is something else, CheckpointError if it holds code or no
    weights, ConfigError if torchvision, or the packages known here, have no such network.
    """
    if str(source).startswith(TORCHVISION):
        name = str(source).removeprefix(TORCHVISION)
        if name not in get_args(torchvision.Backbone):
            raise ConfigError(f"{source}: unknown; known: {', '.join(get_args(torchvision.Backbone))}")
        return torchvision.imagenet(name)  # type: ignore[arg-type]
    path = located(str(source)) if str(source).startswith(PACKAGE) else Path(source)
    if not path.exists():
        raise StoreError(f"{path}: missing; fetch it and put it there (docs/guide/weights.md)")
    found = signature.look(path)
    if not signature.fits(found, signature.CHECKPOINT):
        raise StoreError(
            f"{path}: {found}, wanted {signature.CHECKPOINT} or safetensors; {signature.hint(found)}fetch the file itself"
        )
    content = _safetensors(path) if found == signature.SAFETENSORS else _checkpoint(path, found)
    state = _weights(content)
    if state is None:
        raise CheckpointError(
            f"{path}: holds no state_dict, found {_keys(content)}; save `network.state_dict()`, where it was made"
        )
    _check_plain(path, state)
    return state


def _safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of anybody's; one of ours is held against its checksum."""
    try:
        return read(path, "fetch it again, or make it again")[1]
    except UNREADABLE as cause:  # types and sizes of which safetensors knows, and PyTorch does not
        raise StoreError(f"{path}: not a readable safetensors file ({flat(cause)}); fetch it again") from cause


def _checkpoint(path: Path, found: str) -> object:
    """What a PyTorch checkpoint holds."""
    if found == signature.ZIP:
        if any(name.endswith("/constants.pkl") for name in zips.names(path)):
            raise CheckpointError(f"{path}: a TorchScript program; save its state_dict alone, where it was made")
        damage = zips.damage(path)  # PyTorch itself takes flipped bits for weights
        if damage:
            raise StoreError(f"{path}: not a readable PyTorch checkpoint ({damage}); fetch it again")
    stand_ins: list[Any] = [(_Left, name) for name in PASSED_OVER]
    try:
        # An open file: torch.load would go by the suffix of a path.
        with (
            torch.serialization.safe_globals(stand_ins),
            warnings.catch_warnings(action="ignore"),  # of bytes that look like an unknown pickle
            path.open("rb") as file,
        ):
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as cause:
        raise CheckpointError(
            f"{path}: holds more than tensors ({_why(cause)}); save its state_dict alone, where it was made"
        ) from cause
    except UNREADABLE as cause:
        raise StoreError(f"{path}: not a readable PyTorch checkpoint ({_why(cause)}); fetch it again") from cause


def _weights(content: object, depth: int = DEPTH) -> dict[str, Tensor] | None:
    """The mapping of names to tensors in what a checkpoint holds, without what lies beside them; None if there is none.

    It lies under one of `NESTED`, or at the top, or under the only other key that leads to one.
    """
    if not isinstance(content, Mapping) or depth == 0:
        return None
    for name in NESTED:
        state = _weights(content.get(name), depth - 1)
        if state:
            return state
    state = {str(name): value.detach() for name, value in content.items() if isinstance(value, Tensor)}
    if state:
        return state
    others = [value for name, value in content.items() if not str(name).lower().startswith(NOT_WEIGHTS)]
    found = [state for state in (_weights(value, depth - 1) for value in others) if state]
    return found[0] if len(found) == 1 else None


def _keys(content: object) -> str:
    """What stands in the place of weights, for a message."""
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    shown = ", ".join(repr(str(name)[:40]) for name in list(content)[:8]) or "none"
    return f"keys {shown}" + (f" and {len(content) - 8} more" if len(content) > 8 else "")


def _check_plain(path: Path, state: Mapping[str, Tensor]) -> None:
    """CheckpointError if a tensor is not a plain array of numbers, or all are larger than the file can have made them."""
    for name, value in state.items():
        if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_complex():
            raise CheckpointError(f"{path}: {name} is no plain tensor of real numbers; save the network in float32")
    size, limit = sum(value.numel() * value.element_size() for value in state.values()), path.stat().st_size
    if size > GROWTH * limit + FLOOR:
        raise CheckpointError(f"{path}: its tensors claim {size} bytes of a file of {limit}; fetch it again")


def _why(cause: Exception) -> str:
    """The first sentence of a library's message, unless that is advice to read the file without caution."""
    text = flat(cause)
    needed = re.search(r"GLOBAL (\S+)", text)
    if needed:
        return f"it needs {needed[1]}"
    sentence = text.split(". ")[0][:200]
    unwise = re.search(r"weights_only|weights only|safe_globals|trust|pickle_module", sentence, re.IGNORECASE)
    return "an instruction that tensors do not need" if unwise else sentence or type(cause).__name__


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
        elif found[name].is_floating_point() != wanted[name].is_floating_point():
            lines.append(f"{name}: type {found[name].dtype}, wanted {wanted[name].dtype}")
        elif not found[name].float().isfinite().all():  # as float32, which holds less than float64
            lines.append(f"{name}: holds values that are not finite")
        elif name.endswith("running_var") and (found[name] < 0).any():
            lines.append(f"{name}: holds variances below zero")
    return lines
