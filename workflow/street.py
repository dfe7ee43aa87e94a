"""`make street`: real streets, in a folder of their own beside the miniature's, from the data that is at hand.

The settings are params.street.yaml and protocols/street.yaml.  What cannot be known before stands in their copies in the
folder: which of CamVid's splits are there, and whether there are paintings or the styles are drawn.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from ash import datasets
from ash.acquire.given import place
from ash.acquire.sources import SOURCES
from ash.acquire.status import lacks
from ash.config import Settings, load
from ash.errors import AshError, ConfigError, DataError
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
        texts = {copy: (ROOT / template).read_text(encoding="utf-8") for copy, template in TEMPLATES.items()}
        texts["params.yaml"] = _chosen(texts["params.yaml"], asked.source, asked.seeds)
        _write(asked.folder, texts)
        settings = load(asked.folder / "params.yaml")
        states = _states(settings, asked.folder, asked.data)
        _write(asked.folder, _fitted(texts, states))
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


def _chosen(params: str, source: str | None, seeds: str | None) -> str:
    """The text of the settings with another source and other seeds."""
    if source:
        params = _replaced(params, r"&source \w+", f"&source {source}")
    return _replaced(params, r"(?m)^seeds: \[.*?\]", f"seeds: [{seeds}]") if seeds else params


def _fitted(texts: Mapping[str, str], states: Mapping[str, Path | str]) -> dict[str, str]:
    """The settings for the sets that are there."""
    params, protocol = texts["params.yaml"], texts["protocols/street.yaml"]
    if states.get(PART) == ABSENT:
        params = _replaced(params, f", {PART}", "")
    if states.get(PAINTINGS) == ABSENT:
        protocol = _replaced(protocol, f"(?m)^style_set: {PAINTINGS}", f"style_set: {DRAWN}")
    return {"params.yaml": params, "protocols/street.yaml": protocol}


def _replaced(text: str, pattern: str, new: str) -> str:
    if not re.search(pattern, text):
        raise ConfigError(f"settings of `make street`: hold nothing like {pattern}; restore them from the repository")
    return re.sub(pattern, lambda _: new, text)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        head = f"# A copy that `make street` writes; edit {TEMPLATES[name]} of the repository.\n"
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
