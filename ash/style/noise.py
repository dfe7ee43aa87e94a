"""Orthogonal noise on style features: what the release does, what the paper says, and what keeps a style exactly.

The ASH paper multiplies the style features by an orthogonal matrix that "preserves the inner products"; its code
multiplies them elementwise by 1 + V, V being orthonormal vectors rearranged into a map.  The two have little in common,
so each is a form of its own here:

| form               | f becomes                                    | preserves                        | moves the style      |
| elementwise_svd    | f * (1 + V)                                  | nothing exactly                  | by less than 5 %     |
| channel_small      | Q f, Q a small rotation of the channels      | inner products between positions | by about half        |
| channel_qr         | Q f, Q any orthogonal matrix on the channels | inner products between positions | by about 100 %       |
| gram               | E D^1/2 Z D^-1/2 E^T (f - mu) + mu           | mean and covariance              | not at all           |

The last column is what AdaIN sees of it, means and deviations (docs/why/fidelity.md has the figures).

gram is the perturbation of Wang et al., Diversified Arbitrary Style Transfer via Deep Feature Perturbation, CVPR 2020,
written as one linear map of the centred features f - mu with covariance E D E^T.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from ash.machine.deterministic import orthonormal

NoiseForm = Literal["none", "elementwise_svd", "channel_small", "channel_qr", "gram"]

SMALL_STRENGTH = 0.05  # of channel_small: 128 channels keep their hue on average, as tried on the miniature
SMALLEST_EIGENVALUE = 1e-5  # of a covariance; directions below are dropped, as Deep Feature Perturbation does


def perturb(features: Tensor, form: NoiseForm, generator: torch.Generator) -> Tensor:
    """Perturb style features (B, C, H, W) by one of the forms; float32, same shape.  "none" returns them as they are."""
    if form == "none":
        return features
    return _FORMS[form](features.float(), generator)


def elementwise_svd(features: Tensor, generator: torch.Generator) -> Tensor:
    """The release's noise: f * (1 + V), with V drawn for each sample and channel.

    V holds the right singular vectors of a Gaussian (H, W) matrix; its entries have std 1/sqrt(max(H, W)).  They are
    drawn by QR, whose orthonormal factor has the same law and costs a fraction.  Nothing is preserved exactly.
    """
    batch, channels, height, width = features.shape
    gaussian = _gaussian((batch * channels, max(height, width), min(height, width)), features, generator)
    # The release reshapes V (W, H) to (H, W), which scrambles the vectors; a transpose would keep rows orthonormal.
    # Elementwise products do not notice, so the release's order is kept.
    vectors = orthonormal(gaussian).reshape(features.shape)
    return torch.addcmul(features, features, vectors)


def channel_rotation(features: Tensor, generator: torch.Generator, strength: float = SMALL_STRENGTH) -> Tensor:
    """A small rotation of the channels: Q f, Q the orthonormal factor of I + strength * Gaussian, one for each sample.

    Preserves the inner products between positions (f^T f); strength 0 gives f itself.  Needs channels of like spread:
    a strong channel that leaks into weak ones shows as a lattice of dots.
    """
    batch, channels = features.shape[:2]
    gaussian = _gaussian((batch, channels, channels), features, generator)
    identity = torch.eye(channels, device=features.device)
    return _mix(orthonormal(identity + strength * gaussian), features)


def channel_qr(features: Tensor, generator: torch.Generator) -> Tensor:
    """The paper's words taken literally: Q f with Q uniform among the orthogonal matrices on channels, one for each sample.

    Preserves the inner products between positions (f^T f); destroys the statistics of the channels, so AdaIN receives
    what is no longer the style.
    """
    batch, channels = features.shape[:2]
    return _mix(orthonormal(_gaussian((batch, channels, channels), features, generator)), features)


def gram(features: Tensor, generator: torch.Generator) -> Tensor:
    """Deep Feature Perturbation on centred features: E D^1/2 Z D^-1/2 E^T (f - mu) + mu, Z orthogonal.

    Preserves mean and covariance over positions, hence the style; AdaIN alone cannot see it.
    """
    return torch.stack([_gram_of_one(sample, generator) for sample in features])


def _gram_of_one(features: Tensor, generator: torch.Generator) -> Tensor:
    """`gram` of one sample (C, H, W); its own function because samples keep different numbers of directions."""
    flat = features.flatten(1)
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    values, vectors = torch.linalg.eigh(centred @ centred.T / (flat.shape[1] - 1))
    kept = values > SMALLEST_EIGENVALUE
    roots, basis = values[kept].sqrt(), vectors[:, kept]
    rotation = orthonormal(_gaussian((len(roots), len(roots)), features, generator))
    whitened = basis.T @ centred / roots[:, None]
    moved: Tensor = basis @ (roots[:, None] * (rotation @ whitened)) + mean
    return moved.view_as(features)


def _gaussian(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal float32 numbers drawn where the generator lives, moved to the device of `like`."""
    return torch.randn(shape, generator=generator, device=generator.device).to(like.device)


def _mix(matrices: Tensor, features: Tensor) -> Tensor:
    """Apply matrices (B, C, C) to the channels of features (B, C, H, W)."""
    return (matrices @ features.flatten(2)).view_as(features)


_FORMS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "elementwise_svd": elementwise_svd,
    "channel_small": channel_rotation,
    "channel_qr": channel_qr,
    "gram": gram,
}
