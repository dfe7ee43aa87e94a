"""Fits a decoder to a frozen encoder: one more recipe for the loop.

Huang & Belongie, Arbitrary Style Transfer in Real-Time with Adaptive Instance Normalization, ICCV 2017.

    t    = AdaIN(E(c), E(s)),  g = Dec(t)                                        eq. 8-9
    L_c  = MSE(E(g), t)                                                          eq. 12
    L_s  = sum over relu1_1 .. relu4_1 of S(E_k(g), E_k(s))                      eq. 13 -> adain.statistics_distance
    Dec    content_weight L_c + style_weight L_s                                 eq. 11
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.config import DecoderSettings
from ash.errors import ShapeError
from ash.recipe import Batch, Needs, Update
from ash.style.adain import adain, statistics_distance
from ash.style.stylizer import Stylizer


class DecoderFit:
    """The pair, of which only the decoder learns; batches hold contents as `image` and paintings as `target`."""

    needs = Needs(target=True)

    def __init__(self, settings: DecoderSettings, stylizer: Stylizer) -> None:
        self.settings, self.stylizer = settings, stylizer
        stylizer.decoder.requires_grad_(True)
        self.players: Mapping[str, nn.Module] = {"decoder": stylizer.decoder}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the decoder's update."""
        s, encoder = self.settings, self.stylizer.encoder
        if batch.target is None:
            raise ShapeError("batch: holds no paintings; wanted as many as contents")
        with torch.no_grad():
            style = encoder.taps(batch.target)
            target = adain(self.stylizer.encode(batch.image), style[-1])
        again = encoder.taps(self.stylizer.decode(target))
        style_loss = torch.stack([_distance(one, other) for one, other in zip(again, style, strict=True)]).sum()
        content_loss = functional.mse_loss(again[-1].float(), target)
        yield Update("decoder", {"content": s.content_weight * content_loss, "style": s.style_weight * style_loss})

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """None."""
        return {}


def _distance(one: Tensor, other: Tensor) -> Tensor:
    return statistics_distance(one, other, "mean_std")
