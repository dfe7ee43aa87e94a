"""Fits a small stylizer from nothing, where no published weights of its size exist.

 stage 1  encoder and decoder with BatchNorm, as an auto-encoder with a read-out of the class in every cell; half of the
          crops are recoloured, so that no hue is tied to a class.  BatchNorm is then folded into the convolutions and
          every feature channel scaled to unit deviation (an orthogonal mixing of channels needs like scales).
 stage 2  the encoder is frozen; the decoder learns as in AdaIN (Huang & Belongie 2017, eq. 11-13): content +
          10 style, with a reconstruction term and a penalty on leaving [0, 1].

The outcome is a function of the data and the settings alone, up to the arithmetic of the machine.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ash.config import Section
from ash.contract import Method, Update
from ash.fitting.batchnorm import fold_batchnorm, with_batchnorm
from ash.fitting.crops import Crops
from ash.labels import N_CLASSES, VOID
from ash.machine.precision import autocast, resolve
from ash.progress import Progress
from ash.style.adain import adain, channel_statistics
from ash.style.stylizer import NetworkSettings, Stylizer
from ash.training.step import Stepper, numbers

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
    Appends a line of weighted losses to `log` every 100 iterations; calls `progress(done, total)` after each iteration.
    The weights are rounded to float16, so that the saved pair is the returned one.  Raises NonFiniteError.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    crops = Crops(images, labels, paintings, settings.crop, settings.seed)
    stylizer = Stylizer(settings.network)
    initialise(stylizer, generator)
    count = settings.batch

    first = Stage("reconstruct", 0, settings.reconstruct_iterations, settings.reconstruct_rate, clipped=False)
    reconstruction = Reconstruction(stylizer, settings, generator)
    adam = torch.optim.Adam(reconstruction.players["pair"].parameters(), betas=(0.9, 0.98))
    _learn(
        reconstruction,
        adam,
        lambda: crops.batch(count, settings.painting_share, augmented=0.5),
        settings,
        first,
        log,
        progress,
    )
    fold_batchnorm(reconstruction.encoder)
    fold_batchnorm(reconstruction.decoder)
    stylizer.freeze()

    second = Stage("restyle", first.iterations, settings.stylise_iterations, settings.stylise_rate, clipped=True)
    restyling = Restyling(stylizer, settings, equalise(stylizer, crops))
    adam = torch.optim.Adam(stylizer.decoder.parameters(), betas=(0.9, 0.99))

    def contents_and_styles() -> tuple[Tensor, Tensor]:
        return crops.batch(count, 0.15, augmented=0.5)[0], crops.batch(count, 0.9, augmented=0.2)[0]

    _learn(restyling, adam, contents_and_styles, settings, second, log, progress)
    for parameter in stylizer.parameters():
        parameter.data = parameter.data.half().float()
    return stylizer.freeze()


class Stage(NamedTuple):
    """A stage of the fit: its name in the log, the steps before it, its own steps, the peak rate, whether it clips."""

    name: str
    first: int
    iterations: int
    rate: float
    clipped: bool


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


class Reconstruction(Method):
    """Stage 1: encoder and decoder, both with BatchNorm, and a read-out of the class in every cell."""

    def __init__(self, stylizer: Stylizer, settings: RefitSettings, generator: torch.Generator) -> None:
        """The leading 1x1 convolution stays as it is; the convolutions are those of `stylizer`."""
        self.encoder, self.decoder = with_batchnorm(stylizer.encoder), with_batchnorm(stylizer.decoder)
        self.readout = nn.Conv2d(stylizer.channels, N_CLASSES, 1)
        nn.init.kaiming_uniform_(self.readout.weight, a=math.sqrt(5), generator=generator)
        nn.init.zeros_(self.readout.bias)  # type: ignore[arg-type]
        self.settings = settings
        self.centre = slice(stylizer.stride // 2, None, stylizer.stride)  # the pixel whose class a cell is asked for
        self.players = {"pair": nn.ModuleList([self.encoder[1:], self.decoder, self.readout]).requires_grad_(True)}

    def updates(self, batch: tuple[Tensor, Tensor], progress: float) -> Iterator[Update]:
        """Yield the one update; `batch` holds crops (B,3,h,w) and their labels (B,h,w)."""
        crops, label = batch[0], batch[1][:, self.centre, self.centre]
        features = self.encoder(crops)
        decoded, logits = self.decoder(features), self.readout(features)
        terms = {"l1": PIXEL * functional.l1_loss(decoded.float(), crops)}
        if (label != VOID).any():
            entropy = functional.cross_entropy(logits.float(), label, ignore_index=VOID)
            terms["class"] = self.settings.class_weight * entropy
        yield Update("pair", terms)


class Restyling(Method):
    """Stage 2: the decoder learns to paint AdaIN's output; the encoder judges and does not change."""

    def __init__(self, stylizer: Stylizer, settings: RefitSettings, scales: list[Tensor]) -> None:
        """`scales` are those that `equalise` gives."""
        self.stylizer, self.settings, self.scales = stylizer, settings, scales
        self.players = {"decoder": stylizer.decoder.requires_grad_(True)}

    def updates(self, batch: tuple[Tensor, Tensor], progress: float) -> Iterator[Update]:
        """Yield the one update; `batch` holds contents and styles (B,3,h,w).

        The first third of the contents is decoded unstylised too, for the L1 term.
        """
        content, style = batch
        count, plain = len(content), len(content) // 3
        with torch.no_grad():
            taps = self.stylizer.encoder.taps(torch.cat([content, style]))
            content_features, style_taps = taps[-1][:count].float(), [tap[count:] for tap in taps]
            target = adain(content_features, style_taps[-1])
        decoded = self.stylizer.decode(torch.cat([target, content_features[:plain]]))
        restyled, repeated = decoded[:count], decoded[count:].float()
        restyled_taps = self.stylizer.encoder.taps(restyled)
        terms = {
            "content": functional.mse_loss(restyled_taps[-1].float(), target),
            "style": self.settings.style_weight * self.style_loss(restyled_taps, style_taps),
            "l1": self.settings.reconstruction_weight * (PIXEL * functional.l1_loss(repeated, content[:plain])),
            "range": functional.relu(PIXEL * (decoded.float() - 0.5).abs() - 1).mean(),
        }
        yield Update("decoder", terms)

    def style_loss(self, found: list[Tensor], wanted: list[Tensor]) -> Tensor:
        """Squared differences of means and deviations at every tap, in units of the tap's own variance."""
        total = torch.zeros(())
        for one, other, scale in zip(found, wanted, self.scales, strict=True):
            (mean, deviation), (wanted_mean, wanted_deviation) = channel_statistics(one), channel_statistics(other)
            error = (mean - wanted_mean).square() + (deviation - wanted_deviation).square()
            total = total + (error / scale).mean()
        return total


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


