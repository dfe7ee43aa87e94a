"""Published weights of the stylizer: AdaIN's encoder and decoder, and the VGG19 of torchvision.

pytorch-AdaIN (naoto0804) keeps both nets as plain sequences in the numbering of `ash.style.vgg`.  `vgg_normalised.pth` goes
on to relu5_4; what lies beyond relu4_1 is left out.  torchvision's VGG19 has no leading 1x1 convolution: the one made here
brings RGB in [0,1] to unit spread, as that net expects.  Its features are scaled otherwise than AdaIN's, so that no published
decoder fits them; `ash fit-decoder` makes one.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ash.errors import CheckpointError, ConfigError, several
from ash.files.atomic import atomic
from ash.files.foreign import misfits, read_state, strip_prefix
from ash.pixels import IMAGENET_MEAN, IMAGENET_STD
from ash.style.stylizer import PAPER, NetworkSettings, Stylizer
from ash.style.vgg import Encoder

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19)  # of torchvision's VGG19 as far as relu4_1


def import_pair(encoder: str, decoder: str, out: Path) -> None:
    """Write the pair made of published weights; CheckpointError names the files that do not fit.

    ConfigError if `out` is one of them.
    """
    for source in (encoder, decoder):
        if Path(source).exists() and out.exists() and out.samefile(source):
            raise ConfigError(f"{out}: is one of the two checkpoints; name another file to write")
    try:
        pair = stylizer_of(read_state(encoder), read_state(decoder))
    except CheckpointError as cause:
        raise CheckpointError(f"{encoder}, {decoder}: {cause}") from cause
    with atomic(out) as temporary:
        pair.save(temporary, "fp32")  # as published; `load_stylizer` rounds


def stylizer_of(encoder: Mapping[str, Tensor], decoder: Mapping[str, Tensor] | None) -> Stylizer:
    """The paper's pair from published weights; without a decoder, that one is yet to be fitted.

    CheckpointError lists all that does not fit.
    """
    known = tuple(str(k) for k in range(60))
    encoder = _from_torchvision(encoder) if "features.0.weight" in encoder else strip_prefix(encoder, known)
    pair = Stylizer(_shape(encoder))
    state = {f"encoder.{name}": value.float() for name, value in encoder.items() if _within(name, pair.encoder)}
    if decoder is not None:
        state |= {f"decoder.{name}": value.float() for name, value in strip_prefix(decoder, known).items()}
    else:
        state |= {name: value for name, value in pair.state_dict().items() if name.startswith("decoder.")}
    faults = misfits(state, pair.state_dict())
    if faults:
        raise CheckpointError(several("weights do not fit AdaIN's VGG19 and decoder:", faults))
    pair.load_state_dict(state)
    return pair.freeze()


def _shape(encoder: Mapping[str, Tensor]) -> NetworkSettings:
    """The paper's pair, at the width that the encoder's first 3x3 convolution has."""
    first = encoder.get("2.weight")
    if first is None:
        names = ", ".join(list(encoder)[:4])
        raise CheckpointError(f"encoder holds {names}; wanted vgg_normalised.pth (0.weight, 2.weight, ...) or a VGG19")
    if first.dim() != 4 or len(first) < 2 or PAPER.width % len(first):
        raise CheckpointError(
            f"encoder's 2.weight has shape {tuple(first.shape)}, wanted {PAPER.width} channels, or a part"
        )
    scale = PAPER.width // len(first)
    layers = tuple(n if n in ("up", 3) else int(n) // scale for n in PAPER.decoder)
    return NetworkSettings(width=len(first), depth=PAPER.depth, decoder=layers)


def _within(name: str, net: nn.Sequential) -> bool:
    """Whether a weight of a plain sequence belongs to the part of it that we have."""
    first = name.split(".", maxsplit=1)[0]
    return not first.isdecimal() or (len(first) < 4 and int(first) < len(net))


def _from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """VGG19 as far as relu4_1 in our numbering, behind the convolution that normalises."""
    with torch.device("meta"):
        encoder = Encoder(2, PAPER.depth)
    ours = [k for k, layer in enumerate(encoder) if isinstance(layer, nn.Conv2d)][1:]
    std = torch.tensor(IMAGENET_STD)
    converted = {"0.weight": torch.diag(1 / std)[:, :, None, None], "0.bias": -torch.tensor(IMAGENET_MEAN) / std}
    for here, there in zip(ours, CONVOLUTIONS, strict=True):
        for part in ("weight", "bias"):
            if f"features.{there}.{part}" in state:
                converted[f"{here}.{part}"] = state[f"features.{there}.{part}"]
    return converted
