"""How time and memory of the steps grow with images and with training steps (figures in docs/measured/performance.md).

    python -m tests.tools.growth

Draws, prepares and encodes 250 to 2000 images of the miniature, trains CLAN for 50 to 400 steps on those of the last set,
and prints processor seconds and peak memory of each process.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests.conftest import ROOT

IMAGES, STEPS = (250, 500, 1000, 2000), (50, 100, 200, 400)
PAIR, STYLE = "ash/style/weights/miniature.safetensors", "painters"


def ash(folder: Path, *words: str) -> tuple[float, float]:
    """Run a command of the project in `folder`; its processor seconds, and its largest memory in MB."""
    with subprocess.Popen([sys.executable, "-m", "ash.cli", *words], cwd=folder, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"ash {' '.join(words)}: exit {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def settle(folder: Path, images: int) -> None:
    """The project's settings, with so many images of GTA5."""
    protocol = yaml.safe_load((ROOT / "protocols/miniature.yaml").read_text())
    protocol["datasets"]["gta5"] |= {"draw": {"train": images}, "root": f"data/{images}", "validation": 0}
    protocol["stylizer"]["weights"] = str(ROOT / PAIR)
    (folder / "protocols").mkdir(exist_ok=True)
    (folder / "protocols/miniature.yaml").write_text(yaml.safe_dump(protocol))
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())


def stored(folder: Path, name: str, split: str) -> list[tuple[str, float, float]]:
    """Draw, prepare and encode a set; the words, seconds and memory of each step."""
    manifest, prepared = f"{name}_manifest.json", f"{name}.h5"
    commands = {
        "draw": ("draw", name, "--out", f"{name}_drawn.json", "--workers", "1"),
        "manifest": ("manifest", name, "--out", manifest),
        "prepare": ("prepare", name, split, "--manifest", manifest, "--out", prepared),
        "features": ("features", "--prepared", prepared, "--stylizer", "pair", "--out", f"{name}_features.h5"),
    }
    return [(what, *ash(folder, *words)) for what, words in commands.items()]


def show(what: str, count: int, seconds: float, megabytes: float) -> None:
    """One line of the series."""
    print(f"| {what} | {count} | {seconds:.1f} | {megabytes:.0f} |", flush=True)


def main() -> None:
    """Print the series as Markdown."""
    print("| step | images, or steps | processor s | peak MB |\n| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settle(folder, IMAGES[0])
        (folder / "pair").symlink_to(ROOT / PAIR)
        stored(folder, STYLE, "train")
        for count in IMAGES:
            settle(folder, count)
            for what, seconds, megabytes in stored(folder, "gta5", "train"):
                show(what, count, seconds, megabytes)
        files = ("--prepared", "gta5.h5", "--stylizer", "pair", "--style", f"{STYLE}_features.h5")
        for count in STEPS:
            words = ("train", "clan", "--seed", "0", *files, "--content", "gta5_features.h5", "--steps", str(count))
            show("train clan", count, *ash(folder, *words, "--out", f"run{count}"))


if __name__ == "__main__":
    main()
