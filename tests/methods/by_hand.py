"""The adversarial game of CLAN and ASH in plain NumPy, from what G and D answered during a step."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tests.support.world import batch, gradients

SIZE = (8, 16)  # height and width of the discriminator's maps in tests.support.world
LAMBDA_ADV, LAMBDA_WEIGHT, LAMBDA_LOCAL, EPSILON, PREHEAT = 0.3, 0.2, 10.0, 0.4, 0.05
NUMBERS = {
    "lambda_adv": LAMBDA_ADV,
    "lambda_weight": LAMBDA_WEIGHT,
    "lambda_local": {"gta5": LAMBDA_LOCAL},
    "epsilon": EPSILON,
    "preheat": PREHEAT,
    "damping": True,
}
"""Settings that no experiment has, so that no term can be right by the value of a default."""


def played(method: Any, progress: float) -> tuple[dict[str, dict[str, float]], list[Any], list[Any]]:
    """One step: the value of each player's terms, and the logits of each call of G (two heads) and of D."""
    heads: list[Any] = []
    answers: list[Any] = []
    method.segmenter.register_forward_hook(lambda _, __, out: heads.append([large(head) for head in out]))
    method.discriminator.register_forward_hook(lambda _, __, out: answers.append(large(out)[:, 0]))
    updates = gradients(method, batch(needs=method.settings.needs), progress)
    return {player: {k: v.item() for k, v in u.terms.items()} for player, u in updates.items()}, heads, answers


def large(logits: torch.Tensor) -> np.ndarray:
    """Logits (B,C,h,w) at the discriminator's size."""
    return functional.interpolate(logits.detach().double(), SIZE, mode="bilinear", align_corners=True).numpy()


def local_weight(heads: list[np.ndarray]) -> np.ndarray:
    """epsilon + lambda_local (1 - cosine of the two heads' probabilities), for each pixel."""
    p, q = (np.exp(head) / np.exp(head).sum(1, keepdims=True) for head in heads)
    cosine = (p * q).sum(1) / np.sqrt((p**2).sum(1) * (q**2).sum(1))
    return EPSILON + LAMBDA_LOCAL * (1 - cosine)


def likeness(segmenter: torch.nn.Module) -> float:
    """Cosine of all numbers of the two heads, plus 1."""
    state = segmenter.state_dict()
    first, second = (
        torch.cat([value.flatten().double() for name, value in state.items() if name.startswith(head)])
        for head in ("layer5.", "layer6.")
    )
    return (first @ second / (first.norm() * second.norm())).item() + 1


def cross_entropy(logits: np.ndarray, stylised: bool, weight: np.ndarray | float = 1.0) -> float:
    """Mean of weight times -ln p of the named domain, where p = 1 / (1 + exp(-logits)) is that of "stylised"."""
    p = 1 / (1 + np.exp(-logits))
    return float((weight * -np.log(p if stylised else 1 - p)).mean())


def expected(method: Any, progress: float, heads: list[Any], answers: list[Any]) -> dict[str, dict[str, float]]:
    """The terms of the game: G fools D, G's heads are kept apart twice over, and D tells the two domains apart.

    M is that of G's second look, at the stylised image, and counts from the step on at which the pre-heat is over.
    """
    weight = local_weight(heads[1]) if progress >= PREHEAT else 1.0
    damping = 1 - progress
    return {
        "segmenter": {
            "adversarial": LAMBDA_ADV * damping * cross_entropy(answers[0], False, weight),
            "weight": 2 * LAMBDA_WEIGHT * damping * likeness(method.segmenter),
        },
        "discriminator": {
            "source": cross_entropy(answers[1], False),
            "stylised": cross_entropy(answers[2], True, weight),
        },
    }
