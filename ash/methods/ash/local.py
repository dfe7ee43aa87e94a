"""Local ASH, which is ours: gamma and beta act on each cell of the content, after the normalisation.

It is what the ASH paper describes, and what its eq. 1-4 cannot do (`ash.style.hallucination.modulate_locally`).
"""

from typing import Protocol

from torch import Tensor

from ash.style import hallucination
from ash.style.hallucination import Hallucinator


class LocalSettings(Protocol):
    """The settings of ASH that it reads."""

    bound: float | None
    delta: float


def mix_locally(
    h: Hallucinator, settings: LocalSettings, content: Tensor, style: Tensor, condition: Tensor
) -> tuple[Tensor, Tensor]:
    """t, the content's features with a share of the painting's style for each cell, and that style unchanged, (B,C,.,.)."""
    gamma, beta = hallucination.maps(h, condition, content, settings.bound)
    return hallucination.modulate_locally(content, style, gamma, beta, settings.delta), style
