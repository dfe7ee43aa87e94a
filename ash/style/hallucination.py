"""ASH's module H: turns the segmenter's belief about each pixel into a change of the style features.

Tjio et al., Adversarial Semantic Hallucination for Domain Generalized Semantic Segmentation, WACV 2022.

    eq. 2   gamma, beta = H(P)                        -> Hallucinator.forward
    eq. 3   f' = f_s * (gamma + delta) + beta         -> modulate

The net is SFTGAN's condition network (Wang et al., CVPR 2018) with instance normalisation.  `delta` is 1 in the paper;
0 is SFTGAN's own transform.
"""

import torch
from torch import Tensor, nn

from ash.errors import ShapeError
from ash.machine.deterministic import bilinear
from ash.style.adain import channel_statistics

SLOPE = 0.1  # of every leaky ReLU


class Hallucinator(nn.Module):
    """Class probabilities (B, classes, H, W) to gamma and beta, a scale and an offset for each cell and channel.

    `classes` is 19, or 20 where void is a class of its own; `condition_widths` are the channels of the condition net
    ((128, 256) in the paper, with 512 `channels` and stride 4: 926 336 parameters).
    """

    def __init__(self, classes: int, channels: int, condition_widths: tuple[int, int], stride: int) -> None:
        """Build the nets with the framework's default initialisation, as the release does."""
        super().__init__()
        first, second = condition_widths
        self.classes = classes
        self.stride = stride
        self.condition = nn.Sequential(
            nn.Conv2d(classes, first, stride, stride),
            nn.LeakyReLU(SLOPE),
            nn.InstanceNorm2d(first),
            nn.Conv2d(first, second, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(second, second, 1),
            nn.LeakyReLU(SLOPE),
            nn.InstanceNorm2d(second),
        )
        self.gamma = _branch(second, channels)
        self.beta = _branch(second, channels)

    def forward(self, probabilities: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """gamma and beta, each (B, channels, *size); `size` is (height, width) of the style features.

        A condition that is the same everywhere gives maps that are the same everywhere: the instance normalisation
        removes it, and only the branches' biases speak.  Raises ShapeError if the classes differ from the net's or the
        map has less than two cells of `stride` pixels.
        """
        height, width = probabilities.shape[2] // self.stride, probabilities.shape[3] // self.stride
        if probabilities.shape[1] != self.classes or height * width < 2:
            raise ShapeError(
                f"hallucinator: condition {tuple(probabilities.shape)}, wanted {self.classes} classes and more than one "
                f"cell of {self.stride}x{self.stride} pixels"
            )
        condition = self.condition(probabilities)
        return _resize(self.gamma(condition), size), _resize(self.beta(condition), size)


def maps(hallucinator: Hallucinator, condition: Tensor, like: Tensor, bound: float | None) -> tuple[Tensor, Tensor]:
    """gamma and beta for the cells of `like` (B, C, h, w), float32; neither leaves [-bound, bound] if there is a bound."""
    gamma, beta = hallucinator(condition, (like.shape[2], like.shape[3]))
    return bounded(gamma.float(), bound), bounded(beta.float(), bound)


def modulate(style: Tensor, gamma: Tensor, beta: Tensor, delta: float) -> Tensor:
    """f' = f_s * (gamma + delta) + beta, all (B, C, h, w).  ASH eq. 3."""
    return torch.addcmul(beta, style, gamma + delta)


def modulate_locally(content: Tensor, style: Tensor, gamma: Tensor, beta: Tensor, delta: float) -> Tensor:
    """Give each cell of the content its own share of the style: norm(f_c) * sigma(f_s) (gamma + delta) + mu(f_s) + beta.

    All (B, C, h, w), gamma and beta of the content's size; with gamma = beta = 0 and delta = 1 it is AdaIN.  This is what
    the ASH paper describes, and what its eq. 1-4 cannot do: there gamma and beta reach the image only through the mean
    and deviation of f', so every cell gets the same style.  OURS, not the paper's.
    """
    content_mean, content_std = channel_statistics(content)
    style_mean, style_std = channel_statistics(style)
    return (content.float() - content_mean) / content_std * style_std * (gamma + delta) + style_mean + beta


def bounded(values: Tensor, bound: float | None) -> Tensor:
    """The bound b times tanh(v / b): v itself near 0, never beyond b; without a bound, v."""
    return values if bound is None else bound * torch.tanh(values / bound)


def smooth(probabilities: Tensor, epsilon: float = 0.1) -> Tensor:
    """(1 - epsilon) P + epsilon / K over the K classes of (B, K, H, W); the release smooths H's condition by 0.1."""
    return (1 - epsilon) * probabilities + epsilon / probabilities.shape[1]


@torch.no_grad()
def class_contributions(hallucinator: Hallucinator, probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """What each class adds to the L1 norms of gamma and beta, (K,) each, summed over the batch.  ASH Figure 4.

    sum|gamma(P)| - sum|gamma(P with channel k set to 0)|, at the resolution of the condition net; negative where the
    class makes the maps smaller.  `probabilities` (B, K, H, W).
    """
    size = (probabilities.shape[2] // hallucinator.stride, probabilities.shape[3] // hallucinator.stride)

    def norms(condition: Tensor) -> Tensor:
        return torch.stack([values.abs().sum() for values in hallucinator(condition, size)])

    whole = norms(probabilities)
    changes = []
    for index in range(probabilities.shape[1]):
        without = probabilities.clone()
        without[:, index] = 0
        changes.append(whole - norms(without))
    gamma, beta = torch.stack(changes, 1)
    return gamma, beta


def _branch(inputs: int, channels: int) -> nn.Sequential:
    """Two 1x1 convolutions to one of the two maps."""
    return nn.Sequential(nn.Conv2d(inputs, channels, 1), nn.LeakyReLU(SLOPE), nn.Conv2d(channels, channels, 1))


def _resize(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize to (height, width), corners aligned, in float32 at least."""
    return bilinear(values.to(torch.promote_types(values.dtype, torch.float32)), size)
