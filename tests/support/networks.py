"""Networks under test: fixed weights, to be taken by name in a transcription of it, and a model file that sees classes."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ash.config import SegmenterSettings
from ash.segmentation.deeplab import build_segmenter
from ash.weights.model import save_model


def fixed(network: nn.Module, seed: int = 0) -> dict[str, Tensor]:
    """Fill `network` with numbers that keep activations near 1, in float64, and give them by state-dict name.

    Running means and variances, scales and offsets get values of their own too, so that none of them can be left out.
    """
    generator = torch.Generator().manual_seed(seed)
    network.double()
    weights = network.state_dict()
    for name, value in weights.items():
        if name.endswith("num_batches_tracked"):
            continue
        drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        if value.dim() == 4:
            drawn *= (2 / value[0].numel()) ** 0.5
        elif name.endswith(("running_var", "weight")):
            drawn = 0.5 + drawn.abs()
        value.copy_(drawn)
    return {name: value.clone() for name, value in weights.items()}


def seeing(path: Path, width: int, rates: tuple[int, ...]) -> Path:
    """Write a small segmenter of fixed random weights that sees several classes, as a model file."""
    settings = SegmenterSettings(kind="small", width=width, blocks=(1, 1, 1, 1), rates=rates)
    torch.manual_seed(0)
    segmenter = build_segmenter(settings, "single")
    for name, value in segmenter.layer5.named_parameters():
        value.data *= 0 if name.endswith("bias") else 100
    save_model(path, segmenter, settings, "run")
    return path
