"""What is said when memory or a device is lacking."""

import pytest
import torch

from ash.config import TrainingSettings
from ash.errors import ConfigError, ResourceError
from ash.experiment.train import remedy
from ash.machine.device import device, enough_memory
from tests.conftest import ash, settle
from tests.support.world import settings

CPU = torch.device("cpu")


def test_cuda_asked_for_but_absent(monkeypatch):
    """One line: what was asked, what torch finds, the remedy."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("ASH_DEVICE", "cuda")
    with pytest.raises(
        ResourceError, match=r"^ASH_DEVICE=cuda: torch .* finds no GPU; install .*, or set ASH_DEVICE=cpu$"
    ):
        device()


@pytest.mark.parametrize(
    ("asked", "there", "found"), [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu")]
)
def test_device(monkeypatch, asked, there, found):
    """The GPU if there is one, unless the CPU is asked for."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setenv("ASH_DEVICE", asked)
    assert device().type == found


def test_unknown_device(monkeypatch):
    """Neither is silently the CPU."""
    monkeypatch.setenv("ASH_DEVICE", "tpu")
    with pytest.raises(ConfigError, match="ASH_DEVICE=tpu: wanted auto, cpu or cuda"):
        device()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_command_line_without_the_gpu_that_it_wants(tmp_path, monkeypatch):
    """Exit code 2 and one line."""
    monkeypatch.setenv("ASH_DEVICE", "cuda")
    result = ash(settle(tmp_path), "bench", "step", "ash", "--synthetic", "64x32", check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("ash: ASH_DEVICE=cuda: torch") and len(result.stderr.splitlines()) == 1


def test_a_failed_allocation_names_what_to_lower():
    """A real one, of more than any machine has."""
    line = r"^cpu: out of memory \(.*\); lower training\.batch \(now 4\)$"
    with pytest.raises(ResourceError, match=line) as error, enough_memory(CPU, "lower training.batch (now 4)"):
        torch.empty(2**60, dtype=torch.uint8)
    assert "\n" not in str(error.value)


def test_a_failed_allocation_on_a_gpu():
    """PyTorch's own error of CUDA."""
    where, line = torch.device("cuda"), r"out of memory, .* GiB in all; lower it$"
    with pytest.raises(ResourceError, match=line), enough_memory(where, "lower it"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_other_errors_pass():
    """A defect keeps its own."""
    with pytest.raises(RuntimeError, match="^size mismatch$"), enough_memory(CPU, ""):
        raise RuntimeError("size mismatch")


@pytest.mark.parametrize(
    ("changes", "named", "unnamed"),
    [
        (
            {"batch": 4, "precision": "fp32"},
            ("training.batch (now 4)", "training.recompute: true", "precision: bf16"),
            (),
        ),
        ({"batch": 1, "precision": "auto", "recompute": True}, ("image_size",), ("batch", "recompute", "precision")),
    ],
)
def test_only_settings_that_can_still_be_lowered_are_named(changes, named, unnamed):
    """Batch above 1, recomputation that is off, fp32."""
    training: TrainingSettings = settings().protocol.training.model_copy(update=changes)
    assert all(word in remedy(training) for word in named)
    assert not any(word in remedy(training) for word in unnamed)
