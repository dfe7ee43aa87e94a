"""What Snakemake built reaches dvc.lock, in the end, and whatever hinders that is one line with the reason."""

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager

import pytest

from tests.support.repository import DRY, Repository
from workflow.bridge.repository import redacted

pytestmark = pytest.mark.dvc


@pytest.fixture
def copy(recorded, tmp_path):
    """A copy of the built repository, its history and its cache."""
    original, _ = recorded
    shutil.copytree(original.folder, tmp_path / "checkout")
    return Repository(tmp_path / "checkout", tmp_path / "home")


@contextmanager
def beside(repository, script):
    """A Python process in the repository that has run a script and waits; it ends as one that is killed does."""
    command = ["python", "-c", f"{script}\nimport os\nprint('up', flush=True)\ninput()\nos._exit(0)"]
    with subprocess.Popen(
        command, cwd=repository.folder, env=repository.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "up\n"
        try:
            yield process
        finally:
            process.communicate("\n")


def one_line(output):
    """The line of this project in what a command printed, where no traceback may be."""
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith(("ash: ", "nothing recorded"))]
    return line


def test_a_run_killed_before_its_hook_ended_is_recorded_by_the_next(copy):
    """SIGKILL after the last job: the same command has nothing to do and records; no dry run does, nor the call after it."""
    copy.edit("params.yaml", "title: Alone", "title: Alone again")
    command = copy.command("snakemake", "--nocolor")
    with subprocess.Popen(
        command, cwd=copy.folder, env=copy.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        for line in process.stderr:
            if "(100%) done" in line:
                os.killpg(process.pid, signal.SIGKILL)
    assert "recorded" not in copy.run("snakemake", *DRY)
    output = copy.run("snakemake", "--nocolor")
    assert "Nothing to be done" in output
    assert "recorded in dvc.lock: " in output
    copy.assert_clean()
    assert "recorded" not in copy.run("snakemake", "--nocolor")


def test_a_lost_lock_file_is_written_again(copy):
    """dvc.lock of another time, or none: the next call that has nothing else to do writes it."""
    whole = (copy / "dvc.lock").read_text()
    (copy / "dvc.lock").unlink()
    assert f"recorded in dvc.lock: {len(copy.stages())} stage(s)" in copy.run("snakemake", "--nocolor")
    assert (copy / "dvc.lock").read_text() == whole


def test_without_git_nothing_is_recorded_and_nothing_fails(copy):
    """As in a downloaded archive: a run that builds says once what would help, one without work says nothing."""
    shutil.rmtree(copy / ".git")
    copy.edit("params.yaml", "title: Alone", "title: Alone again")
    line = one_line(copy.run("snakemake", "--nocolor", "--quiet"))
    assert line.startswith(
        "nothing recorded in dvc.lock: no git repository here, and DVC needs one: `git init` makes one"
    )
    assert "dvc" not in copy.run("snakemake", "--nocolor", "--quiet")


@pytest.mark.parametrize(
    ("hindrance", "line"),
    [
        ("mv .dvc aside; ash dvc-record", "ash: .dvc: missing; restore it with `git checkout .dvc`, or make"),
        ("rm -r .dvc/cache; touch .dvc/cache; ash dvc-record", "cannot be written or read (Not a directory); free space"),
        ("rm -r .dvc/cache; ulimit -f 60; ash dvc-record", "free space"),
        ("echo '[core' >> .dvc/config; ash dvc-record", "`git checkout FILE` restores a damaged file"),
        ("head -c 99 /dev/zero > dvc.lock; ash dvc-record", "`git checkout FILE` restores a damaged file"),
    ],
)  # fmt: skip
def test_what_hinders_dvc_is_one_line(copy, hindrance, line):
    """No .dvc, no cache, a full one, damaged files: exit code 2, the reason and a remedy; dvc.lock is no other than before."""
    shutil.rmtree(copy / "results/records")
    (copy / "dvc.lock").unlink()
    copy.edit("params.yaml", "title: Alone", "title: Alone")
    script = hindrance.replace("ash dvc-record", "python -m ash.cli dvc-record")
    assert line in one_line(copy.run("bash", "-c", script, code=2))
    assert not (copy / "dvc.lock").exists() or set((copy / "dvc.lock").read_bytes()) == {0}


def test_a_live_dvc_is_waited_for(copy):
    """Its lock is held: the line names the process, the run is a success, and the next one records."""
    (copy / "dvc.lock").unlink()
    with beside(copy, "import zc.lockfile; lock = zc.lockfile.LockFile('.dvc/tmp/lock')") as process:
        line = one_line(copy.run("snakemake", "--nocolor", "--quiet"))
    assert line.startswith("ash: not recorded in dvc.lock, which the next call tries again: dvc: process ")
    assert f"process {process.pid} (python -c " in line
    assert "recorded in dvc.lock: " in copy.run("snakemake", "--nocolor")


def test_dvc_repro_beside_snakemake_touches_nothing(copy):
    """While a run holds DVC's lock on files, `dvc repro` names it and removes no output; a dead run's hold is forgotten."""
    script = "import sys; sys.path.insert(0, ''); from workflow.bridge.hold import hold; hold()"
    figures = sorted((copy / "results/figures").iterdir())
    with beside(copy, script) as process:
        output = copy.run("dvc", "repro", "--force", "--single-item", "figures", code=255)
        assert f"(PID {process.pid}): snakemake, with this project's Snakefile" in output
        assert sorted((copy / "results/figures").iterdir()) == figures != []
        held = (copy / ".dvc/tmp/rwlock").read_text()
    (copy / ".dvc/tmp/rwlock").write_text(held.replace(str(process.pid), "1"))  # a number that another process has now
    with beside(copy, script):
        assert f'"pid": {os.getpid()}' not in (copy / ".dvc/tmp/rwlock").read_text()
    copy.assert_clean()


def test_snakemake_beside_dvc_repro_starts_nothing(copy):
    """DVC works on one folder: one line before the first job, and no lock is left."""
    (copy / "results/report.html").unlink()
    script = (
        "import os; from dvc.fs import localfs; from dvc.rwlock import rwlock\n"
        "held = rwlock('.dvc/tmp', localfs, 'dvc repro', [], [os.path.abspath('results/figures')], False); held.__enter__()"
    )
    with beside(copy, script) as process:
        line = one_line(copy.run("snakemake", "--nocolor", "--quiet", code=1))
    assert f"blocked by: (PID {process.pid}): dvc repro; start again once it has ended" in line
    assert not (copy / "results/report.html").exists()
    copy.run("snakemake", "--nocolor")
    copy.assert_clean()


@pytest.mark.parametrize(
    "content", [b"[]", b"null", b'{"x": 3}', b"\xff", b"", b'{"x": {"record_format_version": 6, "input": 5}}']
)
def test_records_of_another_shape_are_made_again(copy, content):
    """A bundle, and the notes beside Snakemake's own: one line names the bundle, nothing is run, and both engines are clean."""
    (copy / ".dvc/tmp/rwlock").write_bytes(content)
    bundle = copy / "results/records/prepare.json"
    right = bundle.read_bytes()
    for path in (
        bundle,
        *(copy / ".snakemake" / name for name in ("bundles.json", "needs.json", "stages.json", "recorded")),
    ):
        path.write_bytes(content)
    output = copy.run("snakemake", "--nocolor")
    assert output.count("results/records/prepare.json: holds no records of Snakemake") == 1
    assert "Nothing to be done" in output
    assert bundle.read_bytes() == right
    assert copy.changed() == set()


@pytest.mark.parametrize(
    "address",
    [
        "https://me:SECRET@host/x",
        "s3://SECRET@bucket/x",
        "https://me:SE/SECRET@host",
        "https://host/x?token=SECRET",
        "ssh://a:b@SECRET@h",
    ],
)
def test_addresses_are_shown_without_passwords(address):
    """User, password and what stands behind a question mark; the host stays."""
    shown = redacted(f"remote store at {address}: no answer from {address}")
    assert "SECRET" not in shown
    assert shown.startswith(f"remote store at {address.partition('://')[0]}://")


def test_the_check_of_a_remote_shows_no_password(copy):
    """A remote whose protocol nobody here speaks: one line, with the reason."""
    copy.run("dvc", "remote", "modify", "--local", "store", "url", "s3://me:SECRET@bucket/x")
    output = copy.run("ash", "dvc-check", code=2)
    assert "remote store at s3://***@bucket/x: s3 is supported, but requires 'dvc-s3' to be installed" in output
    assert "SECRET" not in output
