"""Optimisers and learning rates: linear warm-up from 0, then a polynomial decay that is evaluated from the step itself.

So the rate falls a little where the warm-up ends, as in CLAN's code (base 2.5e-4: 2.4995e-4 at 4999, 2.387e-4 at 5000).
"""

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from ash.config import OptimiserSettings, TrainingSettings


def factor(step: int, training: TrainingSettings) -> float:
    """The share of the base learning rate at `step`; 0 at step 0 if there is a warm-up."""
    if training.decay is not None:
        return 1 / (1 + training.decay * step)
    warmup = training.warmup * training.iterations
    if step < warmup:
        return step / warmup
    return float((1 - step / training.iterations) ** training.power)


def build_optimiser(player: Any, settings: OptimiserSettings) -> Optimizer:
    """The optimiser of one player, holding every trainable tensor exactly once.

    A network with `head_parameters()` and `backbone_parameters()` gets a learning rate for each.  The release of ASH
    lists most backbone tensors three times, which triples their rate; `backbone_multiplier: 3` stands for that.
    """
    if hasattr(player, "head_parameters"):
        groups = [
            _group(player.backbone_parameters(), settings.lr * settings.backbone_multiplier),
            _group(player.head_parameters(), settings.lr * settings.head_multiplier),
        ]
    else:
        groups = [_group(player.parameters(), settings.lr)]
    decay = settings.weight_decay
    if settings.kind == "sgd":
        return SGD(groups, lr=settings.lr, momentum=settings.momentum, weight_decay=decay)
    betas = (settings.momentum, settings.beta2)
    kind = Adam if settings.kind == "adam" else AdamW
    return kind(groups, lr=settings.lr, betas=betas, weight_decay=decay)


def set_rate(optimiser: Optimizer, share: float) -> None:
    """Set every group's learning rate to `share` of its base."""
    for group in optimiser.param_groups:
        group["lr"] = share * group["base_lr"]


def _group(parameters: Iterable[nn.Parameter], rate: float) -> dict[str, object]:
    return {"params": [p for p in parameters if p.requires_grad], "lr": rate, "base_lr": rate}
