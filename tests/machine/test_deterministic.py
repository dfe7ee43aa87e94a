"""Operators for CUDA equal PyTorch's own up to rounding, and no method uses one whose gradient has no fixed order there."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from ash.machine import deterministic
from tests.support.whole import files_of, settle_whole, train_here
from tests.support.world import batch, built, gradients, settings

# Gradients and losses that torch.use_deterministic_algorithms refuses on CUDA, of those that a network here might use.
UNORDERED = (
    "reflection_pad2d_backward",
    "replication_pad2d_backward",
    "upsample_bilinear2d_backward",
    "upsample_bicubic2d_backward",
    "_adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d_backward",
    "nll_loss2d_forward",
    "grid_sampler_2d_backward",
    "histc",
    "scatter_add",  # the gradient of `gather`: in order, but slow
    "cumsum",
)


class Record(TorchDispatchMode):
    """Names of all operators that run, those of backward passes among them."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.name().removeprefix("aten::").split(".")[0])
        return func(*args, **(kwargs or {}))


@pytest.fixture
def as_on_cuda(monkeypatch):
    """The forms for CUDA, on this CPU."""
    monkeypatch.setattr(deterministic, "unordered", lambda values: True)


def both(monkeypatch, function, shape):
    """A function's value and gradient in PyTorch's form and in ours, in double precision."""
    results = []
    for wanted in (False, True):
        monkeypatch.setattr(deterministic, "unordered", lambda values, w=wanted: w)
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        y = function(x)
        weight = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        (y * weight).sum().backward()
        results.append((y.detach(), x.grad))
    return results


@pytest.mark.parametrize(
    ("before", "after"), [((9, 16), (72, 128)), ((22, 40), (9, 5)), ((3, 3), (1, 1)), ((1, 4), (6, 7))]
)
def test_bilinear(before, after):
    """Up, down, to one cell and from one row, values and gradients as PyTorch has them."""
    results = []
    for resize in (
        lambda x: functional.interpolate(x, after, mode="bilinear", align_corners=True),
        lambda x: deterministic.bilinear(x, after),
    ):
        x = torch.randn(2, 3, *before, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        y = resize(x)
        (y * torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))).sum().backward()
        results.append((y.detach(), x.grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("grid", [1, 2, 4])
def test_average_pool(monkeypatch, grid):
    """Fields overlap where the size is no multiple."""
    (native, native_grad), (ours, ours_grad) = both(
        monkeypatch, lambda x: deterministic.average_pool(x, grid), (2, 3, 9, 14)
    )
    torch.testing.assert_close(native, ours)
    torch.testing.assert_close(native_grad, ours_grad)


def test_chosen(monkeypatch):
    """Values and gradients to the bit."""
    index = torch.randint(0, 4, (2, 5, 6), generator=torch.Generator().manual_seed(0))
    native, ours = both(monkeypatch, lambda x: deterministic.chosen(x, index), (2, 4, 5, 6))
    assert torch.equal(native[0], ours[0]) and torch.equal(native[1], ours[1])


@pytest.mark.parametrize("shape", [(6, 64, 64), (3, 40, 9), (1, 200, 200)])
def test_orthonormal(shape):
    """The columns are those of QR with a positive diagonal, and more exact than LAPACK's in single precision."""
    gaussian = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    columns = deterministic.orthonormal(gaussian)
    torch.testing.assert_close(columns.mT @ columns, torch.eye(shape[2]).expand(shape[0], -1, -1), atol=1e-5, rtol=0)

    def factor(matrices):
        found = torch.linalg.qr(matrices)
        return found.Q * found.R.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)

    exact = factor(gaussian.double())
    single, ours = (float((found - exact).norm() / exact.norm()) for found in (factor(gaussian), columns))
    assert ours < 1e-6 < single * 100


@pytest.mark.parametrize("name", list(settings().params.experiments))
def test_no_step_uses_an_operator_without_order(as_on_cuda, name):
    """All updates of every experiment, forwards and backwards."""
    method = built(name)
    given = batch(needs=method.settings.needs)
    with Record() as record:
        gradients(method, given)
    assert "convolution_backward" in record.names
    assert record.names.isdisjoint(UNORDERED)


def test_the_test_sees_such_operators():
    """On the CPU's own forms it would fail."""
    method = built("ash")
    given = batch(needs=method.settings.needs)
    with Record() as record:
        gradients(method, given)
    assert "scatter_add" in record.names


def test_twenty_steps_in_deterministic_mode_repeat(as_on_cuda):
    """`torch.use_deterministic_algorithms(True)` and the forms for CUDA: the same weights twice, to the bit."""

    def weights():
        method = built("ash")
        optimiser = torch.optim.SGD([p for player in method.players.values() for p in player.parameters()], 1e-3)
        for step in range(20):
            gradients(method, batch(seed=step))
            optimiser.step()
            optimiser.zero_grad()
        return torch.cat([p.detach().flatten() for p in method.players["segmenter"].parameters()])

    before = torch.are_deterministic_algorithms_enabled()
    try:
        deterministic.switch_on()
        assert torch.equal(weights(), weights())
    finally:
        torch.use_deterministic_algorithms(before)


@pytest.mark.workflow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["ash", "ash_release", "clan", "asm", "advent", "domain_randomisation"])
def test_twenty_steps_on_a_gpu_repeat(built, tmp_path, name):
    """Whole trainings on CUDA, where an operator without a fixed order raises: the same bytes twice."""
    settings = settle_whole(tmp_path, 20)
    files = files_of(built / "data", settings, name)
    assert train_here(settings, name, files, tmp_path / "a") == train_here(settings, name, files, tmp_path / "b")
