"""Parts of the networks compiled by `torch.compile`, for `training.compile: regions`.

A region is a block of the segmenter or a discriminator, for the shapes that it meets: whatever a method does between them
stays as it is written, and blocks of one shape share their code.  Sums are taken in another order, so results equal those of
the eager step up to rounding.

Encoder and decoder are none: they hold no BatchNorm to fuse, and compiled their padding leaves channels last, so that every
convolution copies its input first (8 of 64 ms of a step on an H200, docs/measured/performance.md).
"""

import os
import shutil
from collections.abc import Iterator

import torch
from torch import nn

from ash.contract import Needs
from ash.errors import ResourceError
from ash.methods._networks import Networks
from ash.segmentation.blocks import BasicBlock, Bottleneck
from ash.segmentation.discriminator import Discriminator

REGIONS = (BasicBlock, Bottleneck, Discriminator)
SHAPES = 64  # forms of one region's code: shapes, with and without gradients, training and evaluation


def compile_regions(networks: Networks, needs: Needs) -> None:
    """Have every region compiled when it is first called; ResourceError where there is no compiler."""
    if not has_compiler():
        raise ResourceError(
            "training.compile: regions: no C++ compiler on the PATH; install g++, or set training.compile: none"
        )
    torch._dynamo.config.recompile_limit = SHAPES
    # An update may keep its graph for the next, whose backward pass then reads what the first would have overwritten.
    torch._functorch.config.donated_buffer = False
    for region in regions(networks, needs):
        region.compile(fullgraph=True, dynamic=False)


def has_compiler() -> bool:
    """Whether there is a compiler for the code that `torch.compile` writes."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++"))


def regions(networks: Networks, needs: Needs) -> Iterator[nn.Module]:
    """The parts to compile; what a method watches by hooks, as ASM layer4's convolutions or ISW InstanceNorm, is left out."""
    watched = set(networks.segmenter.layer4.modules()) if needs.heads == "attention" else set()
    watched |= {
        m for m in networks.segmenter.modules() if isinstance(m, REGIONS) and getattr(m, "instance", None) is not None
    }
    for network in (networks.segmenter, *networks.discriminators):
        yield from (m for m in network.modules() if isinstance(m, REGIONS) and m not in watched)
