"""The other networks that a run has trained, beside its segmenter: ASH's H, and discriminators.

A method that has none leaves a file without tensors, so that every run has the same files.  The notes hold all settings of
the run, from which its method can be built again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor, nn

from ash.config import Experiment
from ash.errors import CheckpointError, flat
from ash.files.foreign import misfits
from ash.files.tensors import unpack
from ash.weights.model import save_weights

SEGMENTER = "segmenter"  # whose weights are in model.safetensors
WANTED = "train the experiment again, or give the folder of another run"


@dataclass(frozen=True)
class Players:
    """What the file holds: the run's digest, its settings, its stylizer's digest, and tensors named `player.weight`."""

    path: Path
    run: str
    experiment: Experiment
    stylizer: str | None
    tensors: Mapping[str, Tensor]

    def fill(self, player: str, network: nn.Module) -> None:
        """Load one player's weights; CheckpointError if they are not those of such a network."""
        before = f"{player}."
        found = {name.removeprefix(before): value for name, value in self.tensors.items() if name.startswith(before)}
        if faults := misfits(found, network.state_dict()):
            told = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
            raise CheckpointError(f"{self.path}: weights of the {player} do not fit its network ({told}); {WANTED}")
        network.load_state_dict(found)


def save_players(
    path: Path, players: Mapping[str, nn.Module], experiment: Experiment, run: str, stylizer: str | None
) -> None:
    """Write every player but the segmenter, atomically; equal weights give equal bytes.

    `stylizer` is the digest of the pair that the run was trained with, None where its method has none.
    """
    others = {name: network for name, network in players.items() if name != SEGMENTER}
    tensors = {f"{name}.{key}": value for name, net in others.items() for key, value in net.state_dict().items()}
    save_weights(path, tensors, {"run": run, "experiment": experiment.model_dump(mode="json"), "stylizer": stylizer})


def load_players(path: Path) -> Players:
    """Read the file; StoreError if it is missing or damaged, CheckpointError if it is another kind of file."""
    notes, tensors = unpack(path, "the players of a run", WANTED)
    try:
        experiment = Experiment.model_validate(notes["experiment"])
        return Players(path, str(notes["run"]), experiment, notes["stylizer"], tensors)
    except (KeyError, ValidationError) as cause:
        raise CheckpointError(f"{path}: not the players of a run ({flat(cause)}); {WANTED}") from cause
