"""The trained segmenter's file: safetensors, with the network's settings and the digest of the run in its metadata."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, overload

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ash.config import Experiment, SegmenterSettings
from ash.contract import Heads, InstanceNorm
from ash.errors import CheckpointError, flat
from ash.files.atomic import atomic, digest
from ash.files.foreign import misfits
from ash.files.tensors import pack, unpack
from ash.segmentation.deeplab import DeepLab, build_segmenter
from ash.segmentation.deeplab_v3plus import DeepLabV3Plus, V3PlusSettings

WANTED = "give the model.safetensors of a run, or import a checkpoint (`ash import-checkpoint`)"


def run_digest(experiment: Experiment, seed: int) -> str:
    """What identifies a run: its settings and its seed."""
    return digest({"experiment": experiment.model_dump(mode="json"), "seed": seed})


def save_model(path: Path, segmenter: nn.Module, settings: SegmenterSettings, run: str) -> None:
    """Write the weights, atomically; equal weights give equal bytes."""
    notes = {"run": run, "segmenter": settings.model_dump(mode="json"), "heads": segmenter.layout}
    if segmenter.instance_norm != "none":  # which most models lack, and their files do not name
        notes["instance_norm"] = segmenter.instance_norm
    save_weights(path, segmenter.state_dict(), notes)


def save_weights(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Write tensors and what `load_model` needs to know of them, atomically."""
    with atomic(path) as temporary:
        temporary.write_bytes(pack(tensors, notes))


@overload
def load_model(path: Path, where: torch.device, run: str) -> DeepLab: ...


@overload
def load_model(path: Path, where: torch.device, run: None = None) -> DeepLab | DeepLabV3Plus: ...


def load_model(path: Path, where: torch.device, run: str | None = None) -> DeepLab | DeepLabV3Plus:
    """Rebuild the segmenter from its file, in evaluation mode; `run` is the digest that it must carry.

    StoreError if the file is missing or damaged, CheckpointError if it is of another network or of another run.
    """
    notes, tensors = unpack(path, "a model of this project", WANTED)
    try:
        found, settings = str(notes["run"]), _described(notes["segmenter"])
        layout = notes["heads"]
    except (KeyError, ValidationError) as cause:
        raise CheckpointError(f"{path}: not a model of this project ({flat(cause)}); {WANTED}") from cause
    if run is not None and found != run:
        raise CheckpointError(
            f"{path}: trained under settings {found[:12]}, wanted {run[:12]}; train it again, or restore the settings"
        )
    segmenter = (
        DeepLabV3Plus(settings)
        if isinstance(settings, V3PlusSettings)
        else _deeplab(path, settings, layout, notes.get("instance_norm", "none"))
    )
    if faults := misfits(tensors, segmenter.state_dict()):
        told = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
        raise CheckpointError(f"{path}: weights do not fit its network ({told}); train it again")
    segmenter.load_state_dict(tensors)
    return segmenter.to(where).eval()


def _described(notes: Any) -> SegmenterSettings | V3PlusSettings:
    """The settings of either network; ValidationError if they are of neither."""
    if isinstance(notes, dict) and notes.get("kind") == "deeplab_v3plus":
        return V3PlusSettings.model_validate(notes)
    return SegmenterSettings.model_validate(notes)


def _deeplab(path: Path, settings: SegmenterSettings, layout: Any, norm: Any) -> DeepLab:
    """DeepLab-v2 with the heads that its file names; CheckpointError if it names none."""
    if layout is None:
        raise CheckpointError(
            f"{path}: holds no heads, so it cannot predict; it can start a training (segmenter.weights)"
        )
    if layout not in get_args(Heads):
        raise CheckpointError(f"{path}: heads of layout {layout!r}, wanted {', '.join(get_args(Heads))}; {WANTED}")
    if norm not in get_args(InstanceNorm):
        raise CheckpointError(f"{path}: InstanceNorm {norm!r}, wanted {', '.join(get_args(InstanceNorm))}; {WANTED}")
    return build_segmenter(settings, layout, norm)
