"""Checkpoints of RobustNet's family (ISW, SHADE, WildNet, BlindNet, PASTA on DeepLabV3+), as models to score.

Names stay as they are.  From the tensors come the ResNet's size, its stem, and InstanceNorm where it has weights (IBN).
Two things leave no tensor: the output stride, which the name of a published file states, and an InstanceNorm without
weights; where the stem has one, layer1 and layer2 end in one as well, as in every whitening model of the family
(`--wt_layer 0 0 2 2 2 0 0`).
"""

import re
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from ash.contract import InstanceNorm
from ash.errors import CheckpointError, several
from ash.files.foreign import misfits, strip_prefix
from ash.labels import N_CLASSES
from ash.segmentation.deeplab_v3plus import DeepLabV3Plus, V3PlusSettings

KNOWN = ("layer0", "layer1", "layer2", "layer3", "layer4", "aspp", "bot_fine", "bot_aspp", "final1", "final2", "dsn")
STEMS: dict[tuple[int, ...], Literal["7x7", "3x3"]] = {(0,): "7x7", (0, 3, 6): "3x3"}  # places of its convolutions
TRAINING_ONLY = "dsn."  # the auxiliary head


def is_robustnet(state: Mapping[str, Tensor]) -> bool:
    """Whether it looks like one: a stem `layer0` and a decoder `final2`, which DeepLab-v2's family has not."""
    names = strip_prefix(state, KNOWN)
    return "layer0.0.weight" in names and "final2.0.weight" in names


def to_v3plus(state: Mapping[str, Tensor], output_stride: Literal[8, 16]) -> tuple[dict[str, Tensor], V3PlusSettings]:
    """The weights and the settings of their network; CheckpointError lists all that does not fit."""
    state = {name: value for name, value in strip_prefix(state, KNOWN).items() if not name.startswith(TRAINING_ONLY)}
    state = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    settings = _settings(state, output_stride)
    with torch.device("meta"):
        wanted = DeepLabV3Plus(settings).state_dict()
    if faults := misfits(state, wanted):
        raise CheckpointError(several("weights do not fit DeepLabV3+ of RobustNet's family:", faults))
    return {name: state[name].contiguous() for name in wanted}, settings


def _settings(state: Mapping[str, Tensor], output_stride: Literal[8, 16]) -> V3PlusSettings:
    """Size, stem and norms as the tensors tell them."""
    places = tuple(
        sorted(
            int(m[1]) for name in state if (m := re.fullmatch(r"layer0\.(\d)\.weight", name)) and state[name].dim() == 4
        )
    )
    blocks = [{m[1] for name in state if (m := re.match(rf"layer{k}\.(\d{{1,3}})\.", name))} for k in (1, 2, 3, 4)]
    classes = len(state["final2.0.weight"])
    if places not in STEMS or not all(blocks):
        raise CheckpointError(
            f"convolutions of the stem at {places}, blocks {[len(b) for b in blocks]}; wanted a ResNet-50 or -101 of it"
        )
    if classes != N_CLASSES:
        raise CheckpointError(f"final2 has {classes} classes, wanted the {N_CLASSES} of Cityscapes")
    first, second, third, fourth = map(len, blocks)
    return V3PlusSettings(
        width=len(state["layer0.0.weight"]),
        blocks=(first, second, third, fourth),
        stem=STEMS[places],
        output_stride=output_stride,
        instance_norms=_norms(state, places[-1] + 1, (first, second, third, fourth)),
    )


def _norms(
    state: Mapping[str, Tensor], stem: int, blocks: tuple[int, int, int, int]
) -> tuple[InstanceNorm, InstanceNorm, InstanceNorm, InstanceNorm, InstanceNorm]:
    """The InstanceNorm of the stem, whose norm has the place `stem` there, and of the last block of each stage."""
    at_stem: InstanceNorm = "none"
    if f"layer0.{stem}.running_mean" not in state:
        at_stem = "affine" if f"layer0.{stem}.weight" in state else "plain"
    unseen: InstanceNorm = "plain" if at_stem == "plain" else "none"
    affine = [f"layer{k + 1}.{blocks[k] - 1}.instance_norm_layer.weight" in state for k in range(4)]
    first, second, third, fourth = affine
    return (
        at_stem,
        "affine" if first else unseen,
        "affine" if second else unseen,
        "affine" if third else "none",
        "affine" if fourth else "none",
    )
