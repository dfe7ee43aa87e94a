"""Fits a small stylizer from nothing, where no published weights of its size exist.

 stage 1  encoder and decoder with BatchNorm, as an auto-encoder with a read-out of the class in every cell; half of the
          crops are recoloured, so that no hue is tied to a class.  BatchNorm is then folded into the convolutions and
          every feature channel scaled to unit deviation (an orthogonal mixing of channels needs like scales).
 stage 2  the encoder is frozen; the decoder learns as in AdaIN (Huang & Belongie 2017, eq. 11-13): content +
          10 style, with a reconstruction term and a penalty on leaving [0, 1].

The outcome is a function of the data and the settings alone, up to the arithmetic of the machine.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ash.config import Section
from ash.errors import NonFiniteError
from ash.fitting.batchnorm import fold_batchnorm, with_batchnorm
from ash.fitting.crops import Crops
from ash.labels import N_CLASSES, VOID
from ash.machine.precision import autocast, resolve
from ash.progress import Progress
from ash.style.adain import adain, channel_statistics
from ash.style.stylizer import NetworkSettings, Stylizer

CPU = torch.device("cpu")  # small crops keep a GPU waiting, and one machine's CPU repeats itself exactly
LOG_EVERY = 100  # iterations
PIXEL = 2.0  # L1 is counted over images in [-1, 1], the scale on which the weights of the losses were chosen
FINAL_RATE = 0.05  # of the learning rate, reached linearly
LARGEST_GRADIENT = 5.0  # norm over the decoder, stage 2


class RefitSettings(Section):
    """Every number of a fit that was ever varied."""

    network: NetworkSettings
    seed: int = Field(ge=0)
    reconstruct_iterations: int = Field(ge=1, description="stage 1")
    stylise_iterations: int = Field(ge=1, description="stage 2")
    batch: int = Field(ge=3, description="crops an iteration")
    crop: int = Field(ge=16, multiple_of=8, description="pixels of a crop's side")
    reconstruct_rate: float = Field(gt=0, description="Adam's peak learning rate, stage 1")
    stylise_rate: float = Field(gt=0, description="the same, stage 2")
    warmup: int = Field(ge=1, description="iterations of linear warm-up in each stage")
    painting_share: float = Field(ge=0, le=1, description="share of paintings among the crops of stage 1")
    class_weight: float = Field(ge=0, description="of the class read-out, stage 1")
    style_weight: float = Field(ge=0, description="of the style statistics, stage 2")
    reconstruction_weight: float = Field(ge=0, description="of L1 where a third of the batch is decoded unstylised")
    precision: Literal["auto", "fp32", "bf16"] = Field(description="auto: bf16 where the CPU computes it natively")


def refit(
    images: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    paintings: np.ndarray,
    settings: RefitSettings,
    log: list[dict[str, Any]],
    progress: Progress,
) -> Stylizer:
    """Fit encoder and decoder on labelled source images and unlabelled paintings.

    `images` (N, H, W, 3) uint8 RGB and `labels` (N, H, W) uint8 train ids for each source set, `paintings` (M, H, W, 3).
    Appends a line of losses to `log` every 100 iterations; calls `progress(done, total)` after each iteration.
    The weights are rounded to float16, so that the saved pair is the returned one.  Raises NonFiniteError.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    crops = Crops(images, labels, paintings, settings.crop, settings.seed)
    total = settings.reconstruct_iterations + settings.stylise_iterations
    stylizer = Stylizer(settings.network)
    initialise(stylizer, generator)
    reconstruct(stylizer, crops, settings, generator, log, lambda done: progress(done, total))
    scales = equalise(stylizer, crops)
    restyle(
        stylizer, crops, settings, scales, log, lambda done: progress(settings.reconstruct_iterations + done, total)
    )
    for parameter in stylizer.parameters():
        parameter.data = parameter.data.half().float()
    return stylizer.freeze()


