"""One line for what the machine has not enough of."""

import errno

import pytest
import torch

from ash.cli import main as run
from ash.machine.shortage import shortage


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "out of memory; free some"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate"), "out of memory ("),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."), "out of memory (CUDA out"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (RuntimeError("can't start new thread"), "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "a/b: No space left on device; free space"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "x: Read-only file system; choose a folder"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Disk quota exceeded; free space, or ask"),
    ],
)
def test_what_the_machine_lacks_is_one_line(error, told):
    """Memory of either kind, threads and disks; the remedy is named."""
    line = shortage(error)
    assert line is not None
    assert line.startswith(told)
    assert "\n" not in line


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), FileNotFoundError(errno.ENOENT, "gone"), OSError("x")]
)
def test_a_defect_is_not_called_a_shortage(error):
    """What we did wrong keeps its traceback."""
    assert shortage(error) is None


def test_any_command_ends_in_that_line(monkeypatch, capsys):
    """A command that runs out of memory where nothing expects it: exit code 2, and no traceback."""

    def greedy():
        raise MemoryError

    monkeypatch.setattr("ash.cli.app", greedy)
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 2
    assert (
        capsys.readouterr().err
        == "ash: out of memory; free some, or lower the batch or the sizes of images in the settings\n"
    )
