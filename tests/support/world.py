"""A batch, parts and settings small enough to run every method in a test."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ash import config, methods
from ash.config import DiscriminatorSettings, SegmenterSettings
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.style.hallucination import Hallucinator
from ash.style.rain import StatisticsVae
from ash.style.stylizer import load_stylizer
from ash.style.view import enter
from ash.training.batches import Batches
from ash.training.step import backward

ROOT = Path(__file__).resolve().parents[2]
ONE_PAINTING = Needs(paintings=1)
WEIGHTS = ROOT / "ash/style/weights/miniature.safetensors"


@cache
def settings() -> config.Settings:
    """The project's own settings."""
    return config.load(ROOT / "params.yaml")


def built(experiment: str, **changes: Any) -> Method:
    """An experiment of params.yaml with settings changed, on tiny networks of fixed initial weights."""
    entry = settings().experiment(experiment)
    changed = entry.model_copy(update={"settings": entry.settings | changes})
    needs = methods.check(changed).needs
    pair = load_stylizer(WEIGHTS)
    small = SegmenterSettings(kind="small", width=8, blocks=(1, 1, 1, 1), rates=(1, 2))
    judge = DiscriminatorSettings(width=8, strides=(2, 1, 1), map_size=(16, 8))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        segmenter = build_segmenter(small, needs.heads, needs.instance_norm)
        networks = Networks(
            segmenter=segmenter,
            source=entry.source,
            initial=segmenter.frozen() if needs.initial else None,
            discriminators=tuple(build_discriminator(judge) for _ in range(needs.discriminators)),
            hallucinator=Hallucinator(needs.condition, pair.channels, (8, 16), 2) if needs.condition else None,
            stylizer=pair if needs.stylizer else None,
            rain=StatisticsVae(pair.channels).eval().requires_grad_(False) if needs.rain else None,
            anchor=pair.encode(torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(3))),
        )
        return methods.build(changed, networks)


def batch(mirror: bool = False, seed: int = 0, needs: Needs = ONE_PAINTING) -> Batch:
    """Two images of 64x32 with features of themselves and of noise paintings, and what else a method may need."""
    generator = torch.Generator().manual_seed(seed)
    image, painting = (torch.rand(n, 3, 32, 64, generator=generator) for n in (2, 2 * max(needs.paintings, 1)))
    label = torch.randint(0, 19, (2, 16, 32), generator=generator)
    pair = load_stylizer(WEIGHTS)
    encoded = image.flip(-1) if mirror and needs.encode_mirrored else image
    with torch.no_grad():
        content, style = (pair.encode(enter(pixels, needs.convention)) for pixels in (encoded, painting))
    return Batch(
        image=image.flip(-1) if mirror else image,
        label=label.flip(-1) if mirror else label,
        mirror=torch.full((2,), mirror and not needs.encode_mirrored),
        generator=torch.Generator().manual_seed(7),
        content=content if needs.stylizer else None,
        style=style if needs.paintings else None,
        target=torch.rand(2, 3, 32, 64, generator=generator) if needs.target else None,
    )


def gradients(method: Method, given: Batch, progress: float = 0.5) -> dict[str, Update]:
    """Run one step as the loop does, short of the optimisers; gradients are left in `.grad`.

    A player's terms of several updates are put together.
    """
    updates: dict[str, Update] = {}
    for update in method.updates(given, progress):
        backward(method, update)
        before = updates[update.player].terms if update.player in updates else {}
        updates[update.player] = Update(update.player, {**before, **update.terms})
    return updates


class OneBatch(Batches):
    """A feed of one and the same batch, for the loop."""

    device = torch.device("cpu")

    def __init__(self, given: Batch) -> None:
        self.given = given

    def shown(self) -> Batch:
        """The batch, for diagnostics too."""
        return self.given

    def read(self, step: int) -> int:
        """Nothing but the step."""
        return step

    def place(self, content: int) -> Batch:
        """The batch, its generator wound back."""
        return replace(self.given, generator=torch.Generator().manual_seed(7))
