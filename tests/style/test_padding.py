"""Padding and doubling beside PyTorch's own operators: values and, on a CPU, gradients to the bit."""

import pytest
import torch
from torch.nn import functional

from ash.errors import ShapeError
from ash.style.padding import DoubledPad, ReflectionPad

SIZES = [(2, 2), (3, 3), (3, 7), (2, 9), (5, 4), (24, 48)]  # of 2 and 3 both borders show the same pixels


def theirs_padded(image):
    """As nn.ReflectionPad2d."""
    return functional.pad(image, (1, 1, 1, 1), mode="reflect")


def theirs_doubled(image):
    """As nn.Upsample and nn.ReflectionPad2d."""
    return theirs_padded(functional.interpolate(image, scale_factor=2, mode="nearest"))


def given(size, kind, layout, seed=0):
    """A random image (2,5,*size)."""
    values = torch.randn((2, 5, *size), generator=torch.Generator().manual_seed(seed)).to(kind)
    return values.contiguous(memory_format=layout).requires_grad_()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["first", "last"])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64], ids=["fp32", "bf16", "fp64"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("ours", "theirs"), [(ReflectionPad(), theirs_padded), (DoubledPad(), theirs_doubled)], ids=["padded", "doubled"]
)
def test_equals_pytorch(ours, theirs, size, kind, layout):
    """Also the memory layout, which the convolution behind it goes by."""
    mine, other = given(size, kind, layout), given(size, kind, layout)
    found, wanted = ours(mine), theirs(other)
    assert torch.equal(found, wanted)
    assert found.stride() == wanted.stride()
    upstream = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).to(kind)
    upstream = upstream.contiguous(memory_format=layout)
    found.backward(upstream)
    wanted.backward(upstream)
    assert torch.equal(mine.grad, other.grad)


def test_by_hand():
    """A row of three pixels and a row below it: the border shows the pixel beside the edge, not the edge."""
    image = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).view(1, 1, 2, 3)
    assert ReflectionPad()(image)[0, 0].tolist() == [
        [5, 4, 5, 6, 5],
        [2, 1, 2, 3, 2],
        [5, 4, 5, 6, 5],
        [2, 1, 2, 3, 2],
    ]
    doubled = DoubledPad()(image)[0, 0]
    assert doubled[1].tolist() == [1, 1, 1, 2, 2, 3, 3, 3]
    assert torch.equal(doubled[0], doubled[2])


def test_autocast_leaves_the_precision():
    """PyTorch's own padding widens bf16 there."""
    with torch.autocast("cpu", torch.bfloat16):
        for module in (ReflectionPad(), DoubledPad()):
            assert module(torch.rand(1, 2, 4, 4).bfloat16()).dtype is torch.bfloat16


@pytest.mark.parametrize("size", [(1, 5), (5, 1)])
def test_one_pixel_has_nothing_to_mirror(size):
    """One line that says so; doubled it has."""
    with pytest.raises(ShapeError, match=f"{size[1]}x{size[0]}, wanted 2x2"):
        ReflectionPad()(torch.zeros(1, 1, *size))
    assert DoubledPad()(torch.ones(1, 1, *size)).sum() == (2 * size[0] + 2) * (2 * size[1] + 2)


def test_gradients_are_those_of_differences():
    """In double precision, where both borders show one row."""
    image = torch.randn(1, 2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    for module in (ReflectionPad(), DoubledPad()):
        assert torch.autograd.gradcheck(module, (image,))
