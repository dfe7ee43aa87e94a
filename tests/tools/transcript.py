"""A session with Snakemake and DVC (docs/guide/share.md): `make transcript` runs it and prints what each command says.

In a throw-away repository of the tests, so it takes two minutes; of what a command prints, lines about progress are left out.
"""

import re
import shlex
import sys
import tempfile
from pathlib import Path

from tests.support.repository import Repository, create

STEPS = (
    "snakemake",
    "git add --all && git commit --quiet --message built",
    "sed -i 's/lambda_adv: 0.2/lambda_adv: 0.7/' params.yaml",
    "dvc repro",
    "dvc params diff --targets params.yaml",
    "dvc metrics diff",
    "dvc plots diff",
    "snakemake -n",
    "git commit --quiet --all --message 'another weight'",
    "dvc push",
    "cd .. && git clone --quiet checkout clone && cd clone",
    "dvc pull --quiet",
    "snakemake -n",
    "dvc status",
    "dvc exp run -S experiments.ash.lambda_adv=0.4",
)
TOLD = re.compile(
    r"recorded in|Nothing to be done|^Running stage|up to date|^file:|files? (pushed|fetched)|^(Path|params|results)|Ran exp"
)


def main() -> None:
    """Run the steps and print them with what they tell."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        there = create(home / "checkout", home / "home")
        for step in STEPS:
            print(f"$ {step}", flush=True)
            printed = there.run("bash", "-c", step).replace(folder, "...").splitlines()
            for line in printed:
                if TOLD.search(line):
                    print(line.rstrip(), flush=True)
            if step.startswith("cd "):
                there = Repository(home / shlex.split(step)[-1], home / "home")


if __name__ == "__main__":
    sys.exit(main())
