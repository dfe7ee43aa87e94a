"""Published weights of networks: where they come from, which of them a protocol needs, and how they get here.

A file is verified against `pins/weights.json`.  Hashes that the publishers or others have made known are in the
repository's own: the DeepLab init carries the first 8 digits of its SHA-256 in its name, as torch.hub does; those of
pytorch-AdaIN's release are the same in several public projects.  A file without a pin is pinned at its first fetch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ash.acquire import download
from ash.acquire.journal import Pins, sha256_of
from ash.acquire.steps import Stage, alone
from ash.config import Protocol
from ash.errors import AshError, ConfigError, DataError, several
from ash.store import write_json

FOLDER = Path("data/weights")
IMPORTED_PAIR = "data/imported/adain.safetensors"  # the rule import_stylizer makes it of AdaIN's two files
FITTED_PAIR = "data/decoder/stylizer.safetensors"  # the rule fit_decoder makes it of an encoder
ADAIN = tuple((FOLDER / name).as_posix() for name in ("vgg_normalised.pth", "decoder.pth"))

_ADAIN_RELEASE = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0"
PUBLISHED = {
    "DeepLab_resnet_pretrained_init-f81d91e8.pth": "http://vllab.ucmerced.edu/ytsai/CVPR18",
    "vgg_normalised.pth": _ADAIN_RELEASE,
    "decoder.pth": _ADAIN_RELEASE,
}


def needed(protocol: Protocol) -> list[Path]:
    """The published files that a protocol starts from, those of data/weights/ whose address is known."""
    named = [protocol.segmenter.weights or ""]
    if protocol.stylizer.weights == IMPORTED_PAIR:
        named += ADAIN
    if protocol.stylizer.weights == FITTED_PAIR and protocol.decoder is not None:
        named.append(protocol.decoder.encoder)
    return [Path(name) for name in named if is_published(name)]


def is_published(name: str) -> bool:
    """Whether a protocol's name of weights is a file of data/weights/ that `ash acquire weights` fetches."""
    return Path(name).parent == FOLDER and Path(name).name in PUBLISHED


def missing(protocol: Protocol) -> list[str]:
    """A line for each file that is not there: where it comes from, and what to do."""
    return [
        f"{path}: missing; run `ash acquire weights`, which fetches it from {PUBLISHED[path.name]}/, or put it there"
        for path in needed(protocol)
        if not path.exists()
    ]


def acquire_weights(paths: Sequence[Path], out: Path, pins: Path, mirror: str | None, stage: Stage) -> None:
    """Bring published files, verify them, and write their sizes and hashes to `out`; files that are there stay as they are.

    DataError lists every file that cannot be fetched or is another one than pinned; ConfigError if none is asked for.
    """
    if not paths:
        raise ConfigError("weights: the protocol starts from none that are published; name some (docs/weights.md)")
    out.parent.mkdir(parents=True, exist_ok=True)
    faults, record = [], {}
    with alone(out.with_name(".weights.lock"), "weights"):
        for path in paths:
            try:
                record[path.name] = _bring(path, Pins(pins), mirror, stage)
            except AshError as fault:
                faults.append(str(fault))
    if faults:
        raise DataError(several(f"weights: {len(faults)} file(s) missing or wrong", faults))
    write_json(out, record)


def _bring(path: Path, pins: Pins, mirror: str | None, stage: Stage) -> dict[str, Any]:
    """Size and hash of a file that is there or fetched."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with stage(f"fetch {path.name} (MiB)") as progress:
            download.fetch(f"{(mirror or PUBLISHED[path.name]).rstrip('/')}/{path.name}", path, None, progress)
    with stage(f"verify {path.name} (MiB)") as progress:
        size = path.stat().st_size
        sha256 = sha256_of(path, size, progress)
    pins.check(path, size, sha256)
    pins.add(path.name, size, sha256)
    return {"bytes": size, "sha256": sha256}
