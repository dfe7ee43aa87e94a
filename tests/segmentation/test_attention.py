"""Position attention in blocks, beside the formula written out."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ash.segmentation.attention import Attention, PositionAttention

CELLS, BATCH = 37, 2


def _plain(query, key, value):
    """softmax(Q K^T) V as it is written."""
    return torch.softmax(query @ key.mT, 2) @ value


def _inputs(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = ((BATCH, CELLS, 3), (BATCH, CELLS, 3), (BATCH, CELLS, 24))
    return [torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("block", [1, 8, CELLS, 100])
def test_blocks_give_the_formula(block):
    """Values and all three gradients, whatever the block; 37 cells are no multiple of 8."""
    ours, theirs = _inputs(), _inputs()
    out, wanted = Attention.apply(*ours, block), _plain(*theirs)
    torch.testing.assert_close(out, wanted, rtol=1e-5, atol=1e-6)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    out.backward(upstream)
    wanted.backward(upstream)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_large_scores_do_not_overflow():
    """exp(200) is infinite in fp32; the softmax of such scores is not."""
    query, key, value = _inputs()
    out = Attention.apply(60 * query, 60 * key, value, 8)
    torch.testing.assert_close(out, _plain(60 * query, 60 * key, value), rtol=1e-3, atol=1e-3)


def test_half_precision_stays_within_its_rounding():
    """bf16 inputs, compared with the formula in fp32 on the same numbers."""
    ours = _inputs(torch.bfloat16)
    exact = [tensor.detach().float().requires_grad_() for tensor in ours]
    out, wanted = Attention.apply(*ours, 8), _plain(*exact)
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out.float(), wanted, rtol=0.02, atol=0.02)
    out.sum().backward()
    wanted.sum().backward()
    for mine, other in zip(ours, exact, strict=True):
        torch.testing.assert_close(mine.grad.float(), other.grad, rtol=0.05, atol=0.1)


class Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that any operator gives."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return out


def test_no_matrix_of_all_cells_by_all_cells_is_made(monkeypatch):
    """16 cells a block of 400: no tensor of a whole step comes near 400 x 400 elements."""
    monkeypatch.setattr("ash.segmentation.attention.BLOCK", 16)
    module, features = PositionAttention(16), torch.randn(1, 16, 20, 20)
    with Largest() as seen:
        module(features).sum().backward()
    assert seen.elements == 16 * 400


def test_a_new_module_adds_nothing():
    """The share starts at 0, so the features pass unchanged."""
    features = torch.randn(1, 16, 5, 7)
    assert torch.equal(PositionAttention(16)(features), features)
