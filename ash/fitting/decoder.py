"""Fits a decoder to a frozen, published encoder: one more method for the training loop, fed with crops of prepared sets.

Huang & Belongie, Arbitrary Style Transfer in Real-Time with Adaptive Instance Normalization, ICCV 2017.

    t    = AdaIN(E(c), E(s)),  g = Dec(t)                                        eq. 9-10
    L_c  = MSE(E(g), t)                                                          eq. 12
    L_s  = sum over relu1_1 .. relu4_1 of S(E_k(g), E_k(s))                      eq. 13 -> adain.statistics_distance
    Dec    content_weight L_c + style_weight L_s                                 eq. 11
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.config import DecoderSettings, OptimiserSettings, Settings, TrainingSettings
from ash.contract import Batch, Method, Update
from ash.errors import CheckpointError, ConfigError, DataError, ShapeError
from ash.files.atomic import atomic, digest, file_digest, write_json
from ash.files.foreign import read_state
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.fitting.pair import initialise_decoder
from ash.machine import deterministic, precision
from ash.machine.device import device, enough_memory
from ash.pixels import scaled
from ash.progress import Progress
from ash.style.adain import adain, statistics_distance
from ash.style.stylizer import Stylizer
from ash.training.alone import alone
from ash.training.batches import Batches
from ash.training.code import code_digest
from ash.training.loop import train
from ash.weights.adain import stylizer_of


class DecoderFit(Method):
    """The pair, of which only the decoder learns; batches hold contents as `image` and paintings as `target`."""

    def __init__(self, settings: DecoderSettings, stylizer: Stylizer) -> None:
        self.settings, self.stylizer = settings, stylizer
        stylizer.decoder.requires_grad_(True)
        self.players: Mapping[str, nn.Module] = {"decoder": stylizer.decoder}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the decoder's update."""
        s, encoder = self.settings, self.stylizer.encoder
        if batch.target is None:
            raise ShapeError("batch: holds no paintings; wanted as many as contents")
        with torch.no_grad():
            style = encoder.taps(batch.target)
            target = adain(self.stylizer.encode(batch.image), style[-1])
        again = encoder.taps(self.stylizer.decode(target))
        style_loss = torch.stack([_distance(one, other) for one, other in zip(again, style, strict=True)]).sum()
        content_loss = functional.mse_loss(again[-1].float(), target)
        yield Update("decoder", {"content": s.content_weight * content_loss, "style": s.style_weight * style_loss})


def _distance(one: Tensor, other: Tensor) -> Tensor:
    return statistics_distance(one, other, "mean_std")


class CropFeed(Batches):
    """Random crops of contents and paintings, mirrored half of the time: a function of (seed, step) alone.

    Departure from pytorch-AdaIN, which first resizes all images to 512x512: crops are taken from the prepared images.
    """

    def __init__(self, contents: list[Any], paintings: Any, settings: DecoderSettings, where: torch.device) -> None:
        """`contents` and `paintings`: uint8 (N,H,W,3), indexable; DataError if a set is smaller than a crop."""
        self.contents, self.paintings, self.settings, self.device = contents, paintings, settings, where
        for images in (*contents, paintings):
            if min(images.shape[1:3]) < settings.crop:
                raise DataError(
                    f"images of {images.shape[2]}x{images.shape[1]}, wanted {settings.crop} a side; lower crop"
                )

    def read(self, step: int) -> tuple[Tensor, Tensor, int]:
        """Contents and paintings, uint8 (B,crop,crop,3) each, and the step."""
        random, s = np.random.default_rng([self.settings.seed, step]), self.settings
        sets = [self.contents[int(k)] for k in random.integers(len(self.contents), size=s.batch)]
        image = np.stack([self._crop(images, random) for images in sets])
        painting = np.stack([self._crop(self.paintings, random) for _ in range(s.batch)])
        return torch.from_numpy(image), torch.from_numpy(painting), step

    def place(self, content: tuple[Tensor, Tensor, int]) -> Batch:
        """Contents as `image`, paintings as `target`, (B,3,crop,crop) each."""
        image, painting = (scaled(pixels.to(self.device, non_blocking=True)) for pixels in content[:2])
        still = torch.zeros(len(image), dtype=torch.bool, device=self.device)
        void = torch.zeros((len(image), 1, 1), dtype=torch.int64, device=self.device)
        generator = torch.Generator(self.device).manual_seed(content[2])
        return Batch(image=image, label=void, mirror=still, generator=generator, target=painting)

    def _crop(self, images: Any, random: np.random.Generator) -> np.ndarray:
        size = self.settings.crop
        top, left = (int(random.integers(images.shape[axis] - size + 1)) for axis in (1, 2))
        crop: np.ndarray = images[int(random.integers(len(images)))][top : top + size, left : left + size]
        return crop[:, :: -1 if random.random() < 0.5 else 1]


