"""Class-wise style: what is left of ASH with the right adversary, who is told the labels and climbs the segmentation loss.

OURS, not a paper's.  There is no discriminator.  H bounds a change of the stylised features for each class of the label, and G
descends the very terms that H climbs, so that one backward pass through G serves both (as `reversal` of method ash).

    t   = AdaIN(f_c, f_s);  y_k = 1 where the label is class k, at the features' size       -> of_classes
    t'  = t (1 + sum_k y_k g_k) + sigma(t) sum_k y_k b_k,  |g_k|, |b_k| <= eps              -> shifted
    x^  = Dec(alpha t' + (1 - alpha) f_c)                                                   -> ClassStyle.render
    g_k, b_k = eps tanh(H(k, share of each class, loss of each class))                      -> Shifter

    H   - L_seg(G(x^), y) - lambda_con JSD(G(x), G(x^))
    G     L_seg(G(x), y) + L_seg(G(x^), y) + lambda_con JSD(G(x), G(x^)) + 2 lambda_weight d L_weight

    JSD -> jensen_shannon

The ladder of controls: `search: random` draws g and b uniformly within the same bound and has no H, `search: signs` draws them
at the bound, where H soon is, so that size alone does not set H apart; `scope: global` has one g and one b for
the whole image, which is AdvStyle in the features.  Void has no class and is left alone in `scope: class`.  With
a bound of 0 every rung is `view: stylised` of method augmentation, to the bit.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.labels import N_CLASSES
from ash.machine.deterministic import chosen, without_autocast
from ash.methods._consistency import jensen_shannon
from ash.methods._networks import Networks, stated
from ash.pixels import mirrored
from ash.segmentation import losses
from ash.style.adain import adain, channel_statistics
from ash.style.view import given, view

Shift = tuple[Tensor, Tensor]  # g and b, (B,K,C) each
CLIMBED = ("segmentation_on_view", "consistency")  # of G's terms


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    search: Literal["random", "signs", "adversarial"] = Field(
        description="who chooses g and b: a generator, within the bound or at it, or H"
    )
    scope: Literal["global", "class"] = Field(
        description="what has a g and a b of its own: the image, or each class in it"
    )
    bound: float = Field(ge=0, description="eps, the largest |g| and |b|")
    lambda_con: float = Field(ge=0, description="weight of the divergence of the predictions for x and x^")
    width: int = Field(ge=1, le=8192, description="hidden units of H")

    @property
    def needs(self) -> Needs:
        """A painting for each image."""
        return Needs(paintings=1)


class ClassStyle(Method):
    """Segmenter, and H where it is searched for."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.stylizer = stated(networks.stylizer, "paintings")
        self.shifter: Shifter | None = None
        self.players: dict[str, nn.Module] = {"segmenter": self.segmenter}
        if settings.search == "adversarial":
            where = next(self.segmenter.parameters()).device
            self.shifter = Shifter(self.stylizer.channels, settings.width, settings.scope).to(where)
            self.players["hallucinator"] = self.shifter

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield G's update, which leaves the gradient of x^, then H's from that gradient, if there is an H."""
        heads = self.segmenter(batch.image)
        stylised = self.render(batch, self.shift(batch, heads))
        seen = stylised.detach().requires_grad_(self.shifter is not None)
        terms = self.terms(batch, heads, self.segmenter(seen), progress)
        yield Update("segmenter", terms, also=(seen,) if self.shifter else ())
        if self.shifter is not None:
            climb = -(seen.grad * stylised).sum()  # type: ignore[operator]  # whose gradient is H's; its value is not
            value = torch.stack([terms[name] for name in CLIMBED if name in terms]).sum().detach()
            yield Update("hallucinator", {"segmentation_on_view": climb - climb.detach() - value})

    def terms(
        self, batch: Batch, heads: tuple[Tensor, ...], of_view: tuple[Tensor, ...], progress: float
    ) -> dict[str, Tensor]:
        """G's terms, from the heads' logits of x and of x^."""
        s = self.settings
        found = {
            "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
            "segmentation_on_view": losses.segmentation(of_view, batch.label, s.segmentation_loss),
        }
        if s.lambda_con:
            found["consistency"] = s.lambda_con * jensen_shannon((heads, of_view))
        found["weight"] = losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress))
        return found

    def shift(self, batch: Batch, heads: tuple[Tensor, ...]) -> Shift:
        """g and b of each class, or of the image, (B,K,C) each, within the bound."""
        s, content = self.settings, given(batch)[0]
        if self.shifter is not None:
            return self.shifter(*told(heads, batch.label), s.bound)
        size = (2, len(content), N_CLASSES if s.scope == "class" else 1, content.shape[1])
        drawn = 2 * torch.rand(size, generator=batch.generator, device=content.device) - 1
        if s.search == "signs":
            drawn = torch.where(drawn < 0, -1.0, 1.0)
        return s.bound * drawn[0], s.bound * drawn[1]

    def render(self, batch: Batch, shift: Shift) -> Tensor:
        """x^ (B,3,H,W), mirrored as the batch is; features are not, so the label is mirrored back for them."""
        content, style = given(batch)
        regions = torch.ones_like(content[:, :1], dtype=torch.float32)
        if self.settings.scope == "class":
            regions = mirrored(of_classes(batch.label, (content.shape[2], content.shape[3])), batch.mirror)
        mixed = shifted(adain(content, style), regions, *shift)
        return view(self.stylizer.decode(torch.lerp(content, mixed, self.settings.alpha)), batch)

    def diagnostics(self, shown: Batch) -> dict[str, float]:
        """How much of the bound H uses: mean |g| and |b| over channels and the classes of one image, in shares of it."""
        if self.shifter is None or not self.settings.bound:
            return {}
        with torch.no_grad():
            self.segmenter.eval()
            heads = self.segmenter(shown.image)
            self.segmenter.train()
            shares, slips = told(heads, shown.label)
            found = self.shifter(shares, slips, 1.0)
        there = shares[0] > 0 if self.settings.scope == "class" else slice(None)
        return {f"reach.{name}": float(values[0, there].abs().mean()) for name, values in zip("gb", found, strict=True)}


METHOD = ClassStyle


class Shifter(nn.Module):
    """H: which class, how much of each class there is and how large each one's loss is, to that class's g and b.

    Two layers, shared by the classes.  The last one starts at 0, so that the first images are those of AdaIN, and the first
    one starts alike in every run: seeds differ in the segmenter and in the batches.
    """

    def __init__(self, channels: int, width: int, scope: str) -> None:
        super().__init__()
        self.scope = scope
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.hidden, self.out = nn.Linear(3 * N_CLASSES, width), nn.Linear(width, 2 * channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, shares: Tensor, slips: Tensor, bound: float) -> Shift:
        """Shares and losses of the classes, (B,19) each, to g and b, (B,K,C) float32 each; K is 1 in `scope: global`."""
        which = torch.eye(N_CLASSES, device=shares.device)
        if self.scope == "global":
            which = torch.zeros_like(which[:1])
        known = torch.cat([shares, slips], 1)[:, None].expand(-1, len(which), -1)
        whole = torch.cat([which.expand(len(shares), -1, -1), known], 2)
        gamma, beta = (bound * torch.tanh(self.out(functional.leaky_relu(self.hidden(whole))).float())).chunk(2, 2)
        return gamma, beta


def of_classes(label: Tensor, size: tuple[int, int]) -> Tensor:
    """y, one-hot labels at (height, width), (B,19,h,w) float32: 0 everywhere where the nearest label is void."""
    return losses.one_hot(losses.nearest(label, size))[:, :N_CLASSES]


@torch.no_grad()
def told(heads: tuple[Tensor, ...], label: Tensor) -> tuple[Tensor, Tensor]:
    """What H is told of x: the share of each class and its mean cross-entropy, (B,19) each, at the size of the logits."""
    log_p = losses.summed(heads).log_softmax(1)
    there = of_classes(label, (log_p.shape[2], log_p.shape[3]))
    loss = -chosen(log_p, there.argmax(1))[:, None]  # of class 0 where the label is void, which counts nowhere
    return there.mean((2, 3)), (there * loss).sum((2, 3)) / there.sum((2, 3)).clamp_min(1)


def shifted(features: Tensor, regions: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """t', the features t (B,C,h,w) with the g and b (B,K,C) of the regions (B,K,h,w) that each cell belongs to, float32."""
    with without_autocast(features):
        scale, offset = (torch.einsum("bkhw,bkc->bchw", regions, values) for values in (gamma, beta))
        return features * (1 + scale) + channel_statistics(features)[1] * offset
