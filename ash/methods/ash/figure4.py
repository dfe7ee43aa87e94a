"""ASH Figure 4: what each class adds to the L1 norms of gamma and beta."""

from torch import Tensor

from ash.labels import CLASSES
from ash.style.hallucination import Hallucinator, class_contributions


def contributions(hallucinator: Hallucinator, condition: Tensor) -> dict[str, float]:
    """Columns `gamma.CLASS` and `beta.CLASS`, and `..._per_pixel.CLASS` for each pixel predicted as that class.

    `condition` (B,K,h,w) holds the probabilities that H is told; a class that no pixel is predicted as has no column of
    the second kind.
    """
    pixels = condition.argmax(1).flatten().bincount(minlength=condition.shape[1])
    figures = {}
    for kind, values in zip(("gamma", "beta"), class_contributions(hallucinator, condition), strict=True):
        for k, name in enumerate(CLASSES):
            figures[f"{kind}.{name}"] = float(values[k])
            if pixels[k]:
                figures[f"{kind}_per_pixel.{name}"] = float(values[k] / pixels[k])
    return figures
