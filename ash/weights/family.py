"""Checkpoints of the DeepLab-v2 family (AdaptSegNet, CLAN, ADVENT, MaxSquare, ASM, ASH) as ours, and back.

They name their tensors alike: `conv1`, `bn1`, `layer1..4`, heads `layer5` and `layer6` with `conv2d_list.K`, often behind
the name of a module (`module.`, `Scale.`).  What differs is told from the tensors themselves:

    layer5 and layer6 of equal width              "pair" (CLAN, ASH)
    layer5 narrower than layer6                   "auxiliary" (ADVENT, AdaptSegNet with two levels)
    one of them                                   "single" (MaxSquare, AdaptSegNet with one level)
    layer5 with PAM                               "attention" (ASM)

torchvision's ImageNet ResNets have no heads, and expect RGB of unit spread: their stem is rewritten for BGR minus mean.
EfficientNet-Lite0's names are those of `efficientnet-pytorch`; the blocks that our network has not are left out.
"""

import re
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from ash.config import SegmenterSettings
from ash.contract import Heads
from ash.errors import CheckpointError, several
from ash.files.foreign import misfits, strip_prefix
from ash.labels import N_CLASSES
from ash.pixels import IMAGENET_MEAN, IMAGENET_STD, MEAN_BGR
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.imagenet import LITE

RATES = (6, 12, 18, 24)  # dilations of the family's heads; MaxSquare and AdaptSegNet use the first two of them only
WIDEST, DEEPEST = 1024, 100  # of a ResNet that somebody has trained: channels of the stem, blocks of a stage
HEADS = ("layer5", "layer6", "attention")
KNOWN = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "layer5", "layer6", "PAM", "fc", "_conv_stem")
ATTENTION = {  # ASM's names of the attention -> ours
    "PAM.query_conv.": "attention.query.",
    "PAM.key_conv.": "attention.key.",
    "PAM.value_conv.": "attention.value.",
    "PAM.gamma": "attention.share",
}


def to_ours(
    state: Mapping[str, Tensor], *, backbone: bool = False, branches: int | None = None
) -> tuple[dict[str, Tensor], SegmenterSettings, Heads | None]:
    """Weights under our names, the settings of their network, and the layout of their heads (None: there are none).

    `backbone` leaves the heads out, as for initial weights of other classes.  `branches` keeps so many of each head's
    convolutions: some programs hold four and sum two.  CheckpointError lists all that does not fit.
    """
    state = strip_prefix(state, KNOWN)
    if "fc.weight" in state:
        state = _from_torchvision(state)
    if "_conv_stem.weight" in state:
        state = _from_efficientnet(state)
    state = {_renamed(name): value.float() if value.is_floating_point() else value for name, value in state.items()}
    if "layer6.conv2d_list.0.weight" in state and "layer5.conv2d_list.0.weight" not in state:
        state = {name.replace("layer6.", "layer5."): value for name, value in state.items()}
    if backbone:
        state = {name: value for name, value in state.items() if not name.startswith(HEADS)}
    settings = _settings(state, branches)
    layout = _layout(state)
    wanted = _wanted(settings, layout)
    state = {name: value for name, value in state.items() if not _surplus(name, settings)}
    for name, value in wanted.items():  # checkpoints older than PyTorch 0.4.1 do not count their batches
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, torch.zeros((), dtype=value.dtype))
    faults = misfits(state, wanted)
    if faults:
        raise CheckpointError(several("weights do not fit DeepLab-v2:", faults))
    return {name: state[name].contiguous() for name in wanted}, settings, layout


