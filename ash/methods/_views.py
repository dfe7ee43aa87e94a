"""Views of an image that need no other image: PASTA's spectra and RandConv's random convolutions.

PASTA: Chattopadhyay et al., Proportional Amplitude Spectrum Training Augmentation, ICCV 2023 (prithv1/PASTA).
RandConv: Xu et al., Robust and Generalizable Visual Representation Learning via Random Convolutions, ICLR 2021
(wildphoton/RandConv).

    A, P = |F(x)|, arg F(x);  s(u,v) = (alpha r(u,v) / r_max)^k + beta                            -> spread
    x'   = clip(Re F^-1(A n e^iP), 0, 1),  n ~ N(1, s^2) for each frequency and channel           -> pasta

    x'   = (1 - a) x + a (W * x),  W of k x k pixels from N(0, 1 / (3 k^2)),  a ~ U(0,1)          -> random_conv
"""

import torch
from torch import Tensor
from torch.nn import functional

from ash.machine.deterministic import without_autocast
from ash.pixels import imagenet_normal, imagenet_pixels

PASTA_ALPHA, PASTA_K, PASTA_BETA = 3.0, 2.0, 0.25  # of every segmentation script of PASTA's authors
LARGEST = 3  # pixels from the middle of RandConv's largest kernel to its edge: k is 1, 3, 5 or 7


def pasta(image: Tensor, generator: torch.Generator) -> Tensor:
    """RGB (B,3,H,W) in [0,1] with a perturbed amplitude spectrum, the higher a frequency the more; in [0,1].

    A n e^iP is n F(x).  The noise of a frequency and of its mirror differ, so that the inverse is complex: the real part is
    taken, as in the released code.
    """
    deviation = spread(image.shape[2], image.shape[3], image.device)
    factor = 1 + deviation * torch.randn(image.shape, generator=generator, device=image.device)
    seen = torch.fft.ifft2(torch.fft.fft2(image.float()) * factor).real
    return seen.clamp(0, 1).contiguous(memory_format=torch.channels_last)


def spread(height: int, width: int, where: torch.device) -> Tensor:
    """s, the deviation of the noise at each frequency, (height,width) in the order of the FFT; r is in periods per image.

    The released code counts the negative frequencies from one step too far (fidelity.md): here r is that of the paper.
    """
    rows = torch.fft.fftfreq(height, 1 / height, device=where)[:, None]
    columns = torch.fft.fftfreq(width, 1 / width, device=where)
    radius = (rows.square() + columns.square()).sqrt()
    return (PASTA_ALPHA * radius / radius.max()) ** PASTA_K + PASTA_BETA


def random_conv(image: Tensor, generator: torch.Generator) -> Tensor:
    """RGB (B,3,H,W) mixed with what a random convolution makes of it: one kernel and one share for the batch, not clamped.

    The image is normalised by ImageNet's mean and deviation first, as in the released code, and brought back.
    """

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=image.device)

    radius, share = (draw(1) * (LARGEST + 1)).floor(), draw(1)
    size = 2 * LARGEST + 1
    far = torch.arange(-LARGEST, LARGEST + 1, device=image.device).abs()
    # A smaller kernel is the largest with its border set to 0: its size is drawn on the device, which waits for no host.
    inside = torch.maximum(far[:, None], far) <= radius
    weight = torch.randn((3, 3, size, size), generator=generator, device=image.device)
    weight = weight * inside / (3 * (2 * radius + 1) ** 2).sqrt()
    with without_autocast(image):
        normal = imagenet_normal(image)
        seen = torch.lerp(normal, functional.conv2d(normal, weight, padding=LARGEST), share)
        return imagenet_pixels(seen).contiguous(memory_format=torch.channels_last)
