"""How far predictions for several views of one image are from each other.

AugMix's Jensen-Shannon divergence, as RandConv (wildphoton/RandConv) and SHADE (HeliosZhao/SHADE) compute it for each pixel:

    m = (p_1 + ... + p_n) / n, at least 1e-7;   JSD = mean_i mean over pixels of sum_c p_i (log p_i - log m)
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ash.segmentation import losses

SMALLEST = 1e-7  # of the mean probability, as in both releases


def jensen_shannon(views: Sequence[Sequence[Tensor]]) -> Tensor:
    """JSD in nats of the predictions for n views, each the logits (B,K,h,w) of the heads, whose sum is the prediction.

    At the size of the logits, where the releases resize them to the image first.  Gradients pass all views.
    """
    log_p = [losses.summed(heads).log_softmax(1) for heads in views]
    log_mean = torch.stack([values.exp() for values in log_p]).mean(0).clamp_min(SMALLEST).log()
    return torch.stack([(values.exp() * (values - log_mean)).sum(1).mean() for values in log_p]).mean()
