"""`make street`: real streets, in a folder of their own beside the miniature's, from the data that is at hand.

The settings are params.street.yaml and protocols/street.yaml.  Their copies in the folder say what cannot be known before:
which of CamVid's splits are there, and whether there are paintings or the styles are drawn.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ash import datasets
from ash.acquire.given import place
from ash.acquire.sources import SOURCES
from ash.acquire.status import lacks
from ash.config import Settings, load
from ash.config.document import read_yaml
from ash.errors import AshError, DataError
from ash.field.generated import seeds_of
from ash.files.atomic import write_text
from workflow.environment import set_up

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("street")
TEMPLATES = {"params.yaml": "params.street.yaml", "protocols/street.yaml": "protocols/street.yaml"}
PAINTINGS, DRAWN = "gallery", "painters"  # style sets: pictures of the user's, or else what the project draws
WHOLE, PART = "camvid", "camvid_test"  # one folder, of which copies may lack a split
THERE, FETCHED, ABSENT = "there", "fetched", "absent"  # where a set is, if it is not given in a folder


def main(words: list[str]) -> int:
    """Say what is there and what will be fetched, link what is given, write the settings, and run the workflow."""
    asked = _arguments().parse_args(words)
    set_up()
    try:
        params, protocol = (read_yaml(ROOT / name, "restore it from the repository") for name in TEMPLATES.values())
        _choose(params, asked.source, asked.seeds)
        _write(asked.folder, params, protocol)
        settings = load(asked.folder / "params.yaml")
        states = _states(settings, asked.folder, asked.data)
        _fit(params, protocol, states)
        _write(asked.folder, params, protocol)
        print(*_told(settings, states, asked.folder), sep="\n", flush=True)
    except AshError as fault:
        print(f"ash: {fault}", file=sys.stderr)
        return 2
    commands = [
        *(["ash", "acquire", name, "--from", str(where)] for name, where in states.items() if isinstance(where, Path)),
        [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--profile",
         str(ROOT / "profiles/default"), *asked.options],
    ]  # fmt: skip
    return next((code for command in commands if (code := _run(command, asked.folder))), 0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workflow.street", description="CARLA or UrbanSyn to CamVid")
    parser.add_argument("--data", type=Path, help="folder that holds the sets, or some of them, already")
    parser.add_argument("--source", help="carla or urbansyn, in place of that in params.street.yaml")
    parser.add_argument("--seeds", help="in place of those in params.street.yaml, such as 0,1,2")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where all of it goes (street)")
    parser.add_argument("options", nargs="*", help="for Snakemake, after --")
    return parser


def _run(command: list[str], folder: Path) -> int:
    """Its exit status; what fails says why itself."""
    return subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603  words, and no shell


def _choose(params: dict[str, Any], source: str | None, seeds: str | None) -> None:
    """Put another source and other seeds into the settings; ConfigError for seeds that are none."""
    for entry in (*params["experiments"].values(), *params["more_experiments"].values()) if source else ():
        entry["source"] = source
    if seeds:
        params["seeds"] = list(seeds_of(seeds))


def _fit(params: dict[str, Any], protocol: dict[str, Any], states: Mapping[str, Path | str]) -> None:
    """Leave what is absent out of the settings, and describe the sets that are read and no other."""
    used = [name for name, state in states.items() if state != ABSENT]
    if states.get(PAINTINGS) == ABSENT:
        protocol["style_set"] = DRAWN
        used.append(DRAWN)
    for listed in (params, *params["tables"].values()):
        listed["targets"] = [name for name in listed["targets"] if states.get(name) != ABSENT]
    protocol["datasets"] = {name: entry for name, entry in protocol["datasets"].items() if name in used}


def _write(folder: Path, params: dict[str, Any], protocol: dict[str, Any]) -> None:
    for (name, template), content in zip(TEMPLATES.items(), (params, protocol), strict=True):
        head = f"# Written by `make street`, which writes it again; edit {template} of the repository.\n"
        text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120)
        write_text(folder / name, head + text)


def _states(settings: Settings, folder: Path, data: Path | None) -> dict[str, Path | str]:
    """Where each set is that a run reads: a folder that it is given in, or one of THERE, FETCHED, ABSENT.

    DataError if `data` is no folder, or a set is neither there nor to be fetched, and nothing takes its place.
    """
    if data is not None and not data.is_dir():
        raise DataError(f"{data}: no such folder; name the one that holds the sets")
    sources = [settings.params.experiments[name].source for name in settings.params.standard]
    states: dict[str, Path | str] = {}
    for name in dict.fromkeys((*sources, *settings.targets, settings.protocol.style_set)):
        root = folder / settings.protocol.datasets[name].root
        state = _given(name, data) or (THERE if root.is_dir() and lacks(name, root, None) is None else None)
        if state is None:
            state = FETCHED if name in SOURCES and SOURCES[name].how == "http" else ABSENT
        if state == ABSENT and name != PAINTINGS:
            raise DataError(lacks(name, root, None) or f"{root}: holds no {name}")
        states[name] = state
    if states.get(PART) == FETCHED and states.get(WHOLE) != FETCHED:
        states[PART] = ABSENT  # the folder is the user's, and lacks the split
    return states


def _given(name: str, data: Path | None) -> Path | None:
    """Where a set lies in a given folder; pictures lie in one of that name, as any others might be meant otherwise."""
    if data is None:
        return None
    if name == PAINTINGS:
        return next((path.resolve() for path in (data / "paintings", data / PAINTINGS) if path.is_dir()), None)
    try:
        return place(datasets.load(name), data).resolve()
    except DataError:  # fetched then, which the run says
        return None


def _told(settings: Settings, states: Mapping[str, Path | str], folder: Path) -> Iterator[str]:
    """A line for each set: how many images there are, or what is fetched from where, and its terms."""
    for name, state in states.items():
        root, source = folder / settings.protocol.datasets[name].root, SOURCES.get(name)
        terms = f"; {source.licence}" if source else ""
        if state == FETCHED and source:
            yield f"{name}: is fetched from {source.page} into {root} ({source.size}){terms}"
        elif state == ABSENT:
            yield (
                f"{name}: no folder of pictures is given; the styles are paintings that the project draws"
                if name == PAINTINGS
                else f"{name}: the folder of {WHOLE} lacks it; left out"
            )
        else:
            where = state if isinstance(state, Path) else root
            dataset = datasets.load(name)
            counts = {split: len(dataset.files(where, split)[0]) for split in dataset.splits}
            found = f"{max(counts.values())} images"
            yield f"{name}: {found} in {where}{terms}"
    yield f"Everything is made in {folder}/; the report will be {folder}/results/report.html"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
