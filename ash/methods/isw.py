"""IBN-Net and whitening: InstanceNorm in the first stages, and its covariances driven to 0, all or those that colour moves.

Pan et al., Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net, ECCV 2018; Choi et al., RobustNet:
Improving Domain Generalization in Urban-Scene Segmentation via Instance Selective Whitening, CVPR 2021; code
shachoi/RobustNet.  InstanceNorm stands in the stem and at the end of stages 1 and 2 (`DeepLab.normalise`); z is what it
gives there, before the ReLU.

    S    = z z^T / (h w - 1) + 1e-5 I, the covariance of channels of each image                      -> covariance
    v    = variance of S over (x, x~), x~ the image in other colours, over images                    -> recoloured
    mask = the entries above the diagonal that are not in the lowest of three clusters of v          -> sensitive, kmeans
    L_w  = mean over places and images of sum |S mask| / sum mask                                    -> whitening

    L    = L_seg(G(x), y) + lambda_whitening L_w + 2 lambda_weight d L_weight

`mask: none` is IBN (InstanceNorm with weights of its own, no L_w), `all` IW (every entry above the diagonal), `selective`
ISW: its v is taken, in evaluation mode, in the steps of the share `window` of the training before `start`, and L_w counts
from `start` on.  As in the code, k-means sees the whole matrix, with zeros on and below the diagonal.

Departures: v comes from the window's training images, where the code passes through the source after the sixth epoch; the
code does so ten times and keeps what every mask has.  x~ differs in brightness, contrast, saturation and hue by the code's
amounts, but hue turns in the plane of chroma and nothing is blurred.  Heads, sizes and recipe are those of every row here,
so there is neither colour jitter nor blur of the training images, nor sampling by classes.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.machine.deterministic import without_autocast
from ash.methods._networks import Networks
from ash.segmentation import losses
from ash.segmentation.deeplab import PLACES, DeepLab

Made = TypeVar("Made")
PLACED = PLACES[:3]  # where InstanceNorm stands
EPS = 1e-5  # on the diagonal of a covariance
CLUSTERS = 3
NOTHING, WATCHED, CHOSEN = 0, 1, 2  # how far ISW's mask is
CHANGE, TURN = 0.8, 0.3  # of brightness, contrast and saturation; of hue, of the whole circle
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))  # luma and chroma of RGB
RGB = np.linalg.inv(np.array(YIQ)).tolist()  # of luma and chroma


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    mask: Literal["none", "all", "selective"] = Field(description="covariances that are driven to 0: IBN, IW or ISW")
    lambda_whitening: float = Field(ge=0, description="weight of L_w; IBN has none")
    start: float = Field(ge=0, le=1, description="share of the training after which ISW's L_w counts")
    window: float = Field(ge=0, le=1, description="share of the training before that in which v is taken")

    @model_validator(mode="after")
    def _variances_are_taken(self) -> "Settings":
        if self.mask == "selective" and min(self.start, self.window) <= 0:
            raise ValueError(
                f"mask selective with start {self.start} and window {self.window} sees no image before it; raise both above 0"
            )
        return self

    @property
    def needs(self) -> Needs:
        """InstanceNorm, with weights of its own where nothing is whitened."""
        return Needs(instance_norm="affine" if self.mask == "none" else "plain")


class Masks(nn.Module):
    """For each place v, summed over images, and the mask (C,C); until it is chosen, that is all above the diagonal."""

    progress: Tensor

    def __init__(self, segmenter: DeepLab) -> None:
        super().__init__()
        self.register_buffer("progress", torch.tensor(NOTHING))  # on the host: what to do is decided there
        where = segmenter.conv1.weight.device
        for place in PLACED:
            channels = segmenter.channels(place)
            self.register_buffer(f"{place}_mask", torch.ones(channels, channels, device=where).triu(1))
            self.register_buffer(f"{place}_variance", torch.zeros(channels, channels, device=where))

    def masks(self) -> list[Tensor]:
        """In the order of the places."""
        return [self.get_buffer(f"{place}_mask") for place in PLACED]

    def watch(self, variances: list[Tensor]) -> None:
        """Add the v of some images."""
        for place, variance in zip(PLACED, variances, strict=True):
            self.get_buffer(f"{place}_variance").add_(variance)
        self.progress.fill_(WATCHED)

    def choose(self) -> None:
        """Take the masks that v says; waits for the device."""
        for place, mask in zip(PLACED, self.masks(), strict=True):
            mask.copy_(sensitive(self.get_buffer(f"{place}_variance")))
        self.progress.fill_(CHOSEN)


class Isw(Method):
    """The segmenter alone."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.players = {"segmenter": self.segmenter}
        self.masks = Masks(self.segmenter)
        if settings.mask == "selective":
            self.memory = {"masks": self.masks}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update."""
        s = self.settings
        if s.mask == "selective":
            self.look(batch, progress)
        heads, normal = normalised(self.segmenter, lambda: self.segmenter(batch.image))
        terms = {
            "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
            "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress)),
        }
        if s.mask == "all" or (s.mask == "selective" and progress >= s.start):
            each = [whitening(z, mask) for z, mask in zip(normal, self.masks.masks(), strict=True)]
            terms["whitening"] = s.lambda_whitening * torch.stack(each).mean()
        yield Update("segmenter", terms)

    def look(self, batch: Batch, progress: float) -> None:
        """Add to v in the window, and choose the masks at its end; without a v, as in a trial step, they stay as they are."""
        s = self.settings
        if progress >= s.start:
            if int(self.masks.progress) == WATCHED:
                self.masks.choose()
        elif progress >= s.start - s.window:
            self.masks.watch(self.variances(batch))

    @torch.no_grad()
    def variances(self, batch: Batch) -> list[Tensor]:
        """v of each place, summed over the images of a batch."""
        images = torch.cat([batch.image, recoloured(batch.image, batch.generator)])
        self.segmenter.eval()
        _, normal = normalised(self.segmenter, lambda: self.segmenter.through(images, PLACED))
        self.segmenter.train()
        pairs = [covariance(z).chunk(2) for z in normal]
        return [((plain - other).square() / 2).sum(0) for plain, other in pairs]  # the unbiased variance of two


METHOD = Isw


def normalised(segmenter: DeepLab, run: Callable[[], Made]) -> tuple[Made, list[Tensor]]:
    """What `run` gives, and what InstanceNorm gives meanwhile, place by place."""
    found: list[Tensor] = []
    norms = [module for module in segmenter.modules() if isinstance(module, nn.InstanceNorm2d)]
    hooks = [norm.register_forward_hook(lambda _, __, out: found.append(out)) for norm in norms]
    try:
        return run(), found
    finally:
        for hook in hooks:
            hook.remove()


def covariance(normal: Tensor) -> Tensor:
    """Covariances of the channels of each image, (B,C,h,w) of mean 0 -> (B,C,C) float32."""
    with without_autocast(normal):
        flat = normal.float().flatten(2)
        return flat @ flat.mT / (flat.shape[2] - 1) + EPS * torch.eye(flat.shape[1], device=flat.device)


def whitening(normal: Tensor, mask: Tensor) -> Tensor:
    """Mean over images of the mean absolute covariance of masked pairs of channels; (B,C,h,w), (C,C) of 0 and 1."""
    return ((covariance(normal) * mask).abs().sum((1, 2)) / mask.sum().clamp_min(1)).mean()


def recoloured(image: Tensor, generator: torch.Generator) -> Tensor:
    """RGB (B,3,H,W) in [0,1] with other brightness, contrast, saturation and hue for each image; in [0,1]."""

    def drawn(low: float, high: float) -> Tensor:
        share = torch.rand(len(image), 1, 1, 1, generator=generator, device=image.device)
        return low + (high - low) * share

    bright = (image * drawn(1 - CHANGE, 1 + CHANGE)).clamp(0, 1)
    level = weighed(bright, YIQ[0]).mean((2, 3), keepdim=True)
    contrasted = torch.lerp(level, bright, drawn(1 - CHANGE, 1 + CHANGE)).clamp(0, 1)
    coloured = torch.lerp(weighed(contrasted, YIQ[0]), contrasted, drawn(1 - CHANGE, 1 + CHANGE)).clamp(0, 1)
    turned = turn(coloured, 2 * math.pi * drawn(-TURN, TURN)).clamp(0, 1)
    return turned.contiguous(memory_format=torch.channels_last)


def turn(image: Tensor, angle: Tensor) -> Tensor:
    """RGB (B,3,H,W) with its chroma turned about grey by an angle (B,1,1,1), in radians; luma stays."""
    luma, first, second = (weighed(image, row) for row in YIQ)
    cosine, sine = angle.cos(), angle.sin()
    turned = torch.cat([luma, first * cosine - second * sine, first * sine + second * cosine], 1)
    return torch.cat([weighed(turned, row) for row in RGB], 1)


def weighed(image: Tensor, weights: Sequence[float]) -> Tensor:
    """Sum of the channels of (B,C,H,W) by their weights, (B,1,H,W)."""
    return torch.stack([image[:, k] * weight for k, weight in enumerate(weights)], 1).sum(1, keepdim=True)


def sensitive(variance: Tensor) -> Tensor:
    """The mask of v (C,C): 1 above the diagonal where v is not in the lowest of three clusters, else 0."""
    upper = variance.triu(1)
    labels = kmeans(upper.flatten().double().cpu().numpy(), CLUSTERS)
    return torch.from_numpy(labels > 0).view(variance.shape).to(variance).triu(1)


def kmeans(values: np.ndarray, clusters: int) -> np.ndarray:
    """The cluster of each of (n,) values, 0 the lowest, with the least sum of squared distances to the clusters' means.

    Exact, by dynamic programming over the sorted values: the best start of the last cluster rises with its end, so each
    start is looked for between those of its neighbours.  Fewer distinct values than clusters are a cluster each.
    """
    points, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    centred = points - points.mean()
    sums = [np.concatenate([[0.0], np.cumsum(counts * centred**power)]) for power in (0, 1, 2)]

    def cost(start: np.ndarray, end: np.ndarray | int) -> np.ndarray:
        """Of points start to end - 1 as one cluster."""
        number, total, squares = (part[end] - part[start] for part in sums)
        return np.asarray(squares - total**2 / number)

    n = len(points)
    best, starts = np.concatenate([[0.0], cost(np.zeros(n, int), np.arange(1, n + 1))]), []
    for filled in range(1, min(clusters, n)):
        before, best, start = best, np.full(n + 1, np.inf), np.zeros(n + 1, int)
        ranges = [(n if filled == min(clusters, n) - 1 else filled + 1, n, filled, n)]  # of the last only its end
        while ranges:
            low, high, left, right = ranges.pop()
            if low > high:
                continue
            end = (low + high) // 2
            candidates = np.arange(left, min(right, end - 1) + 1)
            totals = before[candidates] + cost(candidates, end)
            start[end] = candidates[totals.argmin()]
            best[end] = totals.min()
            ranges += [(low, end - 1, left, start[end]), (end + 1, high, start[end], right)]
        starts.append(start)
    labels, end = np.zeros(n, int), n
    for cluster in range(len(starts), 0, -1):
        end, last = starts[cluster - 1][end], end
        labels[end:last] = cluster
    return labels[place.reshape(-1)]
