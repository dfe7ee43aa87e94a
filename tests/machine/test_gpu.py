"""One GPU for each job: who gets which, who waits, who is left alone."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ash.machine import gpu
from tests.conftest import ROOT

TWO = ("GPU-a", "GPU-b")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, [*TWO]),
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, ["2", "3"]),
        ({"CUDA_VISIBLE_DEVICES": "3"}, []),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"SLURM_JOB_ID": "7"}, []),
        ({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,1"}, []),
        ({"PBS_JOBID": "7"}, []),
    ],
)
def test_candidates(environment, expected):
    """Of two installed GPUs: all, those named, or none where someone has chosen."""
    assert gpu.candidates(environment, TWO) == expected


def launch(folder, code, gpus="4,5", **more):
    """A job that may see these GPUs."""
    environment = {k: v for k, v in os.environ.items() if k not in gpu.SCHEDULED}
    environment |= {"CUDA_VISIBLE_DEVICES": gpus, "ASH_GPU_LOCKS": str(folder / "locks"), **more}
    command = [sys.executable, "-c", "from ash.machine.gpu import main; main()", sys.executable, "-c", code]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


HOLD = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); input()"


def test_two_jobs_get_two_gpus_and_a_third_waits(tmp_path):
    """The third starts when one of them ends, on the GPU that it had; SIGKILL frees a GPU too."""
    first, second = launch(tmp_path, HOLD), launch(tmp_path, HOLD)
    seen = [first.stdout.readline().strip(), second.stdout.readline().strip()]
    assert sorted(seen) == ["4", "5"]
    third = launch(tmp_path, HOLD)
    time.sleep(1.5)
    assert third.poll() is None
    os.set_blocking(third.stdout.fileno(), False)
    assert not third.stdout.readline()
    os.set_blocking(third.stdout.fileno(), True)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert third.stdout.readline().strip() == seen[0]
    for process in (second, third):
        process.communicate("\n")
        assert process.returncode == 0
    first.stdout.close()
    first.stdin.close()


def test_a_schedulers_choice_stands(tmp_path):
    """In a Slurm job the command sees what Slurm gave it, and no lock is made."""
    process = launch(tmp_path, HOLD, gpus="1,3", SLURM_JOB_ID="12")
    assert process.communicate("\n")[0].strip() == "1,3"
    assert not (tmp_path / "locks").exists()


def test_the_exit_code_is_the_commands(tmp_path):
    """The launcher becomes the command."""
    process = launch(tmp_path, "raise SystemExit(7)")
    process.communicate()
    assert process.returncode == 7


def test_a_machine_without_the_drivers_tool_has_no_gpu(monkeypatch):
    """No nvidia-smi on the PATH: the command starts as it is."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert gpu.installed_gpus() == []
