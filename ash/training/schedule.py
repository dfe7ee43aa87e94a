"""Optimisers and learning rates: linear warm-up from 0, then a polynomial decay that is evaluated from the step itself.

So the rate falls a little where the warm-up ends, as in CLAN's code (base 2.5e-4: 2.4995e-4 at 4999, 2.387e-4 at 5000).
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
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
    if settings.kind == "sgd":  # fused: one kernel for all tensors on a GPU, and a third of the time on a CPU
        return SGD(groups, lr=settings.lr, momentum=settings.momentum, weight_decay=decay, fused=True)
    betas = (settings.momentum, settings.beta2)
    kind = Adam if settings.kind == "adam" else AdamW
    return kind(groups, lr=settings.lr, betas=betas, weight_decay=decay, fused=True)


def set_rate(optimiser: Optimizer, share: float) -> None:
    """Set every group's learning rate to `share` of its base; on a GPU it is a tensor there, which a graph reads anew."""
    for group in optimiser.param_groups:
        rate = share * group["base_lr"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _group(parameters: Iterable[nn.Parameter], rate: float) -> dict[str, Any]:
    """Parameters that learn, and their rate: a number, or for a GPU a tensor of no dimension."""
    learning = [p for p in parameters if p.requires_grad]
    on_gpu = bool(learning) and learning[0].is_cuda
    return {
        "params": learning,
        "lr": torch.tensor(rate, device=learning[0].device) if on_gpu else rate,
        "base_lr": rate,
    }
