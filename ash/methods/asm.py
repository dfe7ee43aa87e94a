"""ASM: styles are searched near one image's style, in the direction in which the task gets harder.

Luo et al., Adversarial Style Mining for One-Shot Unsupervised Domain Adaptation, NeurIPS 2020.  There is no discriminator.
The one image, the anchor, is the target's if the experiment names a target, as in the ASM paper; without one it is a
painting, as ASH's rows very probably have it.

    e_1  = m + q n,  (m, q) = VAE(style of the anchor)                                        -> rain.StatisticsVae.encode
    x^_k = Dec(sigma'_k (f_c - mu(f_c)) / sigma(f_c) + mu'_k),  (mu'_k, sigma'_k) = VAE(e_k)   -> Asm.stylise
    L    = L_seg(G([x^, x]), y) + lambda_con L_con                                            -> Asm.terms
    L_con = mean over channels of |F(x^) - F(x)|^2, F the responses of layer4's convolutions  -> consistency
    e_2  = e_1 + (step / L) dL/de_1                                                           -> Asm.harder

Every iteration has two steps of G, one for each of e_1 and e_2.  The release computes an e_3 too and drops it.  Departure:
the release has one image a batch; here L is a mean over B images, so dL/de is taken B times to keep each one's step.
"""

from collections.abc import Iterator, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks, stated
from ash.segmentation import losses
from ash.style import rain
from ash.style.adain import channel_statistics
from ash.style.view import content_of, view


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    lambda_con: float = Field(
        ge=0, description="weight of L_con, which grows with the number of cells of layer4's maps"
    )
    step: float = Field(ge=0, description="length of the step from e_1 to e_2, over the loss")

    @property
    def needs(self) -> Needs:
        """Position attention before the one head, source features, the VAE and the anchor; no painting for each image."""
        return Needs(heads="attention", anchor=True, rain=True)


class Asm(Method):
    """The segmenter alone, with position attention before its one head."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        """Find the anchor's place among styles."""
        self.settings, self.segmenter = settings, networks.segmenter
        self.stylizer, self.vae = stated(networks.stylizer, "anchor"), stated(networks.rain, "rain")
        self.players = {"segmenter": self.segmenter}
        self.mean, self.deviation = self.vae.encode(rain.statistics_of(stated(networks.anchor, "anchor")))

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield G's update at e_1, whose backward pass leaves dL/de_1 and after which G steps; then that at the harder e_2."""
        noise = torch.randn(len(batch.image), self.vae.channels, generator=batch.generator, device=batch.image.device)
        first = (self.mean + self.deviation * noise).detach().requires_grad_()
        terms = self.terms(self.stylise(first, batch), batch)
        yield Update("segmenter", terms, also=(first,), then_step=True)
        again = self.terms(self.stylise(self.harder(first, terms), batch), batch)
        yield Update("segmenter", {f"{name}_mined": term for name, term in again.items()})

    def harder(self, latent: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """e_2, the latents moved up the loss by the gradient that its backward pass left them; both (B,C)."""
        assert latent.grad is not None
        loss = torch.stack(list(terms.values())).sum()
        return (latent + self.settings.step * len(latent) / loss * latent.grad).detach()

    def stylise(self, latent: Tensor, batch: Batch) -> Tensor:
        """The source images in the styles of latents (B,C), mirrored as the batch is."""
        content = content_of(batch).float()
        mean, deviation = channel_statistics(content)
        style_mean, style_deviation = self.vae.decode(latent).float()[:, :, None, None].chunk(2, 1)
        return view(self.stylizer.decode((content - mean) / deviation * style_deviation + style_mean), batch)

    def terms(self, stylised: Tensor, batch: Batch) -> dict[str, Tensor]:
        """L's terms for the stylised images and their sources, which pass G together."""
        s = self.settings
        with Responses(self.segmenter.layer4) as responses:
            heads = self.segmenter(torch.cat([stylised, batch.image]))
        label = torch.cat([batch.label, batch.label])
        return {
            "segmentation": losses.segmentation(heads, label, s.segmentation_loss),
            "consistency": s.lambda_con * consistency(responses.kept),
        }


METHOD = Asm


class Responses:
    """While open, keeps what the convolutions of a stage's blocks give, before BatchNorm; shortcuts are left out."""

    def __init__(self, stage: nn.Module) -> None:
        """Name the convolutions."""
        modules = stage.named_modules()
        self.convolutions = [m for name, m in modules if isinstance(m, nn.Conv2d) and "downsample" not in name]
        self.kept: list[Tensor] = []

    def __enter__(self) -> "Responses":
        """Start keeping."""
        self.hooks = [m.register_forward_hook(lambda _, __, out: self.kept.append(out)) for m in self.convolutions]
        return self

    def __exit__(self, *_: object) -> None:
        """Stop keeping."""
        for hook in self.hooks:
            hook.remove()


def consistency(responses: Sequence[Tensor]) -> Tensor:
    """Mean over channels and pairs of |F(x^) - F(x)|^2, summed over cells; each (2B,C,h,w), stylised images first."""
    distances = []
    for values in responses:
        stylised, plain = values.float().chunk(2)
        distances.append((stylised - plain).square().sum((2, 3)))
    return torch.cat(distances, 1).mean()
