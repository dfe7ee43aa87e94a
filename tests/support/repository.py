"""A throw-away git repository that Snakemake and DVC share, with a copy of the code and two experiments of a few steps."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, TINY

CODE = (
    "Snakefile", "dvc.yaml", "ash", "workflow", "profiles", ".gitignore", ".gitattributes", ".dvcignore", ".dvc/config",
    ".dvc/.gitignore",
)  # fmt: skip
DRY = ("-n", "--nocolor")


class Repository:
    """Runs git, DVC, Snakemake and `ash` in a folder, cut off from the user's own settings."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @property
    def environment(self) -> dict[str, str]:
        """Tools of this interpreter, whose DVC keeps everything below `home` and asks no network."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC", "GIT", "PYTHONPATH"))}
        folders = ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR", "XDG_CONFIG_HOME")
        people = {
            f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        return (
            kept
            | {name: str(self.home / name) for name in folders}
            | people
            | {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CONFIG_NOSYSTEM": "1",
                "DVC_NO_ANALYTICS": "1",
                "OMP_NUM_THREADS": "1",
            }
        )

    def command(self, *words: str) -> list[str]:
        """A command line whose first word is a tool of this environment, or git."""
        modules = {"ash": "ash.cli", "dvc": "dvc", "snakemake": "snakemake"}
        return [sys.executable, "-m", modules[words[0]], *words[1:]] if words[0] in modules else list(words)

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command that must end with `code`; gives what it printed, errors included."""
        result = subprocess.run(
            self.command(*words), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        output = result.stdout + result.stderr
        assert result.returncode == code, f"{' '.join(words)}: exit code {result.returncode}\n{output[-3000:]}"
        return output

    def json(self, *words: str) -> Any:
        """What a command prints with --json, errors aside."""
        command = self.command(*words, "--json")
        result = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        )
        return json.loads(result.stdout or "{}")

    def changed(self) -> set[str]:
        """The stages that `dvc status` names."""
        return set(self.json("dvc", "status"))

    def stages(self) -> list[str]:
        """The stages that DVC reads in dvc.yaml."""
        return self.run("dvc", "stage", "list", "--name-only").split()

    def lock(self) -> dict[str, Any]:
        """The stages of dvc.lock."""
        return yaml.safe_load((self / "dvc.lock").read_text())["stages"]

    def commit(self, message: str = "work") -> None:
        """Commit everything to git."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def assert_clean(self) -> None:
        """Nothing to do for Snakemake, nor for DVC."""
        plan = self.run("snakemake", *DRY)
        assert "Nothing to be done" in plan, plan[-3000:]
        assert self.changed() == set()

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        text = (self / file).read_text()
        assert old in text
        (self / file).write_text(text.replace(old, new))


def ran(output: str) -> set[str]:
    """The stages that `dvc repro` ran."""
    return set(re.findall(r"^Running stage '([\w@]+)'", output, re.M))


def create(folder: Path, home: Path) -> Repository:
    """A repository with nothing built: code, settings of two experiments, dvc.yaml."""
    for part in CODE:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, folder / part)
    shutil.copytree(TINY / "protocols", folder / "protocols")
    shutil.copy(TINY / "claims.yaml", folder)
    params = yaml.safe_load((TINY / "params.yaml").read_text())
    params |= {
        "targets": ["cityscapes"],
        "experiments": {
            "source_only": {
                "recipe": "source_only",
                "source": "gta5",
                "tables": {"alone": None, "table5": "source_only"},
            },
            "ash": {
                "recipe": "ash",
                "source": "gta5",
                "lambda_adv": 0.2,
                "tables": {"table1": "ash", "table5": "plus_ash"},
            },
        },
        # The workflow times a step of each row of the first table, so that one has the cheaper experiment alone.
        "tables": {
            "alone": {"title": "Alone", "classes": 19, "targets": ["cityscapes"], "reference": "source_only"},
            "table1": {"title": "GTA5", "classes": 19, "targets": ["cityscapes"], "reference": "ash"},
            "table5": {"title": "Components", "classes": 19, "targets": ["cityscapes"], "reference": "source_only"},
        },
        "figures": {"figure3": {"ASH": "ash"}, "figure4": {"ASH": "ash"}},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    repository = Repository(folder, home)
    repository.run("git", "init", "--quiet", "--initial-branch", "main")
    repository.commit("code and settings")
    return repository