def to_family(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our weights under the family's names, without a leading module name."""
    back = {ours: theirs for theirs, ours in ATTENTION.items()}
    return {_renamed(name, back): value for name, value in state.items()}


def _renamed(name: str, table: Mapping[str, str] = ATTENTION) -> str:
    for before, after in table.items():
        if name.startswith(before):
            return after + name[len(before) :]
    return name


def _from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ResNet of torchvision without its classifier, whose stem takes BGR in 0-255 minus the mean.

    conv(w, (rgb - mean) / std) = conv(w', bgr) + c, exact but for the padded border; c goes into BatchNorm's mean.  Its
    strides of 2 sit in the 3x3 convolutions, ours in the 1x1 before them: the weights fit both, as AdaptSegNet uses them.
    """
    kept = {name: value for name, value in state.items() if not name.startswith("fc.")}
    shapes = [tuple(kept[name].shape) for name in ("conv1.weight", "bn1.running_mean") if name in kept]
    if len(shapes) < 2 or shapes[0][1:] != (3, 7, 7) or shapes[1] != shapes[0][:1]:
        raise CheckpointError(
            f"stem and its statistics of shapes {shapes}; wanted conv1 and bn1 of a ResNet of torchvision"
        )
    std, mean = torch.tensor(IMAGENET_STD)[:, None, None], torch.tensor(IMAGENET_MEAN)
    weight = kept["conv1.weight"].float()
    offset = (torch.tensor(MEAN_BGR).flip(0) / 255 - mean)[:, None, None] / std
    kept["conv1.weight"] = (weight / (255 * std)).flip(1)
    kept["bn1.running_mean"] = kept["bn1.running_mean"] - (weight * offset).sum((1, 2, 3))
    return kept


def _from_efficientnet(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The stem and the blocks of EfficientNet-Lite0 that our network has, under our names."""
    stages = [len(blocks) for blocks, _ in LITE]
    places = [f"layer{stage}.{k}." for stage, count in enumerate(stages, start=1) for k in range(count)]
    heads = {"_conv_stem.": "conv1.", "_bn0.": "bn1.", **{f"_blocks.{k}.": place for k, place in enumerate(places)}}
    parts = {"_expand_conv.": "expand.", "_depthwise_conv.": "depthwise.", "_project_conv.": "project."}
    parts |= {f"_bn{k}.": f"bn{k}." for k in range(3)}
    kept = {}
    for name, value in state.items():
        head = next((theirs for theirs in heads if name.startswith(theirs)), None)
        if head is not None:
            kept[heads[head] + _renamed(name[len(head) :], parts)] = value
    return kept


def _settings(state: Mapping[str, Tensor], branches: int | None) -> SegmenterSettings:
    """Width, blocks and dilations as the tensors tell them."""
    telling = ("conv1.weight", "layer1.0.depthwise.weight" if _is_lite(state) else "layer1.0.conv2.weight")
    if any(name not in state for name in telling):
        names = ", ".join(sorted({name.split(".")[0] for name in state})[:8])
        raise CheckpointError(f"holds {names}; wanted a ResNet of the DeepLab-v2 family (conv1, bn1, layer1..4)")
    for name in state:
        if (name in telling or "conv2d_list" in name) and name.endswith("weight") and state[name].dim() != 4:
            raise CheckpointError(f"{name}: shape {tuple(state[name].shape)}, wanted a convolution's (4 numbers)")
    first, second, third, fourth = (
        len({name.split(".")[1] for name in state if name.startswith(f"layer{k}.")}) for k in (1, 2, 3, 4)
    )
    blocks, width = (first, second, third, fourth), len(state["conv1.weight"])
    if not 4 <= width <= WIDEST or not 1 <= min(blocks) <= max(blocks) <= DEEPEST:
        raise CheckpointError(f"width {width} and blocks {blocks}, wanted those of a ResNet, as (64; 3, 4, 23, 3)")
    there = sum(name.startswith("layer5.conv2d_list.") and name.endswith(".weight") for name in state)
    if branches is not None and not 1 <= branches <= max(there, 1):
        raise CheckpointError(f"branches {branches}, found {there} convolution(s) in a head; name fewer")
    if branches is None and there > len(RATES):
        raise CheckpointError(
            f"{there} convolutions in a head, wanted at most {len(RATES)}; name --branches that count"
        )
    rates = RATES[: branches or there or len(RATES)]
    return SegmenterSettings(kind=_kind(state), width=width, blocks=blocks, rates=rates)


def _is_lite(state: Mapping[str, Tensor]) -> bool:
    return "layer1.0.depthwise.weight" in state


def _kind(state: Mapping[str, Tensor]) -> Literal["resnet101", "resnet18", "efficientnet_lite0", "small"]:
    """Which network, by its blocks; the two of basic blocks by the growth of their channels."""
    if _is_lite(state):
        return "efficientnet_lite0"
    if "layer1.0.conv3.weight" in state:
        return "resnet101"
    widest = state.get("layer4.0.conv2.weight")
    return "small" if widest is not None and len(widest) == 4 * len(state["conv1.weight"]) else "resnet18"


def _layout(state: Mapping[str, Tensor]) -> Heads | None:
    """The layout of the heads; CheckpointError if their classes are not the 19 of Cityscapes."""
    heads = {name: state.get(f"{name}.conv2d_list.0.weight") for name in ("layer5", "layer6")}
    for name, weight in heads.items():
        if weight is not None and len(weight) != N_CLASSES:
            raise CheckpointError(
                f"{name} has {len(weight)} classes, wanted {N_CLASSES}; import the backbone alone (--backbone)"
            )
    first, second = heads["layer5"], heads["layer6"]
    if first is None:
        return None
    if second is None:
        return "attention" if any(name.startswith("attention.") for name in state) else "single"
    return "pair" if first.shape[1] == second.shape[1] else "auxiliary"


def _wanted(settings: SegmenterSettings, layout: Heads | None) -> dict[str, Tensor]:
    """Names and shapes of our network, without memory behind them."""
    with torch.device("meta"):
        whole = build_segmenter(settings, layout or "single").state_dict()
    return {name: value for name, value in whole.items() if layout or not name.startswith(HEADS)}


def _surplus(name: str, settings: SegmenterSettings) -> bool:
    """Whether it belongs to a branch of a head that is not wanted."""
    branch = re.search(r"\.conv2d_list\.(\d{1,4})\.", name)
    return branch is not None and int(branch[1]) >= len(settings.rates)
