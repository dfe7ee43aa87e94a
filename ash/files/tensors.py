"""The project's own weights: safetensors with notes, by the one reader and the one writer that there are.

The notes are JSON under a single metadata key, because safetensors orders several by a hash that
differs from process to process.  Equal tensors and notes give equal bytes.  Among the notes stands
the SHA-256 of the tensors and of the other notes, which a reader compares: the format itself has no
checksum.  A file without one was written before there was any, and is taken as it is.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ash.errors import StoreError, flat

KEY = "ash"  # of the notes in the file's metadata
CHECKSUM = "sha256"  # among the notes


def pack(tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> bytes:
    """The bytes of a file of these tensors and notes."""
    # A contiguous copy of each: safetensors stores memory order, and channels_last strides are not its business.
    copies = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    whole = {**notes, CHECKSUM: checksum(copies, notes)}
    return safetensors.torch.save(copies, {KEY: json.dumps(whole, sort_keys=True)})


def checksum(tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> str:
    """SHA-256 of contiguous tensors, in the order of their names, and of their names, shapes, types and the notes."""
    sha = hashlib.sha256(json.dumps(notes, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name]
        sha.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        sha.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def unpack(path: Path, what: str, remedy: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The notes and the tensors of a file that should be `what`, e.g. "a model of this project".

    StoreError, which ends with the remedy, if it is missing, cannot be read, holds no notes, or is
    not what was written.
    """
    notes, tensors = read(path, remedy)
    if notes is None:
        raise StoreError(f"{path}: not {what}, for it holds no notes of ash; {remedy}")
    return notes, tensors


def read(path: Path, remedy: str) -> tuple[dict[str, Any] | None, dict[str, Tensor]]:
    """The notes (None where there are none) and the tensors of any safetensors file.

    StoreError, which ends with the remedy, if it is missing, cannot be read, or has a checksum and
    fails it.
    """
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        notes = None if text is None else json.loads(text)
    except FileNotFoundError as cause:
        raise StoreError(f"{path}: missing; {remedy}") from cause
    except (OSError, SafetensorError) as cause:
        raise StoreError(f"{path}: not a readable safetensors file ({flat(cause)}); {remedy}") from cause
    except (ValueError, RecursionError) as cause:
        raise StoreError(f"{path}: its notes are no JSON ({flat(cause)}); {remedy}") from cause
    if notes is None and text is None:
        return None, tensors
    if not isinstance(notes, dict):
        raise StoreError(f"{path}: its notes are JSON of type {type(notes).__name__}, wanted an object; {remedy}")
    wanted = notes.pop(CHECKSUM, None)
    if wanted is not None and wanted != checksum(tensors, notes):
        wrong = [name for name, value in tensors.items() if not value.isfinite().all()]
        told = f"; {wrong[0]} holds values that are not finite" if wrong else ""
        raise StoreError(f"{path}: damaged, for its tensors and notes fail their checksum{told}; {remedy}")
    return notes, tensors
