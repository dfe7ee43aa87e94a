"""What other steps leave for the report to read: each file is held against its shape, and named if it has another.

Each reader raises StoreError: the file, where in it the fault lies, and the step that makes it anew.
"""

import zipfile
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from ash.errors import StoreError, flat
from ash.evaluation.scores import image_counts, iou, miou
from ash.labels import CLASSES, N_CLASSES, SUBSETS, VOID

T = TypeVar("T")
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Counts = Annotated[
    list[Annotated[int, Field(ge=0, lt=2**53)]], Field(min_length=N_CLASSES, max_length=N_CLASSES)
]  # pixels of each class
SCORED, TRAINED, STYLISED = (
    "evaluate the experiment",
    "train the experiment",
    "run `ash stylisation`",
)  # what makes a file


class Images(TypedDict):
    """The scores of each image, N of them."""

    id: list[str]
    true_positive: list[Counts]
    false_positive: list[Counts]
    false_negative: list[Counts]


class Scores(TypedDict):
    """The JSON of one run on one target, as far as the report reads it; null where a figure is undefined."""

    experiment: str
    seed: int
    target: str
    classes: list[str]
    iou: dict[str, Share | None]
    miou: dict[str, Share | None]
    images: Images


class Provenance(TypedDict):
    """What a run was made with, as far as the report shows it."""

    version: str
    torch: str
    python: str
    precision: str
    machine: dict[str, Any]


class Cost(TypedDict):
    """What a training step of an experiment costs: passes for each source image, milliseconds."""

    experiment: str
    forward: Finite
    backward: Finite
    least_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    clock: str
    precision: str


_SCORES, _PROVENANCE = TypeAdapter(Scores), TypeAdapter(Provenance)
_COSTS = TypeAdapter(Annotated[list[Cost], Field(min_length=1)])


def read_json_as(shape: TypeAdapter[T], path: Path, step: str) -> T:
    """The JSON of a file, which must have that shape."""
    try:
        return shape.validate_json(path.read_bytes())
    except OSError as cause:
        raise _unreadable(path, cause, step) from cause
    except ValidationError as cause:
        fault = cause.errors(include_url=False, include_input=False, include_context=False)[0]
        where = " ".join(".".join(str(part) for part in fault["loc"]).split())[:80]  # keys may hold anything
        more = f", and {cause.error_count() - 1} more" if cause.error_count() > 1 else ""
        raise StoreError(f"{path}: {where or 'whole file'}: {fault['msg']}{more}; {_again(step)}") from cause


def read_scores(path: Path) -> Scores:
    """The scores of a run on a target."""
    run = read_json_as(_SCORES, path, SCORED)
    images = run["images"]
    wanted = {"classes": list(CLASSES), "miou": [str(n) for n in SUBSETS]}
    if run["classes"] != wanted["classes"] or not set(run["iou"]) >= set(CLASSES):
        raise StoreError(f"{path}: scores of other classes than {CLASSES[0]} to {CLASSES[-1]}; {_again(SCORED)}")
    if missing := [n for n in wanted["miou"] if n not in run["miou"]]:
        raise StoreError(f"{path}: miou.{missing[0]}: missing; {_again(SCORED)}")
    lengths = {name: len(values) for name, values in images.items()}  # type: ignore[arg-type]
    if len(set(lengths.values())) > 1 or not images["id"]:
        raise StoreError(f"{path}: images: {lengths}, wanted one length, 1 or more; {_again(SCORED)}")
    if wrong := _disagreeing(run):
        raise StoreError(f"{path}: {wrong}: is not what the counts of its images give; {_again(SCORED)}")
    return run


def _disagreeing(run: Scores) -> str:
    """The first figure of a run that its images contradict, as one that was edited or damaged; or ""."""
    tally = image_counts(run).sum(0)
    stated = {f"iou.{name}": run["iou"][name] for name in CLASSES} | {f"miou.{n}": run["miou"][str(n)] for n in SUBSETS}
    figures = [*iou(tally), *(miou(tally, n) for n in SUBSETS)]
    for (name, found), wanted in zip(stated.items(), figures, strict=True):
        if not np.isclose(np.nan if found is None else found, wanted, rtol=0, atol=1e-9, equal_nan=True):
            return name
    return ""


def read_provenance(path: Path) -> Provenance:
    """What a run was made with."""
    return read_json_as(_PROVENANCE, path, TRAINED)


def read_costs(path: Path) -> list[Cost]:
    """What `ash bench cost` measured, an experiment each."""
    return read_json_as(_COSTS, path, "measure with `ash bench cost`")


