"""Every experiment of the project's params.yaml on the data of the tiny protocol, trained in this process."""

import shutil
from pathlib import Path

import torch
import yaml

from ash import config, methods
from ash.config import Settings
from ash.experiment.inputs import RunFiles
from ash.experiment.train import train_run
from ash.fitting.rain import fit_rain
from ash.progress import quiet
from tests.conftest import ROOT, TINY

PAINTINGS = 5  # that the tiny protocol draws


def settle_whole(folder: Path, iterations: int = 2) -> Settings:
    """Put params.yaml, with the tiny protocol and the miniature's weights of losses, into `folder`."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    tiny = yaml.safe_load((TINY / "protocols/tiny.yaml").read_text())
    tiny["methods"] = yaml.safe_load((ROOT / "protocols/miniature.yaml").read_text())["methods"]
    tiny["methods"]["domain_randomisation"]["styles"] = PAINTINGS
    tiny["training"]["iterations"] = iterations
    tiny["datasets"]["cityscapes"]["draw"] = {"train": 4, "val": 4}  # what the rivals' own form learns from
    shutil.rmtree(folder / "protocols", ignore_errors=True)
    (folder / "protocols").mkdir(parents=True)
    (folder / "protocols/tiny.yaml").write_text(yaml.safe_dump(tiny, sort_keys=False))
    (folder / "params.yaml").write_text(yaml.safe_dump(params | {"protocol": "tiny"}, sort_keys=False))
    return config.load(folder / "params.yaml")


def generalising(settings: Settings) -> list[str]:
    """The experiments that name no target and learn from a synthetic set."""
    entries = settings.params.experiments.items()
    return [name for name, entry in entries if entry.target is None and entry.source in ("gta5", "synthia")]


def adapting(settings: Settings) -> list[str]:
    """The experiments that name a target."""
    return [name for name, entry in settings.params.experiments.items() if entry.target is not None]


def files_of(data: Path, settings: Settings, name: str, target: Path | None = None) -> RunFiles:
    """What an experiment may read of the built tiny world; the VAE is fitted when it is first wanted."""
    source, style, pair = (
        settings.experiment(name).source,
        data / "features/painters.h5",
        data / "networks/stylizer.safetensors",
    )
    rain = data / "features/rain.safetensors"
    needs = methods.check_experiment(settings.experiment(name))
    if needs.rain and not rain.exists():
        fit_rain(settings, style, pair, rain, quiet)
    return RunFiles(
        prepared=data / f"prepared/{source}_train.h5",
        withheld=data / f"prepared/{source}_val.h5",
        stylizer=pair,
        paintings=data / "prepared/painters_train.h5",
        style=style,
        content=data / f"features/{source}.h5",
        target=target,
        rain=rain,
    )


def train_here(settings: Settings, name: str, files: RunFiles, out: Path) -> bytes:
    """Train in this process, seed 0; the model's bytes.  The mode of the framework is left as it was."""
    before = torch.are_deterministic_algorithms_enabled()
    try:
        train_run(settings, name, 0, files, out, out / "resume.pt")
    finally:
        torch.use_deterministic_algorithms(before)
    return (out / "model.safetensors").read_bytes()
