"""Losses of CLAN and ASH on logits, probability maps and discriminator outputs.

Luo et al., Taking A Closer Look at Domain Shift: Category-level Adversaries for Semantics Consistent Domain Adaptation,
CVPR 2019 (CLAN).  All are computed in float32, whatever the networks ran in.

    L_seg     cross-entropy, or focal with gamma 2 as the code of CLAN, ASM and ASH has it         -> segmentation
    M         1 - <p1, p2> / (|p1| |p2|), CLAN eq. 6                                               -> discrepancy
    A(l,t;M)  mean BCE(l, t), or mean [(epsilon + lambda_local M) BCE(l, t)], CLAN eq. 5           -> adversarial
    L_weight  <W1, W2> / (|W1| |W2|) + 1, CLAN eq. 3                                               -> weight_discrepancy
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ash.contract import Update
from ash.errors import ConfigError
from ash.labels import N_CLASSES, VOID
from ash.machine.deterministic import bilinear, chosen
from ash.segmentation.deeplab import DeepLab

SegmentationLoss = Annotated[
    Literal["cross_entropy", "focal", "focal_clamped"],
    Field(description="L_seg; the code of CLAN, ASM and ASH has the focal form, of probabilities clamped to 1e-9"),
]
Judge = Callable[[Tensor], Tensor]  # a discriminator: maps (B,C,h,w) to domain logits (B,1,.,.)
FOCAL_GAMMA = 2
CLAMP = 1e-9  # of probabilities and their complements: the loss of a head stops at 20.7 there, its gradient at 0
SOURCE, STYLISED = 0.0, 1.0  # the discriminator's labels, as in the release


def resize(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (B,C,h,w) to (height, width) with aligned corners, in float32."""
    return bilinear(values.float(), size)


def summed(heads: Sequence[Tensor]) -> Tensor:
    """The sum of the heads' logits, (B,K,h,w) float32, which a pair's prediction is taken from."""
    return torch.stack([head.float() for head in heads]).sum(0)


def one_hot(label: Tensor) -> Tensor:
    """Labels (B,h,w) int64 as (B,20,h,w) float32 of zeros and ones; void is the last."""
    void_last = torch.where(label == VOID, N_CLASSES, label)
    return functional.one_hot(void_last, N_CLASSES + 1).permute(0, 3, 1, 2).float()


def nearest(label: Tensor, size: tuple[int, int]) -> Tensor:
    """Labels (B,H,W) int64 at (height, width), each cell that of one pixel."""
    return functional.interpolate(label[:, None].float(), size, mode="nearest")[:, 0].long()


def segmentation(heads: Sequence[Tensor], label: Tensor, kind: SegmentationLoss) -> Tensor:
    """Sum over heads of the mean loss of the valid pixels.

    `heads` are logits (B,K,h,w), upsampled to the size of `label` (B,H,W) int64; pixels of label 255 count nowhere.
    An all-void label gives 0.
    """
    valid = label != VOID
    index = torch.where(valid, label, 0)
    pixels = valid.sum().clamp_min(1)
    total = torch.zeros((), device=label.device)
    for logits in heads:
        log_p = chosen(functional.log_softmax(resize(logits, (label.shape[1], label.shape[2])), 1), index)
        if kind == "focal_clamped":
            log_p = log_p.exp().clamp(CLAMP, 1 - CLAMP).log()
        loss = -log_p if kind == "cross_entropy" else -((1 - log_p.exp()) ** FOCAL_GAMMA) * log_p
        total = total + torch.where(valid, loss, 0.0).sum() / pixels
    return total


def discrepancy(first: Tensor, second: Tensor) -> Tensor:
    """CLAN's M: one minus the cosine of the two heads' probabilities, (B,K,h,w) twice -> (B,1,h,w) in [0, 1].

    Sums of products, because torch's cosine_similarity takes five times as long on maps of 1280x720; no vector of
    probabilities is shorter than 1/sqrt(K), so nothing has to guard the division.
    """
    p, q = first.float(), second.float()
    squares = (p * p).sum(1, keepdim=True) * (q * q).sum(1, keepdim=True)
    return 1 - (p * q).sum(1, keepdim=True) * squares.rsqrt()


def adversarial(domain_logits: Tensor, domain: float, local_weight: Tensor | None, size: tuple[int, int]) -> Tensor:
    """A(l, t; M): mean binary cross-entropy of the discriminator's logits (B,1,h,w) at `size` against one domain.

    `local_weight` is epsilon + lambda_local M, (B,1,*size); None is the unweighted form of the pre-heat.
    """
    logits = resize(domain_logits, size)
    loss = functional.softplus(-logits if domain == STYLISED else logits)  # BCE with logits for a constant target
    return loss.mean() if local_weight is None else (local_weight * loss).mean()


def weight_discrepancy(first: Iterable[nn.Parameter], second: Iterable[nn.Parameter]) -> Tensor:
    """Cosine of all weights and biases of two heads, plus 1: in [0, 2], 0 where the heads point apart."""
    flat = [torch.cat([p.float().flatten() for p in head]) for head in (first, second)]
    return functional.cosine_similarity(flat[0], flat[1], dim=0) + 1


def damping(progress: float, wanted: bool = True) -> float:
    """d = 1 - i/N, by which CLAN's and ASH's adversarial and likeness terms fade out over training; 1 if not wanted."""
    return 1 - progress if wanted else 1.0


def likeness(segmenter: DeepLab, lambda_weight: float, damping: float) -> Tensor:
    """The weighted term of the heads' likeness in G's loss, 2 lambda_weight d L_weight; the release counts it twice."""
    return 2 * lambda_weight * damping * weight_discrepancy(*segmenter.heads())


def probability_map(heads: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """What the discriminator sees: softmax of the summed logits at (height, width), (B,K,height,width)."""
    return resize(summed(heads), size).softmax(1)


def local_weight(
    heads: Sequence[Tensor], size: tuple[int, int], epsilon: float, lambda_local: float, *, through: bool
) -> Tensor:
    """CLAN's weight of each pixel, epsilon + lambda_local M, (B,1,height,width); M of the two heads' own softmaxes.

    `through` lets gradients pass M, as the releases of CLAN and ASH do for G and H, so that G may also lower the loss by
    making its heads agree.
    """
    first, second = (resize(head if through else head.detach(), size).softmax(1) for head in heads)
    return epsilon + lambda_local * discrepancy(first, second)


def discriminator_update(
    discriminator: nn.Module,
    source_heads: Sequence[Tensor],
    source_size: tuple[int, int],
    other_map: Tensor,
    weight: Tensor | None,
) -> Update:
    """D's update: source maps against 0, the other maps against 1; everything that comes from G is a constant.

    `other_map` (B,K,h,w) and `weight` are those of G's own update; no factor 1/2, and the source term has no weight,
    as in the release.
    """
    other_size = (other_map.shape[2], other_map.shape[3])
    source_logits = discriminator(probability_map([head.detach() for head in source_heads], source_size))
    other_logits = discriminator(other_map.detach())
    return Update(
        "discriminator",
        {
            "source": adversarial(source_logits, SOURCE, None, source_size),
            "stylised": adversarial(other_logits, STYLISED, None if weight is None else weight.detach(), other_size),
        },
    )


def of_source(values: Mapping[str, float], source: str) -> float:
    """The value of a constant that depends on the source; ConfigError if it is not stated for this one."""
    if source not in values:
        raise ConfigError(f"lambda_local: has no value for source {source!r}, has {', '.join(values)}; state one")
    return values[source]
