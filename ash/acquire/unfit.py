"""Files of weights that are there and cannot serve as what the protocol names them for: what a later step would refuse."""

from collections.abc import Callable
from pathlib import Path

from ash.acquire.networks import ADAIN, FITTED_PAIR, IMPORTED_PAIR, located
from ash.config import Protocol, SegmenterSettings
from ash.errors import AshError, ConfigError, brief, flat
from ash.files.foreign import TORCHVISION, read_state
from ash.files.packages import PACKAGE
from ash.files.packages import located as package_file
from ash.weights.adain import stylizer_of
from ash.weights.checkpoints import check_initial

VGG = f"{TORCHVISION}vgg19"


def unfit(protocol: Protocol) -> list[str]:
    """A line for each setting whose file is damaged, of another network or of another shape.  Reads every tensor."""
    segmenter, decoder = protocol.segmenter, protocol.decoder
    checks: list[tuple[str, tuple[str, ...], Callable[..., object]]] = []
    if segmenter.weights:
        checks.append(("segmenter.weights", (segmenter.weights,), lambda path: check_initial(path, segmenter)))
    if protocol.stylizer.weights == IMPORTED_PAIR:
        checks.append(("stylizer.weights", ADAIN, _pair))
    if protocol.stylizer.weights == FITTED_PAIR and decoder is not None:
        checks.append(("decoder.encoder", (decoder.encoder,), _pair))
    return [f"{key}: {fault}" for key, names, check in checks if (fault := _fault(protocol, key, names, check))]


def _published(segmenter: SegmenterSettings) -> str:
    """The network of torchvision that a segmenter's weights can be of; "none" where it has none like it."""
    if segmenter.kind != "resnet101":
        return "resnet18" if segmenter.kind == "resnet18" else "none"
    return "resnet50" if segmenter.blocks == (3, 4, 6, 3) else "resnet101"


def _fault(protocol: Protocol, key: str, names: tuple[str, ...], check: Callable[..., object]) -> str | None:
    """What is wrong with the files of a setting; None where nothing is, or one of them is not there yet."""
    wanted = VGG if key == "decoder.encoder" else f"{TORCHVISION}{_published(protocol.segmenter)}"
    try:
        for name in names:
            if name.startswith(TORCHVISION) and name != wanted:
                raise ConfigError(f"{name}: wanted {'' if wanted.endswith(':none') else f'{wanted}, or '}a file")
        paths = [package_file(name) if name.startswith(PACKAGE) else located(name) for name in names]
        if all(path.is_file() for path in paths):
            check(*paths)
    except AshError as fault:
        return brief(flat(fault), 400)
    return None


def _pair(encoder: Path, decoder: Path | None = None) -> None:
    """AshError unless the published files make a pair."""
    stylizer_of(read_state(encoder), None if decoder is None else read_state(decoder))
