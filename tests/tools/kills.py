"""Kill whole builds at random moments, give the same command again, and compare what they end in with an undisturbed build.

    python -m tests.tools.kills 50                 # snakemake
    python -m tests.tools.kills 50 --engine dvc    # dvc repro

Each build starts from nothing in a throw-away repository of two experiments of a few steps.  SIGKILL goes to the whole process
group after a random time; a build that ends before its kill is compared, and the next one begins.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ash.report import table
from ash.report.html import html
from tests.support.repository import Repository, create

COMMANDS = {"snakemake": ("snakemake", "--nocolor"), "dvc": ("dvc", "repro")}
MEASURED = ("results/cost.json", "results/tables/cost.")  # times of this machine
DATED = ("results/records/",)  # when each job began and ended
PAGE = "results/report.html"
SOONEST = 0.3  # seconds from the start of a command to its kill


@dataclass
class Account:
    """What came of the kills."""

    kills: int = 0
    builds: int = 0
    wrong: list[str] = field(default_factory=list)
    temporaries: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills in {self.builds} builds, {len(self.wrong)} fault(s), "
            f"{self.temporaries} temporary file(s) of killed writers left"
        )


def content(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in data/ and results/, by name, but for measured times and dates."""
    found = {}
    for path in sorted([*(folder / "data").rglob("*"), *(folder / "results").rglob("*")]):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.startswith(MEASURED + DATED) and not temporary(name):
            found[name] = hashlib.sha256(_page(folder) if name == PAGE else path.read_bytes()).hexdigest()
    return found


def temporary(name: str) -> bool:
    """Whether a file, or a folder that it lies in, is what a killed writer leaves."""
    return any(part.startswith(".") and part.endswith(".tmp") for part in Path(name).parts)


def _page(folder: Path) -> bytes:
    """The report without the table of measured times."""
    cost = html(table.read(folder / "results/tables/cost.table.json"))
    text = (folder / PAGE).read_text(encoding="utf-8")
    assert str(cost) in text
    return text.replace(str(cost), "").encode()


def disturb(
    reference: dict[str, str], scratch: Path, kills: int, seed: int, longest: float, engine: str = "snakemake"
) -> Account:
    """So many kills, the last build carried to its end; `longest` is the most seconds that a command lives before its kill."""
    account, rng = Account(), random.Random(seed)
    while account.kills < kills:
        repository = create(scratch / f"{account.builds}/checkout", scratch / "home")
        while account.kills < kills and _killed(repository, engine, rng.uniform(SOONEST, longest)):
            account.kills += 1
        _judge(account, repository, engine, reference)
        account.builds += 1
        print(account, flush=True)
        if not account.wrong:
            shutil.rmtree(repository.folder)
    return account


def _killed(repository: Repository, engine: str, after: float) -> bool:
    """Start the command and kill it, with all that it has started, unless it ends by itself before."""
    log = (repository.folder / "kills.log").open("ab")
    with log, subprocess.Popen(
        repository.command(*COMMANDS[engine]), cwd=repository.folder, env=repository.environment, stdout=log, stderr=log,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return True
    if process.returncode:
        raise SystemExit(f"{repository.folder}: exit code {process.returncode}; see kills.log there")
    return False


def _judge(account: Account, repository: Repository, engine: str, reference: dict[str, str]) -> None:
    """Carry a build to its end by the same command, and compare it."""
    repository.run(*COMMANDS[engine])
    found = content(repository.folder)
    for name in sorted(found.keys() | reference.keys()):
        if found.get(name) != reference.get(name):
            state = "missing" if name not in found else "not expected" if name not in reference else "differs"
            account.wrong.append(f"{repository / name}: {state}")
    left = [path for folder in ("data", "results") for path in (repository / folder).rglob(".*.tmp")]
    account.temporaries += len(left)
    if changed := repository.changed():
        account.wrong.append(f"{repository.folder}: dvc status names {', '.join(sorted(changed))}")
    if "Nothing to be done" not in repository.run("snakemake", "-n", "--nocolor"):
        account.wrong.append(f"{repository.folder}: snakemake has something left to do")


def main() -> None:
    """Build once undisturbed, then disturb."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=COMMANDS, default="snakemake")
    asked = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="ash-kills-"))
    repository = create(scratch / "reference/checkout", scratch / "home")
    start = time.monotonic()
    repository.run(*COMMANDS[asked.engine])
    whole = time.monotonic() - start
    print(f"undisturbed: {whole:.0f} s, in {scratch}", flush=True)
    account = disturb(content(repository.folder), scratch, asked.kills, asked.seed, whole / 2, asked.engine)
    if account.wrong:
        sys.exit("\n".join(account.wrong))
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
