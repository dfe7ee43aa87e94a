"""RAIN's statistics VAE: a small space of styles, with a point of it for every image.

Luo et al., Adversarial Style Mining for One-Shot Unsupervised Domain Adaptation, NeurIPS 2020 (ASM), section 3.1.  A style
is the mean and deviation of every feature channel, 2C numbers.

    (m, q)   = MLP(mu, sigma),  e = m + q n,  n ~ N(0, I)        -> StatisticsVae.encode
    (mu', sigma') = MLP(e)                                       -> StatisticsVae.decode
    L_latent = 1/2 mean(m^2 + q^2 - log(q^2 + 1e-5) - 1)         -> ash.fitting.rain.latent_loss
    L        = L_latent + 5 MSE((mu', sigma'), (mu, sigma))      -> ash.fitting.rain.fit

q is a deviation as it stands: no exponential, either sign.  Departure from the release: the encoder and decoder of images
stay those that every method here uses; RAIN trains its own image decoder in the same loop.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from ash.errors import CheckpointError, StoreError, flat
from ash.files.foreign import misfits
from ash.files.tensors import pack, unpack
from ash.style.adain import channel_statistics


class StatisticsVae(nn.Module):
    """Two MLPs of three layers over 2C statistics and C latent numbers."""

    def __init__(self, channels: int) -> None:
        """Kaiming-normal weights, zero biases, as in the release."""
        super().__init__()
        self.channels = channels
        self.encoder, self.decoder = _mlp(2 * channels, channels), _mlp(channels, channels)

    def encode(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """Styles (B,2C) to the mean m and deviation q of their latents, (B,C) each."""
        mean, deviation = self.encoder(statistics).chunk(2, 1)
        return mean, deviation

    def decode(self, latent: Tensor) -> Tensor:
        """Latents (B,C) to styles (B,2C); a deviation may come out negative, as in the release."""
        style: Tensor = self.decoder(latent)
        return style


def statistics_of(features: Tensor) -> Tensor:
    """The style of features (B,C,h,w): means, then deviations, (B,2C) float32."""
    return torch.cat(channel_statistics(features), 1).flatten(1)


def serialise(vae: StatisticsVae, stylizer: str) -> bytes:
    """The bytes of the VAE's file; `stylizer` is the digest of the pair whose features it knows."""
    return pack(vae.state_dict(), {"channels": vae.channels, "stylizer": stylizer})


def load_rain(path: Path, stylizer: str) -> StatisticsVae:
    """Read a VAE; `stylizer` is the digest of the pair that it must know.

    Raises StoreError if the file is missing, damaged or not ours, CheckpointError if it knows another pair.
    """
    notes, weights = unpack(path, "a VAE of style statistics", "make it again (ash rain)")
    try:
        vae = StatisticsVae(int(notes["channels"]))
        vae.load_state_dict(weights)
        if faults := misfits(weights, vae.state_dict()):
            raise ValueError(faults[0])
    except (KeyError, TypeError, ValueError, RuntimeError) as cause:
        raise StoreError(f"{path}: not a VAE of style statistics ({flat(cause)}); make it again (ash rain)") from cause
    if notes.get("stylizer") != stylizer:
        found = str(notes.get("stylizer"))
        raise CheckpointError(f"{path}: fitted to stylizer {found[:12]}, wanted {stylizer[:12]}; make it again")
    return vae.eval().requires_grad_(False)


def _mlp(inputs: int, channels: int) -> nn.Sequential:
    """Three layers with ReLU between them, to 2C numbers."""
    layers: list[nn.Module] = []
    for index in range(3):
        layer = nn.Linear(inputs if index == 0 else 2 * channels, 2 * channels)
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
