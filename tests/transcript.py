"""The transcript of the README's section 'Change a setting, compare, share': `make transcript` runs it and prints it.

In a throw-away repository of the tests, so it takes a minute; what a command prints is cut to the lines that say something.
"""

import re
import shlex
import sys
import tempfile
from pathlib import Path

from tests.repository import Repository, create

EDIT = "sed -i 's/lambda_adv: 0.2/lambda_adv: 0.7/' params.yaml"
STEPS = (
    "snakemake",
    "git add --all && git commit --quiet --message built",
    EDIT,
    "dvc repro",
    "dvc params diff --targets params.yaml",
    "dvc metrics diff",
    "dvc plots diff --open",
    "snakemake --dry-run",
    "git commit --quiet --all --message 'another weight'",
    "dvc push",
    "git clone --quiet checkout clone",
    "dvc pull",
    "snakemake --dry-run",
    "dvc status",
    "dvc exp run --set-param experiments.ash.lambda_adv=0.4",
    "dvc exp show --only-changed --drop 'results/settings.json.*|ash/.*|workflow'",
)
TOLD = re.compile(
    r"recorded in|Nothing to be done|Running stage|up to date|file written|files? (pushed|fetched)|fetched|pushed|"
    r"Path |params.yaml|metrics.json|Reproduced|Experiment|─|│"
)


def main() -> None:
    """Run the steps and print them with what they tell."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        there = create(home / "checkout", home / "home")
        for step in STEPS:
            print(f"$ {step}", flush=True)
            for line in _run(there, home, step).splitlines():
                if TOLD.search(line):
                    print(f"  {line.rstrip()}")
            if " clone " in f"{step} ":
                there = Repository(home / "clone", home / "home")


def _run(there: Repository, home: Path, step: str) -> str:
    if step.startswith("git clone"):
        return Repository(home, home).run(*shlex.split(step))
    return there.run("bash", "-c", step.replace("--open", "").replace("--dry-run", "--dry-run --nocolor"))


if __name__ == "__main__":
    sys.exit(main())