def read_csv(
    path: Path, step: str, wanted: tuple[str, ...], text: tuple[str, ...] = (), *, empty: bool = False
) -> pd.DataFrame:
    """A table of figures with those columns among others; a cell may be empty.

    `text` names columns that hold words; with `empty` the table may have no rows.
    """
    try:
        frame = pd.read_csv(path, encoding="utf-8", dtype=dict.fromkeys(text, str))
        for name in frame.columns.difference(text):
            frame[name] = frame[name].astype(float)
    except OSError as cause:
        raise _unreadable(path, cause, step) from cause
    except (ValueError, TypeError, OverflowError) as cause:  # pandas' own errors are ValueErrors
        raise StoreError(f"{path}: not a CSV file of figures ({flat(cause)}); {_again(step)}") from cause
    if missing := [name for name in wanted if name not in frame]:
        raise StoreError(f"{path}: column {missing[0]}: missing; {_again(step)}")
    if frame.empty and not empty:
        raise StoreError(f"{path}: no rows; {_again(step)}")
    return frame


def read_history(path: Path, *wanted: str) -> pd.DataFrame:
    """The history of a training, with the column `step` and those that are wanted."""
    return read_csv(path, TRAINED, ("step", *wanted))


def read_samples(path: Path) -> dict[str, np.ndarray]:
    """A few images of a target (N,H,W,3), and their labels and predictions (N,h,w), uint8; labels may be of another size."""
    samples = _read_arrays(path, ("image", "label", "prediction"), "images, labels and predictions", SCORED)
    image, label = samples["image"].shape, samples["label"].shape
    sound = (
        len(image) == 4 and image[-1] == 3 and len(label) == 3 and label[0] == image[0] and 0 not in (*image, *label)
    )
    for name, values in samples.items():
        if not sound or values.dtype != np.uint8 or (name == "prediction" and values.shape != label):
            raise StoreError(
                f"{path}: {name}: {values.dtype} {values.shape}, wanted uint8 images, labels and predictions of as many; "
                f"{_again(SCORED)}"
            )
    if any((samples[name][samples[name] != VOID] >= N_CLASSES).any() for name in ("label", "prediction")):
        raise StoreError(f"{path}: ids of other classes than {CLASSES[0]} to {CLASSES[-1]}; {_again(SCORED)}")
    return samples


_BYTES, _FLOATS = np.dtype(np.uint8), np.dtype(np.float32)
_STEPS = {
    **dict.fromkeys(("image", "target", "adain", "noise", "painting"), (_BYTES, 4)),
    **dict.fromkeys(("label", "prediction"), (_BYTES, 3)),
    **dict.fromkeys(("gamma", "beta"), (_FLOATS, 3)),
    "ash": (_BYTES, 5),
}  # type and axes of what `ash stylisation` writes


def read_stylisation(path: Path) -> dict[str, np.ndarray]:
    """How a trained ASH stylises a few images: arrays as `ash.experiment.stylisation.write_stylisation` states them."""
    steps = _read_arrays(path, tuple(_STEPS), "steps of a stylisation", STYLISED)
    for name, (kind, axes) in _STEPS.items():
        values = steps[name]
        if values.dtype != kind or values.ndim != axes or 0 in values.shape or not np.isfinite(values).all():
            raise StoreError(
                f"{path}: {name}: {values.dtype} {values.shape}, wanted finite {kind} with {axes} axes; {_again(STYLISED)}"
            )
    contents, height, width, _ = steps["image"].shape
    paintings = steps["painting"].shape[0]
    pictures = (contents, height, width, 3)
    wanted: dict[str, tuple[int, ...]] = dict.fromkeys(("image", "adain", "noise"), pictures)
    wanted["ash"] = (contents, paintings, height, width, 3)
    wanted["target"] = (contents, *steps["target"].shape[1:3], 3)
    wanted["painting"] = (paintings, *steps["painting"].shape[1:3], 3)
    wanted |= {name: (contents, *steps[name].shape[1:]) for name in ("label", "prediction", "gamma", "beta")}
    for name, shape in wanted.items():
        if steps[name].shape != shape:
            raise StoreError(f"{path}: {name}: shape {steps[name].shape}, wanted {shape}; {_again(STYLISED)}")
    if contents > paintings:
        raise StoreError(f"{path}: {contents} images, {paintings} paintings, wanted one for each; {_again(STYLISED)}")
    return steps


def _read_arrays(path: Path, names: tuple[str, ...], what: str, step: str) -> dict[str, np.ndarray]:
    """Those arrays of an .npz file."""
    try:
        with path.open("rb") as whole, np.load(whole) as file:
            return {name: file[name] for name in names}
    except FileNotFoundError as cause:
        raise _unreadable(path, cause, step) from cause
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, AttributeError) as cause:
        raise StoreError(f"{path}: no archive of {what}; {_again(step)}") from cause


def _again(step: str) -> str:
    return f"remove it and {step} again"


def _unreadable(path: Path, cause: OSError, step: str) -> StoreError:
    if isinstance(cause, FileNotFoundError):
        return StoreError(f"{path}: missing; {step} first")
    return StoreError(f"{path}: cannot be read ({cause.strerror or cause}); fix permissions, or {_again(step)}")
