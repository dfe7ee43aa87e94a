"""Which images a step sees: a pure function of (seed, step), so that a resumed run needs no loader state.

Images and paintings are each shuffled anew in every pass; the k-th sample of a run is the (k mod n)-th of pass k // n.
Experiments of equal seed see the same images, mirrors and paintings in the same order, which pairs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ash.labels import VOID

LOOKED_AT = 32  # images among which the one that diagnostics show is chosen
_IMAGES, _STYLES, _MIRROR, _NOISE, _TARGETS, _BANK, _COPIES, _JITTER = range(8)  # independent streams of one seed


@dataclass(frozen=True)
class Draw:
    """The content of one batch: indices of source images, of paintings and of target images, mirrors, and a seed."""

    images: np.ndarray
    styles: np.ndarray
    targets: np.ndarray
    mirror: np.ndarray
    noise_seed: int


def draw(
    seed: int,
    step: int,
    batch: int,
    images: int,
    styles: int = 0,
    targets: int = 0,
    *,
    paintings: int = 1,
    bank: int | None = None,
) -> Draw:
    """Draw the batch of `step`; `images`, `styles` and `targets` are the sizes of the sets (0: the set is not used).

    Each image gets `paintings` paintings, those of the first round before those of the second.  With a `bank` they come
    from so many paintings, the same in every step, and those of one image differ: they are drawn for each image anew.
    """
    rng = np.random.default_rng([seed, _MIRROR, step])
    if bank is None:
        chosen = _indices(seed, _STYLES, step, batch * paintings, styles)
    else:
        rounds = np.stack(
            [_order(seed, _COPIES, k, bank)[:paintings] for k in range(step * batch, (step + 1) * batch)], 1
        )
        chosen = _order(seed, _BANK, 0, styles)[rounds.flatten()]
    return Draw(
        images=_indices(seed, _IMAGES, step, batch, images),
        styles=chosen,
        targets=_indices(seed, _TARGETS, step, batch, targets),
        mirror=rng.random(batch) < 0.5,
        noise_seed=int(np.random.default_rng([seed, _NOISE, step]).integers(2**62)),
    )


def jitter(seed: int, step: int) -> tuple[float, float]:
    """By what the source images of a step and its paintings are resized: 1.1 or 0.8, with 30 % each, or 1.

    One factor serves a batch; the releases of CLAN and ASH draw one for each image, and have one image a batch.
    """
    first, second = np.random.default_rng([seed, _JITTER, step]).random(2)
    return _factor(first), _factor(second)


def _factor(share: float) -> float:
    return 1.1 if share > 0.7 else 0.8 if share < 0.3 else 1.0


def most_classes(labels: Sequence[np.ndarray]) -> int:
    """Which of the first 32 labels, uint8 (h,w), shows the most classes; the first of those that show as many.

    It is the one image that Figure 4 is taken of, in every step of every run: it depends on no seed.
    """
    counts = [len(np.setdiff1d(labels[k], [VOID])) for k in range(min(LOOKED_AT, len(labels)))]
    return int(np.argmax(counts))


def _indices(seed: int, stream: int, step: int, batch: int, size: int) -> np.ndarray:
    if size == 0:
        return np.zeros(0, np.int64)
    k = np.arange(step * batch, (step + 1) * batch)
    return np.array([_order(seed, stream, int(n) // size, size)[int(n) % size] for n in k])


@lru_cache(maxsize=8)
def _order(seed: int, stream: int, turn: int, size: int) -> np.ndarray:
    return np.random.default_rng([seed, stream, turn]).permutation(size)
