"""Published checkpoints as models of this project, and back; initial weights of a training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ash.config import SegmenterSettings
from ash.contract import Heads
from ash.errors import CheckpointError, ConfigError, several
from ash.files.atomic import atomic_file, file_digest
from ash.files.foreign import misfits, read_state
from ash.segmentation.deeplab import DeepLab, build_segmenter
from ash.segmentation.deeplab_v3plus import V3PlusSettings
from ash.weights.family import HEADS, to_family, to_ours
from ash.weights.model import load_model, save_weights
from ash.weights.robustnet import is_robustnet, to_v3plus

IMPORTED = "imported"  # stands in the file where a trained model has the digest of its run


def import_checkpoint(
    source: str,
    out: Path,
    *,
    backbone: bool,
    branches: int | None,
    output_stride: Literal[8, 16] | None = None,
    like: SegmenterSettings | None = None,
) -> None:
    """Write a checkpoint of the CLAN/ASH family, of RobustNet's, or of torchvision, as a model of this project.

    `ash predict`, `ash evaluate-model` and `ash matrix` take it; without heads (`backbone`) it can only start a training.
    RobustNet's, which leaves no trace of its `output_stride`, has to be told it.  `like` is the network that it must be, with
    CLAN's two heads.  Raises StoreError or CheckpointError that names the file, ConfigError if `out` is the file itself.
    """
    _refuse_same(Path(source), out)
    state = read_state(source)
    tensors: dict[str, Tensor]
    settings: SegmenterSettings | V3PlusSettings
    layout: Heads | None = None
    if like is None and is_robustnet(state):
        tensors, settings = _v3plus(source, state, backbone or branches is not None, output_stride)
    elif output_stride is not None:
        raise CheckpointError(f"{source}: --output-stride is for DeepLabV3+ of RobustNet's family; leave it out")
    else:
        tensors, settings, layout = _ours(source, state, backbone, branches)
        if like is not None:
            _check_like(source, settings, layout, like)
    notes = {
        "run": IMPORTED,
        "segmenter": settings.model_dump(mode="json"),
        "heads": layout,
        "source": file_digest(Path(source)) if Path(source).exists() else source,
    }
    save_weights(out, tensors, notes)


def _check_like(source: str, found: SegmenterSettings, heads: Heads | None, wanted: SegmenterSettings) -> None:
    """CheckpointError unless the network is the one wanted, with a pair of heads; initial weights do not count."""
    there, asked = ((s.kind, s.width, s.blocks, s.rates) for s in (found, wanted))
    if (there, heads) != (asked, "pair"):
        shown = [
            f"{kind} of width {width}, blocks {blocks}, rates {rates}" for kind, width, blocks, rates in (there, asked)
        ]
        raise CheckpointError(
            f"{source}: another network ({shown[0]}, heads {heads}), wanted {shown[1]}, heads pair; put the right file there, "
            "or name the protocol of that network in params.yaml"
        )


def _ours(
    source: str | Path, state: Mapping[str, Tensor], backbone: bool, branches: int | None
) -> tuple[dict[str, Tensor], SegmenterSettings, Heads | None]:
    try:
        return to_ours(state, backbone=backbone, branches=branches)
    except CheckpointError as cause:
        raise CheckpointError(f"{source}: {cause}") from cause


def _v3plus(
    source: str, state: Mapping[str, Tensor], parts: bool, output_stride: Literal[8, 16] | None
) -> tuple[dict[str, Tensor], V3PlusSettings]:
    """A whole DeepLabV3+; CheckpointError if `parts` of it are asked for, or its stride is not told."""
    if parts:
        raise CheckpointError(
            f"{source}: DeepLabV3+ of RobustNet's family is taken whole, to score; leave out --backbone and --branches"
        )
    if output_stride is None:
        raise CheckpointError(
            f"{source}: a DeepLabV3+, whose stride no tensor tells; name --output-stride 16 or 8, as its file name does (os16)"
        )
    try:
        return to_v3plus(state, output_stride)
    except CheckpointError as cause:
        raise CheckpointError(f"{source}: {cause}") from cause


def export_checkpoint(model: Path, out: Path) -> None:
    """Write a model of this project as the family's programs read it: `torch.save` of a state_dict.

    ConfigError if `out` is the model itself, or has InstanceNorm, which the family's programs do not have.
    """
    _refuse_same(model, out)
    segmenter = load_model(model, torch.device("cpu"))
    if isinstance(segmenter, DeepLab) and segmenter.instance_norm != "none":
        raise ConfigError(
            f"{model}: has InstanceNorm in its first stages, which the family's programs do not have; export a model without"
        )
    state = to_family(segmenter.state_dict())
    with atomic_file(out) as file:
        torch.save({name: value.contiguous() for name, value in state.items()}, file)  # type: ignore[arg-type]


def _refuse_same(source: Path, out: Path) -> None:
    if source.exists() and out.exists() and out.samefile(source):
        raise ConfigError(f"{out}: is the checkpoint itself; name another file to write")


def check_initial(source: str | Path, segmenter: SegmenterSettings) -> None:
    """StoreError or CheckpointError if a checkpoint cannot be the initial weights of a segmenter, heads apart."""
    tensors, _, _ = _ours(source, read_state(source), backbone=True, branches=None)
    with torch.device("meta"):
        own = build_segmenter(segmenter, "single").state_dict()
    faults = misfits(tensors, {name: value for name, value in own.items() if not name.startswith(HEADS)})
    if faults:
        raise CheckpointError(several(f"{source}: does not fit the segmenter of the protocol:", faults, 3))


def load_initial(path: Path, segmenter: DeepLab) -> None:
    """Start `segmenter` from the weights of a file made by `import_checkpoint`, or of a trained model.

    Heads are taken over where the file has some; without them they keep their random weights.  So does InstanceNorm, but
    that of the stem takes over what BatchNorm learnt in its place.  CheckpointError if the weights do not fit, or the heads
    are of another layout.
    """
    state, own = read_state(path), segmenter.state_dict()
    if segmenter.instance_norm != "none":
        state = {name: value for name, value in state.items() if name in own or not name.startswith("bn1.")}
        own = {name: value for name, value in own.items() if name in state or ".instance." not in name}
    if not any(name.startswith(HEADS) for name in state):
        own = {name: value for name, value in own.items() if not name.startswith(HEADS)}
    faults = misfits(state, own)
    if faults:
        raise CheckpointError(
            several(f"{path}: does not fit the segmenter; import the backbone alone (--backbone)?", faults)
        )
    with torch.no_grad():
        for name, value in state.items():
            own[name].copy_(value)
