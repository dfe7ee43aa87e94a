"""The resume file: all that a run needs to go on as if it had never stopped.

Networks, what a method remembers besides, optimisers, the next step, the history so far, a digest
of the settings and digests of everything that the training reads.  Random numbers are functions of
(seed, step), so no generator state is needed.  The file is replaced atomically; one of other
settings or inputs is refused.

It is a file of `torch.save` with a SHA-256 of its bytes behind it, as the comment of the zip archive
that such a file is.
"""

import hashlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn
from torch.optim import Optimizer

from ash.errors import CheckpointError, flat
from ash.files.atomic import atomic
from ash.files.careful import careful

LENGTH = hashlib.sha256().digest_size * 2  # hexadecimal digits of the checksum
BLOCK = 2**20  # bytes that are hashed at once
ANEW = "delete it to start anew"


def save(
    path: Path,
    digest: str,
    step: int,
    players: Mapping[str, nn.Module],
    optimisers: Mapping[str, Optimizer],
    history: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> None:
    """Write the state after `step` finished steps; `inputs` are digests of what the training reads, by name."""
    state = {
        "digest": digest,
        "inputs": dict(inputs),
        "step": step,
        "players": {name: player.state_dict() for name, player in players.items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
        "history": dict(history),
    }
    with atomic(path) as temporary:
        with careful(temporary) as file:
            torch.save(state, file)  # type: ignore[arg-type]
        _seal(temporary)


def restore(
    path: Path,
    digest: str,
    players: Mapping[str, nn.Module],
    optimisers: Mapping[str, Optimizer],
    inputs: Mapping[str, str],
) -> tuple[int, dict[str, Any]]:
    """Load the state into players and optimisers; give the number of finished steps and the history.

    CheckpointError if the file is damaged, or was written under other settings or with other inputs.
    """
    state = _read(path)
    found = str(state["digest"])
    if found != digest:
        raise CheckpointError(
            f"{path}: written under settings {found[:12]}, wanted {digest[:12]}; {ANEW}, or restore the settings"
        )
    before = state["inputs"]
    changed = sorted(name for name in {*before, *inputs} if before.get(name) != inputs.get(name))
    if changed:
        raise CheckpointError(
            f"{path}: written by a training with another {', '.join(changed)}; {ANEW}, or restore what has changed"
        )
    try:
        for name, player in players.items():
            player.load_state_dict(state["players"][name])
        for name, optimiser in optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        return int(state["step"]), dict(state["history"])
    except (KeyError, TypeError, ValueError, RuntimeError) as cause:
        raise CheckpointError(f"{path}: does not fit this training ({flat(cause)}); {ANEW}") from cause


def _seal(path: Path) -> None:
    """Add the checksum as the archive's comment, whose length is the last field before it."""
    with path.open("rb+") as file:
        file.seek(-2, os.SEEK_END)
        file.write(LENGTH.to_bytes(2, "little"))
        size = file.tell()
        file.write(_checksum(file, size))


def _checksum(file: BinaryIO, size: int) -> bytes:
    """SHA-256 of the first `size` bytes of a file, in hexadecimal digits; the file is left behind them."""
    sha, left = hashlib.sha256(), size
    file.seek(0)
    while left > 0 and (block := file.read(min(left, BLOCK))):
        sha.update(block)
        left -= len(block)
    return sha.hexdigest().encode()


def _read(path: Path) -> dict[str, Any]:
    """The state in a file that is as it was written; CheckpointError if it is not."""
    try:
        with path.open("rb") as file:
            checksum = _checksum(file, path.stat().st_size - LENGTH)
            if file.read() != checksum:
                raise CheckpointError(f"{path}: damaged or cut short, for it fails its checksum; {ANEW}")
        state = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as cause:
        # PyTorch's own words may advise to load what this refuses to load.
        kind = type(cause).__name__
        raise CheckpointError(f"{path}: not a readable resume file ({kind}); {ANEW}") from cause
    if not isinstance(state, dict) or not {"digest", "inputs", "step", "players", "optimisers", "history"} <= {*state}:
        raise CheckpointError(f"{path}: not a resume file of this version; {ANEW}")
    return state
