"""Styles of feature maps as channel means and deviations: mixing them, and giving a map another style.

Dir(a)    weights of a mixture of K styles, from the symmetric Dirichlet distribution       -> dirichlet
F'        sigma' (F - mu(F)) / sigma(F) + mu', AdaIN with any statistics                     -> restyled
"""

import torch
from torch import Tensor


def dirichlet(concentration: float, count: int, styles: int, generator: torch.Generator, where: torch.device) -> Tensor:
    """`count` draws from the symmetric Dirichlet distribution, (count,styles) float32; its first of two is Beta's.

    In double precision, for of a gamma of shape 1/64 every fourth draw is 0 in single precision.
    """
    shape = torch.full((count, styles), concentration, dtype=torch.float64, device=where)
    gamma = torch._standard_gamma(shape, generator)
    return (gamma / gamma.sum(1, keepdim=True)).float()


def restyled(features: Tensor, own: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]) -> Tensor:
    """Features (B,C,h,w) with `new` means and deviations in the place of their `own`, each (B,C,1,1); float32."""
    scale = new[1] / own[1]
    return torch.addcmul(new[0] - own[0] * scale, features.float(), scale)
