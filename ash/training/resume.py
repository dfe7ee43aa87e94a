"""The resume file: all that a run needs to go on as if it had never stopped.

Networks, optimisers, the next step, the history so far and a digest of the settings.  Random numbers are functions of
(seed, step), so no generator state is needed.  The file is replaced atomically; one of other settings is refused.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from ash.errors import CheckpointError, flat
from ash.files.atomic import atomic


def save(
    path: Path,
    digest: str,
    step: int,
    players: Mapping[str, nn.Module],
    optimisers: Mapping[str, Optimizer],
    history: Mapping[str, Any],
) -> None:
    """Write the state after `step` finished steps."""
    state = {
        "digest": digest,
        "step": step,
        "players": {name: player.state_dict() for name, player in players.items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
        "history": dict(history),
    }
    with atomic(path) as temporary:
        torch.save(state, temporary)


def restore(
    path: Path, digest: str, players: Mapping[str, nn.Module], optimisers: Mapping[str, Optimizer]
) -> tuple[int, dict[str, Any]]:
    """Load the state into players and optimisers; give the number of finished steps and the history.

    CheckpointError if the file is damaged or was written under other settings.
    """
    try:
        state = torch.load(path, weights_only=True)
        found = state["digest"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as cause:
        raise CheckpointError(f"{path}: not a readable resume file ({flat(cause)}); delete it to start anew") from cause
    if found != digest:
        raise CheckpointError(
            f"{path}: written under settings {found[:12]}, wanted {digest[:12]}; delete it to start anew, or restore "
            "the settings"
        )
    for name, player in players.items():
        player.load_state_dict(state["players"][name])
    for name, optimiser in optimisers.items():
        optimiser.load_state_dict(state["optimisers"][name])
    return int(state["step"]), state["history"]