def fit_decoder(
    settings: Settings, contents: list[Path], paintings: Path, out: Path, history: Path, progress: Progress
) -> None:
    """Fit a decoder to the protocol's encoder, going on from beside `out` if killed; write the pair and its history.

    On one kind of CPU the outcome is the same every time.
    """
    chosen, where = settings.protocol.decoder, device()
    if chosen is None:
        raise ConfigError(f"protocol {settings.params.protocol}: has no section decoder; its stylizer is fitted whole")
    deterministic.switch_on()
    arithmetic = precision.resolve(chosen.precision, where)
    method = DecoderFit(chosen, starting_pair(chosen).to(where))
    resume = out.with_name(f"{out.stem}.resume.pt")
    lock, remedy = out.with_name(f".{out.name}.lock"), f"lower decoder.batch (now {chosen.batch}) or decoder.crop"
    with alone(lock), ExitStack() as stack, enough_memory(where, remedy):
        opened = [stack.enter_context(open_h5(path, PREPARED_SCHEMA)) for path in (*contents, paintings)]
        feed = CropFeed([file["image"] for file in opened[:-1]], opened[-1]["image"], chosen, where)
        made_from = [str(file.attrs["content"]) for file in opened]
        rows = train(
            method,
            feed,
            _training(chosen),
            resume=resume,
            digest=digest({"settings": chosen.model_dump(mode="json"), "precision": arithmetic}),
            inputs=_inputs(chosen, made_from),
            autocast=precision.autocast(arithmetic, where),
            progress=progress,
        )
        pair = method.stylizer.cpu().freeze()
        with atomic(out) as temporary:
            pair.save(temporary)
        record = {"settings": chosen.model_dump(mode="json"), "precision": arithmetic, "losses": rows.rows}
        write_json(history, record | {"data": made_from, "digest": pair.digest})
        resume.unlink()


def _inputs(settings: DecoderSettings, made_from: list[str]) -> dict[str, str]:
    """Digests of all that a fit reads, and of its code."""
    encoder = Path(settings.encoder)
    weights = file_digest(encoder) if encoder.exists() else settings.encoder
    return {"data": digest(made_from), "encoder": weights, "code": code_digest(("fitting", "weights"))}


def starting_pair(settings: DecoderSettings) -> Stylizer:
    """The published encoder, and a decoder whose random weights depend on the seed alone."""
    try:
        pair = stylizer_of(read_state(settings.encoder), None)
    except CheckpointError as cause:
        raise CheckpointError(f"{settings.encoder}: {cause}") from cause
    initialise_decoder(pair, torch.Generator().manual_seed(settings.seed))
    return pair


def _training(s: DecoderSettings) -> TrainingSettings:
    """The loop's settings."""
    adam = OptimiserSettings(
        kind="adam",
        lr=s.rate,
        weight_decay=0,
        momentum=0.9,
        beta2=0.999,
        clip=None,
        head_multiplier=1,
        backbone_multiplier=1,
    )
    return TrainingSettings(
        iterations=s.iterations,
        batch=s.batch,
        label_stride=1,
        warmup=0,
        power=1,
        decay=s.decay,
        precision=s.precision,
        log_every=s.log_every,
        checkpoint_every=s.checkpoint_every,
        order="simultaneous",
        optimisers={"decoder": adam},
    )
