"""How a trained ASH stylises a few images, step by step, in one file: what Figures 1, 2 and 4 are drawn of."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ash.config import Settings
from ash.contract import Batch
from ash.experiment.hallucinated import MODEL, PLAYERS, TrainedRun, load_run
from ash.experiment.origin import check_prepared
from ash.experiment.pictures import refuse_place, to_pixels
from ash.files.atomic import atomic_file
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.machine.device import enough_memory
from ash.segmentation.losses import probability_map
from ash.style import hallucination
from ash.style.adain import adain
from ash.style.noise import NoiseForm, perturb
from ash.style.view import given, view
from ash.training.sampler import most_classes

CONTENTS, PAINTINGS = 3, 5  # images of the source, and paintings, that are shown
WIDEST = 640  # columns of a stored picture; larger ones are reduced by whole factors
SEED = 0  # of the noise


def write_stylisation(
    settings: Settings,
    experiment: str,
    run: Path,
    stylizer: Path,
    prepared: Path,
    paintings: Path,
    target: Path,
    out: Path,
) -> None:
    """Write an .npz of C=3 source images, P=5 paintings and C target images; all pictures are uint8 RGB of H x W.

    image, target    (C,H,W,3); the first image is the one that diagnostics of a training show (`sampler.most_classes`)
    painting         (P,.,.,3)
    label            (C,h,w) train ids
    prediction       (C,H,W) train ids, G's own
    gamma, beta      (C,h,w) float32, means of |gamma| and |beta| over channels, for image k and painting k
    adain, noise     (C,H,W,3), image k in the style of painting k: without noise and H, and with noise alone
    ash              (C,P,H,W,3), each image in each style, with noise and H

    The noise is the same for `noise` and `ash`.  The target's images are shown beside the others and enter nothing.
    """
    source, style = settings.experiment(experiment).source, settings.experiment(experiment).style_set
    refuse_place(out, stylizer, prepared, paintings, target, run / MODEL, run / PLAYERS)
    check_prepared(settings, prepared, source, "train")
    check_prepared(settings, paintings, style, "train")
    trained = load_run(run, stylizer)
    with open_h5(prepared, PREPARED_SCHEMA) as file:
        chosen = _chosen(file["label"])
        images, labels = ([file[name][k] for k in chosen] for name in ("image", "label"))
    with open_h5(paintings, PREPARED_SCHEMA) as file:
        styles = _spread(file["image"], PAINTINGS)
    with open_h5(target, PREPARED_SCHEMA) as file:
        seen = _spread(file["image"], CONTENTS)
    with torch.inference_mode(), enough_memory(trained.where, "run it on a machine with more"):
        pairs = enumerate(zip(images, labels, strict=True))
        rows = [_row(trained, image, label, styles, k) for k, (image, label) in pairs]
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    with atomic_file(out) as binary:
        np.savez_compressed(
            binary,
            image=np.stack([_reduced(image) for image in images]),
            label=np.stack([_thinned(label) for label in labels]),
            painting=np.stack([_reduced(image) for image in styles]),
            target=np.stack([_reduced(image) for image in seen]),
            **arrays,  # type: ignore[arg-type]
        )


def _chosen(labels: Sequence[np.ndarray]) -> list[int]:
    """The image of the diagnostics, and others spread over the set; an image may come twice in a set of very few."""
    first, count = most_classes(labels), len(labels)
    return [first, *((first + count * k // CONTENTS) % count for k in range(1, CONTENTS))]


def _row(
    run: TrainedRun, image: np.ndarray, label: np.ndarray, paintings: list[np.ndarray], k: int
) -> dict[str, np.ndarray]:
    """All that one image becomes; of the steps with one painting only, the k-th is taken."""
    method, heads = run.method, run.heads(image)
    batches = [run.batch(image, painting, SEED, label) for painting in paintings]
    of = batches[k]
    content, style = given(of)
    like = content if method.settings.modulation == "local" else style
    maps = hallucination.maps(method.hallucinator, method.condition(heads, of), like, method.settings.bound)
    forms: dict[str, NoiseForm] = {"adain": "none", "noise": method.settings.noise}
    steps = {name: _picture(without_h(run, run.batch(image, paintings[k], SEED), form)) for name, form in forms.items()}
    predicted = probability_map(heads, image.shape[:2]).argmax(1)[0].to(torch.uint8).cpu().numpy()
    gamma, beta = (values.abs().mean(1)[0].cpu().numpy() for values in maps)
    ash = np.stack([_picture(run.stylised(batch, heads)) for batch in batches])
    return {"prediction": _thinned(predicted), "gamma": gamma, "beta": beta, **steps, "ash": ash}


def without_h(run: TrainedRun, batch: Batch, noise: NoiseForm) -> Tensor:
    """The stylised image (1,3,H,W) of a game without H: Dec(alpha AdaIN(f_c, Z f_s) + (1 - alpha) f_c)."""
    s, pair = run.method.settings, run.method.stylizer
    content, style = given(batch)
    mixed = adain(content, perturb(style, noise, batch.generator))
    return view(pair.decode(torch.lerp(content, mixed, s.alpha)), batch, s.vgg_input)


def _spread(images: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    return [images[int(i)] for i in np.linspace(0, len(images) - 1, count)]


def _picture(image: Tensor) -> np.ndarray:
    """RGB (1,3,H,W) of about [0,1] as uint8 (H,W,3)."""
    return _reduced(to_pixels(image[0]).permute(1, 2, 0).cpu().numpy())


def _factor(width: int) -> int:
    return -(-width // WIDEST)


def _reduced(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGB (H,W,3), at most 640 pixels wide: means over squares of whole pixels."""
    factor = _factor(pixels.shape[1])
    return pixels if factor == 1 else np.asarray(Image.fromarray(pixels).reduce(factor))


def _thinned(ids: np.ndarray) -> np.ndarray:
    """Train ids (h,w), at most 640 columns: every n-th."""
    factor = _factor(ids.shape[1])
    return ids[::factor, ::factor]
