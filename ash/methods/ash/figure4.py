"""ASH Figure 4: what each class adds to the L1 norms of gamma and beta."""

from torch import Tensor

from ash.labels import CLASSES
from ash.style.hallucination import Hallucinator, class_contributions


def contributions(hallucinator: Hallucinator, condition: Tensor) -> dict[str, float]:
    """Columns `pixels.CLASS`, `gamma.CLASS` and `beta.CLASS` of the history.

    `condition` (B,K,h,w) holds the probabilities that H is told; `pixels` counts those of its h x w cells whose largest
    probability is that class.  What the paper calls normalised is gamma / pixels and beta / pixels (`ash figures`).
    """
    pixels = condition.argmax(1).flatten().bincount(minlength=condition.shape[1])
    kinds = {
        "pixels": pixels,
        **dict(zip(("gamma", "beta"), class_contributions(hallucinator, condition), strict=True)),
    }
    return {f"{kind}.{name}": float(values[k]) for kind, values in kinds.items() for k, name in enumerate(CLASSES)}
