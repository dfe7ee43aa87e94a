"""The project's own weights: safetensors with notes, by the one reader and the one writer that there are.

The notes are JSON under a single metadata key, because safetensors orders several by a hash that differs from process to
process.  Equal tensors and notes give equal bytes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ash.errors import StoreError, flat

KEY = "ash"  # of the notes in the file's metadata


def pack(tensors: Mapping[str, Tensor], notes: Any) -> bytes:
    """The bytes of a file of these tensors and notes."""
    # A contiguous copy of each: safetensors stores memory order, and channels_last strides are not its business.
    copies = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    return safetensors.torch.save(copies, {KEY: json.dumps(notes, sort_keys=True)})


def unpack(path: Path, what: str, remedy: str) -> tuple[Any, dict[str, Tensor]]:
    """The notes and the tensors of a file that should be `what`, e.g. "a model of this project".

    StoreError, which ends with the remedy, if it is missing, cannot be read or holds no notes.
    """
    try:
        with safe_open(path, "pt") as file:
            notes = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        if notes is None:
            raise StoreError(f"{path}: not {what}, for it holds no notes of ash; {remedy}")
        return json.loads(notes), tensors
    except FileNotFoundError as cause:
        raise StoreError(f"{path}: missing; {remedy}") from cause
    except (OSError, SafetensorError) as cause:
        raise StoreError(f"{path}: not a readable safetensors file ({flat(cause)}); {remedy}") from cause
    except ValueError as cause:
        raise StoreError(f"{path}: not {what}, its notes are no JSON ({flat(cause)}); {remedy}") from cause
