"""The frozen pair of encoder and decoder that every method stylises with, and its file.

The file (`ash.files.tensors`) holds weights as float16, or as float32 where they were published so, and the settings that
rebuild the nets as its notes.  A pair is used in float16 unless an experiment says otherwise; the SHA-256 of a file in that
form is the pair's digest, which feature files carry.
"""

import hashlib
from pathlib import Path
from typing import Self

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn

from ash.config import Section
from ash.contract import Weights
from ash.errors import CheckpointError, StoreError, several
from ash.files.foreign import misfits
from ash.files.tensors import pack, unpack
from ash.style.adain import adain
from ash.style.vgg import STRIDE, Decoder, DecoderLayer, Depth, Encoder, mirror


class NetworkSettings(Section):
    """Shape of the pair."""

    width: int = Field(ge=2, description="channels of the encoder's first stage (64 is VGG19's)")
    depth: Depth = Field(description="layer whose features are stylised")
    decoder: tuple[DecoderLayer, ...] = Field(
        min_length=1, description='channels of the decoder\'s convolutions, "up" for each upsampling by 2'
    )


PAPER = NetworkSettings(width=64, depth="relu4_1", decoder=mirror(64, "relu4_1"))


class Stylizer(nn.Module):
    """A frozen encoder and decoder; images are RGB (B, 3, H, W) in [0, 1], features (B, `channels`, h, w).

    The decoder's output is not clamped, so that gradients pass it (the release does not clamp either).
    """

    def __init__(self, settings: NetworkSettings) -> None:
        """Build the nets; their weights mean nothing until they are loaded or fitted."""
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings.width, settings.depth)
        self.decoder = Decoder(self.encoder.channels, settings.decoder)
        self.channels = self.encoder.channels
        self.stride = STRIDE[settings.depth]
        self.freeze()

    def freeze(self) -> Self:
        """Exclude every weight from learning; gradients still pass through to the inputs."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self.eval().requires_grad_(False)

    def encode(self, image: Tensor) -> Tensor:
        """RGB (B, 3, H, W) in [0, 1] to features (B, channels, ceil(H/stride), ceil(W/stride))."""
        features: Tensor = self.encoder(image)
        return features

    def decode(self, features: Tensor) -> Tensor:
        """Features (B, channels, h, w) to RGB of about [0, 1], (B, 3, h*stride, w*stride), not clamped."""
        image: Tensor = self.decoder(features)
        return image

    def stylise(self, content_features: Tensor, style_features: Tensor, alpha: float) -> Tensor:
        """The content with a share `alpha` of the style: Dec(alpha AdaIN(f_c, f_s) + (1 - alpha) f_c).  ASH eq. 1, 4."""
        target = adain(content_features, style_features)
        return self.decode(torch.lerp(content_features.float(), target, alpha))

    @property
    def digest(self) -> str:
        """SHA-256 of the pair's file in float16."""
        return hashlib.sha256(self.serialise()).hexdigest()

    def serialise(self, weights: Weights = "fp16") -> bytes:
        """The bytes of the pair's file."""
        state = {name: _rounded(value, weights) for name, value in self.state_dict().items()}
        return pack(state, self.settings.model_dump(mode="json"))

    def save(self, path: Path, weights: Weights = "fp16") -> None:
        """Write the pair's file; not atomic by itself: give it the temporary path of `ash.files.atomic.atomic`."""
        Path(path).write_bytes(self.serialise(weights))


def load_stylizer(path: Path, precision: Weights = "fp16") -> Stylizer:
    """Read a pair written by `Stylizer.save`, with its weights rounded to float16 or as the file has them.

    Raises StoreError if the file is missing, damaged or not ours, CheckpointError if its weights do not fit its settings.
    """
    notes, weights = unpack(path, "a stylizer", "run the step that makes it")
    try:
        stylizer = Stylizer(NetworkSettings.model_validate(notes))
    except ValidationError as cause:
        fault = cause.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "notes"
        raise StoreError(f"{path}: settings of the stylizer, {where}: {fault['msg']}; make the file again") from cause
    faults = misfits(weights, stylizer.state_dict())
    if faults:
        raise CheckpointError(several(f"{path}: weights do not fit its own settings; make the file again:", faults))
    stylizer.load_state_dict({name: _rounded(value, precision).float() for name, value in weights.items()})
    return stylizer.freeze()


def _rounded(values: Tensor, weights: Weights) -> Tensor:
    return values.half() if weights == "fp16" else values
