"""Full disks, in short: `python -m tests.tools.full_disk` tries every writing command at ten fill levels."""

import os
import subprocess

import pytest
from typer.main import get_command

from ash.cli import app
from tests.tools.disk_commands import COMMANDS
from tests.tools.full_disk import LIMIT, examine

SILENT = {"check", "contrast", "dvc-check", "same-bytes", "select"}
BY_WAY_OF_OTHERS = {
    "refit-stylizer": "`atomic` and `write_json`, as in fit-decoder; it needs more paintings than a test draws",
    "dvc-settings": "as the first part of dvc-record",
    "dvc-run": "starts Snakemake",
    "import-authors": "as import-checkpoint; it wants a network of 181 MB",
    "authors-table": "by `write_text`, as table does",
    "claims-reading": "prints; --into writes a page by `write_text`, as table does",
    "new-method": "by `write_text`; puts all files back if one fails (tests/field/test_new_method.py)",
    "try": "starts Snakemake, after a file by `write_text`",
    "sweep": "as try; its records by `write_json`, as cost does",
    "leaderboard": "by `write_text`, as table does",
    "estimate": "--record writes times, of which no two runs have the same",
    "bench": "as estimate",
}


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
    told = list(examine(tmp_path / "stage", ["manifest", "prepare"], 3, ["tmpfs", LIMIT]))
    assert not [line for line in told if line.startswith("FAULT")]
    assert len(told) == 4


def test_every_writing_command_is_tried():
    """A command is tried on full disks, or writes nothing, or there is a reason why not; no name is out of date."""
    there = set(get_command(app).commands)
    tried = {command.split()[0] for command in COMMANDS.values()}
    assert tried | SILENT | BY_WAY_OF_OTHERS.keys() == there
    assert not tried & (SILENT | BY_WAY_OF_OTHERS.keys())
