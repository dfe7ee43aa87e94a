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

    A network with `head_parameters()` and `backbone_parameters()` gets a learning rate for each.  The release of ASH lists
    most backbone tensors several times, and PyTorch lets a tensor step at each listing; `listing: release` does the same.
    """
    if hasattr(player, "head_parameters"):
        backbone = _backbone(player, settings.listing, settings.lr * settings.backbone_multiplier)
        groups = [*backbone, _group(player.head_parameters(), settings.lr * settings.head_multiplier)]
    else:
        groups = [_group(player.parameters(), settings.lr)]
    decay = settings.weight_decay
    kind = KINDS[settings.kind, settings.listing]  # fused: one kernel on a GPU, and a third of the time on a CPU
    if settings.kind == "sgd":
        return kind(groups, lr=settings.lr, momentum=settings.momentum, weight_decay=decay, fused=True)
    betas = (settings.momentum, settings.beta2)
    return kind(groups, lr=settings.lr, betas=betas, weight_decay=decay, fused=True)


class _Listed(Optimizer):
    """Lets each tensor step as often as its group is listed, with the same gradient; it leaves no gradient behind.

    The first steps are those of all tensors, and so on, so that each keeps one momentum over all its steps.
    """

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Step once, then again for the groups that are listed twice or more often, three times or more often, ..."""
        super().step()
        for turn in range(2, 1 + max(group.get("listed", 1) for group in self.param_groups)):
            for group in self.param_groups:
                if group.get("listed", 1) < turn:
                    for weight in group["params"]:
                        weight.grad = None  # which an optimiser passes by
            super().step()


class _ListedSGD(_Listed, SGD):
    pass


class _ListedAdam(_Listed, Adam):
    pass


class _ListedAdamW(_Listed, AdamW):
    pass


KINDS: dict[tuple[str, str], Any] = {
    ("sgd", "once"): SGD,
    ("adam", "once"): Adam,
    ("adamw", "once"): AdamW,
    ("sgd", "release"): _ListedSGD,
    ("adam", "release"): _ListedAdam,
    ("adamw", "release"): _ListedAdamW,
}


def set_rate(optimiser: Optimizer, share: float) -> None:
    """Set every group's learning rate to `share` of its base; on a GPU it is a tensor there, which a graph reads anew."""
    for group in optimiser.param_groups:
        rate = share * group["base_lr"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _backbone(player: Any, listing: str, rate: float) -> list[dict[str, Any]]:
    """The groups of a backbone: one, or one for each number of times that the release lists its tensors.

    It takes all modules of a stage, those within others too, and all parameters of each, so that a tensor comes once for
    each module that it lies in: the stem 1, convolutions of blocks 3, projections of shortcuts 4 times.
    """
    if listing == "once":
        return [_group(player.backbone_parameters(), rate)]
    depths = {id(weight): name.count(".") for name, weight in player.named_parameters()}
    listed: dict[int, list[nn.Parameter]] = {}
    for weight in player.backbone_parameters():
        listed.setdefault(depths[id(weight)], []).append(weight)
    return [_group(weights, rate) | {"listed": times} for times, weights in sorted(listed.items())]


def _group(parameters: Iterable[nn.Parameter], rate: float) -> dict[str, Any]:
    """Parameters that learn, and their rate: a number, or for a GPU a tensor of no dimension."""
    learning = [p for p in parameters if p.requires_grad]
    on_gpu = bool(learning) and learning[0].is_cuda
    return {
        "params": learning,
        "lr": torch.tensor(rate, device=learning[0].device) if on_gpu else rate,
        "base_lr": rate,
    }
