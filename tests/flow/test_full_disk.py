"""Full disks, in short: `python -m tests.tools.full_disk` tries every writing command at ten fill levels."""

import os
import subprocess

import pytest

from tests.tools.full_disk import examine, tmpfs


def may_mount(folder) -> bool:
    """Whether this process may mount a disk in memory."""
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


def test_a_full_disk_leaves_whole_files_or_none(tmp_path):
    """Two commands at three levels: one line or success, whole files only, and the same command succeeds with room."""
    probe = tmp_path / "probe"
    probe.mkdir()
    if not may_mount(probe):
        pytest.skip("mounting a small disk needs root and the right to mount")
    (tmp_path / "stage").mkdir()
    told = list(examine(tmp_path / "stage", ["manifest", "prepare"], 3, {"tmpfs": tmpfs}))
    assert not [line for line in told if line.startswith("FAULT")]
    assert len(told) == 4
