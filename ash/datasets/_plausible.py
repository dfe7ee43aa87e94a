"""What label maps of a street may look like as a whole, by the pixels of each class."""

import numpy as np

from ash.labels import CLASSES, N_CLASSES, VOID

ROAD, SKY = CLASSES.index("road"), CLASSES.index("sky")
MIDDLE, MARGIN = 0.5, 0.1  # of an image's height; roads of streets lie at 0.7 to 0.8 on average, the sky at 0.1 to 0.3
SEEN = 0.001  # of all pixels, below which the place of a class tells nothing
HIGH = 8  # classes above id 18 that a table needs for its ids to differ from train ids


def read_as_train_ids(pixels: np.ndarray, table: np.ndarray) -> bool:
    """Whether label maps of a set look as if they held train ids, from their pixels by train id (256,) as `table` read them.

    The ids 0 to 18 lead to a few classes and much void in a table whose other classes have higher ids.
    """
    classes = table < N_CLASSES
    low = set(table[:N_CLASSES][classes[:N_CLASSES]].tolist())
    high = set(table[N_CLASSES:][classes[N_CLASSES:]].tolist()) - low
    present = set(np.flatnonzero(pixels[:N_CLASSES]).tolist())
    mostly_void = pixels[VOID] > 0.4 * pixels.sum()
    odd = len(present) >= 3 or (bool(present) and 0 not in present)  # road is 0, and read as an id it is void
    return len(high) >= HIGH and odd and present <= low and bool(mostly_void)


def heights(label: np.ndarray) -> np.ndarray:
    """How high road and sky lie in a label map (H,W) of train ids: the sum over their pixels of row / H, float64 (2,)."""
    rows = np.arange(label.shape[0]) / max(label.shape[0], 1)
    return np.array([(label == k).sum(1) @ rows for k in (ROAD, SKY)])


def overturned(pixels: np.ndarray, heights: np.ndarray) -> bool:
    """Whether road lies above and sky below the middle of a split, as where the ids are those of another set.

    From pixels by train id (256,) and the sums of `heights` (2,).  CamVid's sky has the train id of road; read as each
    other's ids, both sets have road in the air.
    """
    there = pixels[[ROAD, SKY]]
    road, sky = np.where(there > SEEN * pixels.sum(), heights / np.maximum(there, 1), (1.0, 0.0))
    return bool(road < MIDDLE - MARGIN or sky > MIDDLE + MARGIN)


def class_notes(pixels: np.ndarray, maps: np.ndarray, count: int, table: np.ndarray) -> list[str]:
    """What is odd about `count` label maps, given pixels and label maps by train id (256,)."""
    notes = []
    reachable = set(table[table < N_CLASSES].tolist())
    present = np.flatnonzero(pixels[:N_CLASSES])
    labelled, total = pixels[:N_CLASSES].sum(), pixels.sum()
    if 2 * len(present) < len(reachable):
        names = ", ".join(CLASSES[k] for k in present)
        notes.append(f"only {len(present)} of the set's {len(reachable)} classes occur: {names}")
    top = int(pixels[:N_CLASSES].argmax())
    if labelled and pixels[top] > 0.99 * labelled:
        notes.append(f"{CLASSES[top]} fills {100 * pixels[top] / labelled:.1f} % of the labelled pixels")
    if pixels[VOID] > 0.5 * total:
        notes.append(f"{100 * pixels[VOID] / total:.0f} % of the label pixels are void")
    if 0 in reachable and 2 * maps[0] < count:
        notes.append(f"road lies in {maps[0]} of {count} label maps")
    return notes
