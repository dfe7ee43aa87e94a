"""A trained run of ASH at work on single images: eq. 2 to 4 with its own G and H, as its training step has them.

The one difference to a step of training is that G's BatchNorm uses its running statistics, as in every prediction.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ash import methods
from ash.contract import Batch
from ash.errors import CheckpointError, ConfigError
from ash.features.encoded import Encoded
from ash.files.images import resized
from ash.labels import VOID
from ash.machine.device import device
from ash.methods._networks import Networks
from ash.methods.ash import Ash
from ash.pixels import to_image
from ash.segmentation.discriminator import build_discriminator
from ash.style.hallucination import Hallucinator
from ash.style.stylizer import load_stylizer
from ash.weights.model import load_model
from ash.weights.players import SEGMENTER, load_players

MODEL, PLAYERS = "model.safetensors", "players.safetensors"


@dataclass(frozen=True)
class TrainedRun:
    """The method of a run, with the weights at the end of its training, on the device that computes."""

    method: Ash
    where: torch.device

    def batch(self, image: np.ndarray, painting: np.ndarray, seed: int, label: np.ndarray | None = None) -> Batch:
        """One image and one painting, uint8 (H,W,3) each, as a training step sees them; noise comes from `seed`.

        `label` (h,w) holds train ids, for an H that is told the truth; without it, all is void.
        """
        pair, convention = self.method.stylizer, self.method.settings.vgg_input
        content, style = (Encoded([pixels], pair, convention).read([0]) for pixels in (image, painting))
        known = np.full(image.shape[:2], VOID, np.uint8) if label is None else label
        return Batch(
            image=to_image(image[None]).to(self.where),
            label=torch.from_numpy(known[None]).to(self.where, torch.int64),
            mirror=torch.zeros(1, dtype=torch.bool, device=self.where),
            generator=torch.Generator(self.where).manual_seed(seed),
            content=content,
            style=style,
        )

    def heads(self, image: np.ndarray, size: tuple[int, int] | None = None) -> tuple[Tensor, ...]:
        """G's logits for an image uint8 (H,W,3), seen at `size` (width, height) where one is given."""
        seen = image if size is None else np.array(resized(image, size, Image.Resampling.BICUBIC))
        heads: tuple[Tensor, ...] = self.method.segmenter(to_image(seen[None]).to(self.where))
        return heads

    def stylised(self, batch: Batch, heads: tuple[Tensor, ...]) -> Tensor:
        """x^, (1,3,H,W), from G's logits for the image, by the training step's own functions."""
        stylised, _ = self.method.hallucinate(batch, self.method.condition(heads, batch))
        return stylised


def load_run(folder: Path, stylizer: Path, alpha: float | None = None) -> TrainedRun:
    """The run whose files lie in `folder`; `alpha` takes the place of the run's own share of the style.

    ConfigError if its method has no hallucinator, CheckpointError if the files do not belong together or `stylizer` is not
    the pair that it was trained with.
    """
    players, where = load_players(folder / PLAYERS), device()
    experiment, changed = players.experiment, {} if alpha is None else {"alpha": alpha}
    needs, h = methods.check_experiment(experiment), experiment.hallucinator
    if experiment.method != "ash" or players.stylizer is None:
        raise ConfigError(
            f"{folder}: a run of method {experiment.method}, which has no hallucinator; give a run of method ash"
        )
    pair = load_stylizer(stylizer)
    if players.stylizer != pair.digest:
        raise CheckpointError(
            f"{stylizer}: stylizer {pair.digest[:12]}, the run was trained with {players.stylizer[:12]}; give that one "
            "(--stylizer)"
        )
    networks = Networks(
        segmenter=load_model(folder / MODEL, where, players.run),
        source=experiment.source,
        discriminators=tuple(build_discriminator(experiment.discriminator) for _ in range(needs.discriminators)),
        hallucinator=Hallucinator(needs.condition, pair.channels, h.condition, h.stride),
        stylizer=pair.to(where),
    )
    chosen = experiment.model_copy(update={"settings": {**experiment.settings, **changed}})
    method = cast(Ash, methods.build(chosen, networks))
    for name, network in method.players.items():
        if name != SEGMENTER:
            players.fill(name, network)
            network.to(where).eval()
    return TrainedRun(method, where)
