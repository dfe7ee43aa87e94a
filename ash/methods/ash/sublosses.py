"""What H has besides the game: L_c, L_s1 and L_s2, as the released code computes them and as eq. 6 to 9 print them.

    released   + lambda_c MSE(t, f_c)     + lambda_s1 S(t, f_s)          - lambda_s2 S(t, f_c)
    printed    - lambda_c |t - f_c|       + lambda_s1 |mu(t) - mu(f')|   - lambda_s2 |mu(t) - mu(f_c)|

|.| is the l2 norm, not squared, of each image, as a mean over the batch.  The print has means alone: `statistics: mean_std`
adds the norm of the deviations' difference.  Its L_s1 is 0 up to rounding, because AdaIN hands on the mean of f' exactly.
"""

from typing import Literal, Protocol

from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import mse_loss as _mse

from ash.segmentation import losses
from ash.style import adain

SubLosses = Literal["released", "printed"]


class Weights(Protocol):
    """The settings of ASH that they read."""

    lambda_c: float
    lambda_s1: float
    lambda_s2: float
    use_content: bool
    use_style: bool
    use_divergence: bool
    sub_losses: SubLosses
    statistics: adain.Statistics
    resized_statistics: bool


def terms(settings: Weights, content: Tensor, style: Tensor, changed: Tensor, mixed: Tensor) -> dict[str, Tensor]:
    """H's own weighted terms, those that it has, of f_c, f_s after the noise, f' and t, all (B,C,.,.)."""
    s, printed, found = settings, settings.sub_losses == "printed", {}
    if s.use_content:
        found["content"] = -s.lambda_c * _norm(mixed - content) if printed else s.lambda_c * _mse(mixed, content)
    if s.use_style:
        of_style = _apart(mixed, changed, s.statistics) if printed else _from_style(s, mixed, style)
        found["style"] = s.lambda_s1 * of_style
    if s.use_divergence:
        apart = _apart if printed else adain.statistics_distance
        found["divergence"] = -s.lambda_s2 * apart(mixed, content, s.statistics)
    return found


def _from_style(settings: Weights, mixed: Tensor, style: Tensor) -> Tensor:
    """S(t, f_s); the release first brings t to the size of the style's map, which lowers its deviations."""
    if settings.resized_statistics:
        mixed = losses.resize(mixed, (style.shape[2], style.shape[3]))
    return adain.statistics_distance(mixed, style, settings.statistics)


def _norm(difference: Tensor) -> Tensor:
    """The l2 norm of each image's numbers (B,...), as a mean over the batch."""
    return vector_norm(difference.flatten(1), dim=1).mean()


def _apart(first: Tensor, second: Tensor, statistics: adain.Statistics) -> Tensor:
    """The norm of the difference of the means of two maps, plus that of the deviations for "mean_std"."""
    pairs = zip(adain.channel_statistics(first), adain.channel_statistics(second), strict=True)
    norms = [_norm(a - b) for a, b in pairs]
    return norms[0] if statistics == "mean" else norms[0] + norms[1]
