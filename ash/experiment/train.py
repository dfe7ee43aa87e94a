"""Training of one experiment: builds networks and batches, trains, writes the results."""

import logging
import platform
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

import ash
from ash import methods
from ash.config import Experiment, Settings, TrainingSettings
from ash.errors import ConfigError
from ash.experiment.build import build_feed, build_networks
from ash.experiment.inputs import RunFiles
from ash.experiment.origin import check_files, digests
from ash.files.atomic import digest, file_digest, write_json, write_text
from ash.machine import deterministic, precision
from ash.machine.device import device, enough_memory
from ash.methods._networks import Networks
from ash.progress import Progress, quiet
from ash.training.alone import alone
from ash.training.loop import train
from ash.weights.model import run_digest, save_model
from ash.weights.players import save_players

log = logging.getLogger(__name__)
LOCK = ".training.lock"
MADE = ("model.safetensors", "players.safetensors", "history.csv", "provenance.json")


def train_run(
    settings: Settings, name: str, seed: int, files: RunFiles, out: Path, resume: Path, progress: Progress = quiet
) -> None:
    """Train one experiment with one seed into the folder `out`, going on from the file `resume` if it is there.

    Writes the files of `MADE`.  The same settings, seed and files give the same bytes
    on one kind of CPU, whether or not the run was interrupted.  ConfigError if `resume`, which is removed at the end, has
    the name of one of them.
    """
    if resume.resolve() in {(out / made).resolve() for made in MADE}:
        raise ConfigError(
            f"--resume {resume}: is the name of a result, and would be removed at the end; name another file"
        )
    deterministic.switch_on()
    experiment, where = settings.experiment(name), device()
    arithmetic = precision.resolve(experiment.training.precision, where)
    run = run_digest(experiment, seed)
    needs = methods.check_experiment(experiment)
    check_files(settings, experiment, needs, files)
    with alone(out / LOCK), ExitStack() as stack, enough_memory(where, remedy(experiment.training)):
        networks = build_networks(experiment, needs, seed, files, where)
        method = methods.build(experiment, networks)
        log.info("%s, seed %d: method %s on %s in %s", name, seed, experiment.method, where, arithmetic)
        history = train(
            method,
            build_feed(experiment, needs, seed, files, networks.stylizer, where, stack),
            experiment.training,
            resume=resume,
            digest=digest({"run": run, "precision": arithmetic}),
            inputs=digests(experiment, needs, files),
            autocast=precision.autocast(arithmetic, where),
            progress=progress,
        )
        save_model(out / "model.safetensors", networks.segmenter, experiment.segmenter, run)
        save_players(out / "players.safetensors", method.players, experiment, run, _pair(networks))
        write_text(out / "history.csv", history.csv())
        write_json(out / "provenance.json", provenance(experiment, seed, arithmetic, where) | _origin(files))
        resume.unlink()


def remedy(training: TrainingSettings) -> str:
    """What lowers the memory of a training step."""
    ways = [f"lower training.batch (now {training.batch})"] if training.batch > 1 else []
    ways += [] if training.recompute else ["set training.recompute: true"]
    ways += ["set training.precision: bf16"] if training.precision == "fp32" else []
    return ", or ".join([*ways, "lower the set's image_size"])


def _pair(networks: Networks) -> str | None:
    """The digest of the stylizer, where there is one."""
    return None if networks.stylizer is None else networks.stylizer.digest


def _origin(files: RunFiles) -> dict[str, str]:
    """The digest of the initial weights, where there are some."""
    return {} if files.initial is None else {"initial": file_digest(files.initial)}


def provenance(experiment: Experiment, seed: int, arithmetic: str, where: torch.device) -> dict[str, Any]:
    """What a reader needs to judge or repeat a run; holds no clock, so equal runs give equal files."""
    cpu = torch.cpu.get_capabilities()
    return {
        "experiment": experiment.name,
        "settings": experiment.model_dump(mode="json"),
        "digest": run_digest(experiment, seed),
        "seed": seed,
        "precision": arithmetic,
        "version": ash.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": {
            "device": torch.cuda.get_device_name() if where.type == "cuda" else str(cpu.get("cpu_name", "unknown")),
            "architecture": platform.machine(),
            "threads": torch.get_num_threads(),
        },
    }
