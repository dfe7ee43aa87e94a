"""Fits ASM's VAE to the styles of all paintings (`ash.style.rain` has the network and its equations)."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from ash.config import RainSettings, Settings
from ash.contract import Method, Update
from ash.errors import DataError
from ash.features.file import FeatureFile
from ash.files.atomic import atomic
from ash.files.hdf5 import FEATURES_SCHEMA, open_h5
from ash.progress import Progress, quiet
from ash.style.rain import StatisticsVae, serialise, statistics_of
from ash.style.stylizer import load_stylizer
from ash.training.step import Stepper, numbers

SMALLEST = 1e-5  # added to q^2 inside the logarithm


def fit_rain(settings: Settings, style: Path, stylizer: Path, out: Path, show: Progress) -> None:
    """Fit the VAE to the style of every painting of a feature file; one thread, as for the pair.

    DataError if the features are those of another set.
    """
    torch.set_num_threads(1)
    with open_h5(style, FEATURES_SCHEMA) as file:
        found, wanted = file.attrs.get("dataset"), settings.protocol.style_set
    if found != wanted:
        raise DataError(f"{style}: features of {found}, wanted those of {wanted}; give that set's file")
    pair = load_stylizer(stylizer)
    with FeatureFile(style, pair.digest) as paintings:
        styles = torch.cat([statistics_of(paintings.read([k])) for k in range(len(paintings))])
    vae = fit(styles, settings.protocol.rain, show)
    with atomic(out) as temporary:
        temporary.write_bytes(serialise(vae, pair.digest))


class RainFit(Method):
    """The VAE alone; a batch is a tensor of styles (B,2C)."""

    def __init__(self, vae: StatisticsVae, reconstruction_weight: float) -> None:
        self.vae, self.reconstruction_weight = vae, reconstruction_weight
        self.players = {"vae": vae}

    def updates(self, batch: Tensor, progress: float) -> Iterator[Update]:
        """Yield the one update; the noise comes from the global generator, which `fit` seeds."""
        mean, deviation = self.vae.encode(batch)
        again = self.vae.decode(mean + deviation * torch.randn_like(mean))
        reconstruction = self.reconstruction_weight * functional.mse_loss(again, batch)
        yield Update("vae", {"latent": latent_loss(mean, deviation), "reconstruction": reconstruction})


def fit(styles: Tensor, settings: RainSettings, progress: Progress = quiet) -> StatisticsVae:
    """Fit a VAE to styles (N,2C), one generator for order, noise and first weights: the same every time on one CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        vae = StatisticsVae(styles.shape[1] // 2).train()
        optimiser = torch.optim.Adam(vae.parameters(), settings.rate)
        stepper = Stepper(RainFit(vae, settings.reconstruction_weight), {"vae": optimiser})
        for step in range(settings.iterations):
            optimiser.param_groups[0]["lr"] = settings.rate / (1 + settings.decay * step)
            batch = styles[torch.randint(len(styles), (settings.batch,))]
            numbers([stepper.step(batch, step, step / settings.iterations)])
            progress(step + 1, settings.iterations)
    return vae.eval().requires_grad_(False)


def latent_loss(mean: Tensor, deviation: Tensor) -> Tensor:
    """Distance of N(m, q^2) from N(0, I): 0 for m = 0, q = 1 but for the 1e-5."""
    square = deviation.square()
    return (mean.square() + square - (square + SMALLEST).log() - 1).mean() / 2