def _learn(
    method: Method,
    optimiser: torch.optim.Optimizer,
    crops: Callable[[], tuple[Tensor, Tensor]],
    settings: RefitSettings,
    stage: Stage,
    log: list[dict[str, Any]],
    progress: Progress,
) -> None:
    """Take the steps of a stage: linear warm-up times linear decay to FINAL_RATE; losses go to `log` as descended."""
    (player,) = method.players
    clips = {player: LARGEST_GRADIENT} if stage.clipped else {}
    stepper = Stepper(method, {player: optimiser}, clips, autocast=autocast(resolve(settings.precision, CPU), CPU))
    for step in range(stage.iterations):
        for group in optimiser.param_groups:
            fading = 1 - (1 - FINAL_RATE) * step / stage.iterations
            group["lr"] = stage.rate * min(1.0, (step + 1) / settings.warmup) * fading
        (values,) = numbers([stepper.step(crops(), stage.first + step, step / stage.iterations)])
        if (step + 1) % LOG_EVERY == 0 or step + 1 == stage.iterations:
            losses = {name.removeprefix(f"{player}."): round(value, 4) for name, value in values.items()}
            log.append({"stage": stage.name, "iteration": step + 1, **losses})
        progress(stage.first + step + 1, settings.reconstruct_iterations + settings.stylise_iterations)