def initialise(stylizer: Stylizer, generator: torch.Generator) -> None:
    """He initialisation; the leading 1x1 convolution maps [0, 1] to [-1, 1], the last one starts near mid-grey."""
    for layer in [*stylizer.encoder, *stylizer.decoder]:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    first, last = stylizer.encoder[0], stylizer.decoder[-1]
    if not isinstance(first, nn.Conv2d) or not isinstance(last, nn.Conv2d):
        raise TypeError("an encoder begins and a decoder ends with a convolution")
    with torch.no_grad():
        first.weight.copy_(2 * torch.eye(3)[:, :, None, None])
        first.bias.fill_(-1)  # type: ignore[union-attr]
        last.weight.mul_(0.1 / PIXEL)
        last.bias.fill_(0.5)  # type: ignore[union-attr]


def initialise_decoder(stylizer: Stylizer, generator: torch.Generator) -> None:
    """The same for the decoder alone, which leaves a published encoder as it is."""
    kept = {name: value.clone() for name, value in stylizer.encoder.state_dict().items()}
    initialise(stylizer, generator)
    stylizer.encoder.load_state_dict(kept)


def reconstruct(
    stylizer: Stylizer,
    crops: Crops,
    settings: RefitSettings,
    generator: torch.Generator,
    log: list[dict[str, Any]],
    progress: Callable[[int], None],
) -> None:
    """Stage 1: auto-encoder with BatchNorm and class read-out; leaves BatchNorm folded into `stylizer`."""
    encoder, decoder = with_batchnorm(stylizer.encoder), with_batchnorm(stylizer.decoder)
    readout = nn.Conv2d(stylizer.channels, N_CLASSES, 1)
    nn.init.kaiming_uniform_(readout.weight, a=math.sqrt(5), generator=generator)
    nn.init.zeros_(readout.bias)  # type: ignore[arg-type]
    learners = [*encoder[1:].parameters(), *decoder.parameters(), *readout.parameters()]
    for parameter in learners:
        parameter.requires_grad_(True)
    optimiser = torch.optim.Adam(learners, betas=(0.9, 0.98))
    arithmetic = autocast(resolve(settings.precision, CPU), CPU)
    centre = slice(stylizer.stride // 2, None, stylizer.stride)  # the pixel whose class a cell is asked for
    for step in range(settings.reconstruct_iterations):
        _schedule(optimiser, settings.reconstruct_rate, step, settings.reconstruct_iterations, settings.warmup)
        batch, label_ids = crops.batch(settings.batch, settings.painting_share, augmented=0.5)
        with arithmetic():
            features = encoder(batch)
            decoded, logits = decoder(features), readout(features)
        terms = {"l1": PIXEL * functional.l1_loss(decoded.float(), batch)}
        if (label_ids[:, centre, centre] != VOID).any():
            terms["class"] = functional.cross_entropy(logits.float(), label_ids[:, centre, centre], ignore_index=VOID)
        _descend(terms, {"class": settings.class_weight}, optimiser, f"stage 1, iteration {step}")
        _record(log, "reconstruct", step, settings.reconstruct_iterations, terms)
        progress(step + 1)
    fold_batchnorm(encoder)
    fold_batchnorm(decoder)
    stylizer.freeze()


@torch.no_grad()
def equalise(stylizer: Stylizer, crops: Crops) -> list[Tensor]:
    """Scale every feature channel to unit deviation, undone in the decoder's first convolution.

    Returns the mean channel variance at each tap, (1, C, 1, 1)-shaped, which the style loss divides by.
    """
    features = torch.cat([stylizer.encode(crops.batch(12, 0.4, augmented=0)[0]) for _ in range(4)])
    deviation = features.std((0, 2, 3))
    deviation = deviation.clamp_min(0.05 * features.std())  # a channel that is nearly dead must not become noise
    last = [layer for layer in stylizer.encoder if isinstance(layer, nn.Conv2d)][-1]
    first = next(layer for layer in stylizer.decoder if isinstance(layer, nn.Conv2d))
    last.weight /= deviation[:, None, None, None]
    last.bias.div_(deviation)  # type: ignore[union-attr]
    first.weight *= deviation[None, :, None, None]
    taps = stylizer.encoder.taps(crops.batch(24, 0.5, augmented=0)[0])
    return [tap.var((0, 2, 3)).clamp_min(1e-3)[None, :, None, None] for tap in taps]


def restyle(
    stylizer: Stylizer,
    crops: Crops,
    settings: RefitSettings,
    scales: list[Tensor],
    log: list[dict[str, Any]],
    progress: Callable[[int], None],
) -> None:
    """Stage 2: the decoder learns to paint AdaIN's output; the encoder judges and does not change."""
    stylizer.decoder.requires_grad_(True)
    optimiser = torch.optim.Adam(stylizer.decoder.parameters(), betas=(0.9, 0.99))
    arithmetic = autocast(resolve(settings.precision, CPU), CPU)
    weights = {"style": settings.style_weight, "l1": settings.reconstruction_weight}
    for step in range(settings.stylise_iterations):
        _schedule(optimiser, settings.stylise_rate, step, settings.stylise_iterations, settings.warmup)
        content = crops.batch(settings.batch, 0.15, augmented=0.5)[0]
        style = crops.batch(settings.batch, 0.9, augmented=0.2)[0]
        terms = _style_terms(stylizer, content, style, scales, arithmetic)
        _descend(terms, weights, optimiser, f"stage 2, iteration {step}", clip=stylizer.decoder.parameters())
        _record(log, "restyle", step, settings.stylise_iterations, terms)
        progress(step + 1)


def _style_terms(
    stylizer: Stylizer,
    content: Tensor,
    style: Tensor,
    scales: list[Tensor],
    arithmetic: Callable[[], AbstractContextManager[object]],
) -> dict[str, Tensor]:
    """The losses of one batch; the first third of the contents is decoded unstylised too, for the L1 term."""
    count, plain = len(content), len(content) // 3
    with arithmetic():
        with torch.no_grad():
            taps = stylizer.encoder.taps(torch.cat([content, style]))
            content_features, style_taps = taps[-1][:count].float(), [tap[count:] for tap in taps]
            target = adain(content_features, style_taps[-1])
        decoded = stylizer.decode(torch.cat([target, content_features[:plain]]))
        restyled, repeated = decoded[:count], decoded[count:].float()
        restyled_taps = stylizer.encoder.taps(restyled)
    style_loss = torch.zeros(())
    for found, wanted, scale in zip(restyled_taps, style_taps, scales, strict=True):
        (mean, deviation), (wanted_mean, wanted_deviation) = channel_statistics(found), channel_statistics(wanted)
        error = (mean - wanted_mean).square() + (deviation - wanted_deviation).square()
        style_loss = style_loss + (error / scale).mean()
    return {
        "content": functional.mse_loss(restyled_taps[-1].float(), target),
        "style": style_loss,
        "l1": PIXEL * functional.l1_loss(repeated, content[:plain]),
        "range": functional.relu(PIXEL * (decoded.float() - 0.5).abs() - 1).mean(),
    }


def _schedule(optimiser: torch.optim.Optimizer, peak: float, step: int, total: int, warmup: int) -> None:
    """Linear warm-up times linear decay to FINAL_RATE."""
    for group in optimiser.param_groups:
        group["lr"] = peak * min(1.0, (step + 1) / warmup) * (1 - (1 - FINAL_RATE) * step / total)


def _descend(
    terms: dict[str, Tensor],
    weights: dict[str, float],
    optimiser: torch.optim.Optimizer,
    where: str,
    clip: Iterable[Tensor] = (),
) -> None:
    """One optimiser step on the weighted sum of `terms`; NonFiniteError names a term that is not finite."""
    for name, term in terms.items():
        if not term.isfinite():
            raise NonFiniteError(f"stylizer, {where}: {name} is {term.item()}, wanted a finite number; lower the rate")
    optimiser.zero_grad(set_to_none=True)
    torch.stack([weights.get(name, 1.0) * term for name, term in terms.items()]).sum().backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(clip, LARGEST_GRADIENT)
    optimiser.step()


def _record(log: list[dict[str, Any]], stage: str, step: int, total: int, terms: dict[str, Tensor]) -> None:
    """Append the losses every LOG_EVERY iterations and at the end."""
    if (step + 1) % LOG_EVERY == 0 or step + 1 == total:
        losses = {name: round(term.item(), 4) for name, term in terms.items()}
        log.append({"stage": stage, "iteration": step + 1, **losses})
