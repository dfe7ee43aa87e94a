"""Mixtures of K styles: Dir(a), their weights from the symmetric Dirichlet distribution."""

import torch
from torch import Tensor


def dirichlet(concentration: float, count: int, styles: int, generator: torch.Generator, where: torch.device) -> Tensor:
    """`count` draws from the symmetric Dirichlet distribution, (count,styles) float32; its first of two is Beta's.

    In double precision, for of a gamma of shape 1/64 every fourth draw is 0 in single precision.
    """
    shape = torch.full((count, styles), concentration, dtype=torch.float64, device=where)
    gamma = torch._standard_gamma(shape, generator)
    return (gamma / gamma.sum(1, keepdim=True)).float()
