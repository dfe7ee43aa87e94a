"""Position attention, computed in blocks of cells so that no matrix of all cells by all cells is kept."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.machine.deterministic import without_autocast

BLOCK = 1024  # cells whose scores are held at once; at 14,651 cells that is 60 MB an image in fp32
BLOCK_ON_GPU = 4096  # where sums over blocks cost as much as the products
EVEN = 8  # cells: a product over rows of 14,651 numbers takes three times as long on a GPU as one over 14,656


class PositionAttention(nn.Module):
    """Every cell adds a mixture of all cells to itself; the share of the mixture is learnt and starts at 0.

    Fu et al., Dual Attention Network for Scene Segmentation, CVPR 2019, as ASM puts it before its head.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key = (nn.Conv2d(channels, channels // 8, 1) for _ in range(2))
        self.value = nn.Conv2d(channels, channels, 1)
        self.share = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,C,h,w)."""
        q, k, v = (conv(features).flatten(2).transpose(1, 2) for conv in (self.query, self.key, self.value))
        mixed: Tensor = Attention.apply(q, k, v, BLOCK_ON_GPU if v.is_cuda else BLOCK)  # type: ignore[no-untyped-call]
        return features + self.share * mixed.transpose(1, 2).view_as(features)


class Attention(torch.autograd.Function):
    """softmax(Q K^T) V, exact, for Q and K (B,N,D) and V (B,N,C), with the softmax of a block of rows at a time.

    Keeps the logarithm of each row's sum of exponentials and computes the softmax from it again on the way back, as
    Dao et al., FlashAttention, NeurIPS 2022, appendix B.4.  torch's own kernels of that kind want D = C, and here C = 8 D.
    Scores are in fp32 whatever the precision of Q and K.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, block: int) -> Tensor:
        """(B,N,C), in V's precision."""
        mixed, total = torch.empty_like(value), query.new_empty(query.shape[:2], dtype=torch.float32)
        key, value = _even(key), _even(value)
        for rows in _blocks(query, block):
            scores = _scores(query[:, rows], key, query.shape[1])
            total[:, rows] = scores.logsumexp(2)
            mixed[:, rows] = _softmax(scores, total[:, rows]).to(value.dtype) @ value
        ctx.save_for_backward(query, key, value, mixed, total)
        ctx.block = block
        return mixed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of Q, K and V; those of K and V are summed over the blocks in fp32."""
        query, key, value, mixed, total = ctx.saved_tensors
        (gradient,) = gradients
        cells, of_query = query.shape[1], torch.empty_like(query)
        of_key, of_value = (torch.zeros_like(kept, dtype=total.dtype) for kept in (key, value))
        turned = value.mT.contiguous()  # once: a CPU's library copies it for every product
        for rows in _blocks(query, ctx.block):
            above = gradient[:, rows]
            softmax = _softmax(_scores(query[:, rows], key, cells), total[:, rows])
            of_value += softmax.to(value.dtype).mT @ above
            inner = (above.float() * mixed[:, rows].float()).sum(2, keepdim=True)
            of_scores = softmax.mul_((above @ turned).float().sub_(inner)).to(query.dtype)
            of_query[:, rows] = of_scores @ key
            of_key += of_scores.mT @ query[:, rows]
        return of_query, of_key[:, :cells].to(key.dtype), of_value[:, :cells].to(value.dtype), None


def _blocks(cells: Tensor, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, cells.shape[1], size)]


def _even(cells: Tensor) -> Tensor:
    """(B,N,C) with as many cells of zeros at the end as a multiple of `EVEN` wants."""
    return functional.pad(cells, (0, 0, 0, -cells.shape[1] % EVEN))


def _scores(query: Tensor, key: Tensor, cells: int) -> Tensor:
    """(B,n,N) in fp32, -inf from the N-th of `cells` on: an eighth of V's channels, so this costs little beside V's product."""
    with without_autocast(query):
        if query.is_cuda and query.dtype is torch.bfloat16:  # the sums are fp32's there too
            scores = torch.bmm(query, key.mT, out_dtype=torch.float32)
        else:
            scores = query.float() @ key.float().mT
    scores[:, :, cells:] = -torch.inf
    return scores


def _softmax(scores: Tensor, total: Tensor) -> Tensor:
    """In the place of the scores."""
    return scores.sub_(total[:, :, None]).exp_()
