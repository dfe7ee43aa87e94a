"""Published weights of networks: where each comes from, and which of them a protocol needs.  Opens no file."""

from pathlib import Path

from ash.config import Protocol

FOLDER = Path("data/weights")
IMPORTED_PAIR = "data/networks/adain.safetensors"  # the rule import_stylizer makes it of AdaIN's two files
FITTED_PAIR = "data/networks/fitted_adain.safetensors"  # the rule fit_decoder makes it of an encoder
MADE = (IMPORTED_PAIR, FITTED_PAIR, "data/refit/stylizer.safetensors")  # by rules of the workflow
ADAIN = tuple((FOLDER / name).as_posix() for name in ("vgg_normalised.pth", "decoder.pth"))

_ADAIN_RELEASE = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0"
PUBLISHED = {
    "DeepLab_resnet_pretrained_init-f81d91e8.pth": "http://vllab.ucmerced.edu/ytsai/CVPR18",
    "vgg_normalised.pth": _ADAIN_RELEASE,
    "decoder.pth": _ADAIN_RELEASE,
}
# The trained models that the authors of ASH link in the README of their code, by source: the name that a file gets here.
AUTHORS = {
    "gta5": ("data/weights/ash_gta5.pth", "https://drive.google.com/file/d/1eVnDMC3ytyl5Wx8H5VPKoTNq1UGXmS56/view"),
    "synthia": (
        "data/weights/ash_synthia.pth",
        "https://drive.google.com/file/d/1XTmJhXCGeD2KrK7M7Xklq0Gayvd0n86e/view",
    ),
}
TELLING = {  # a weight that each of them has, behind a module's name or not
    "DeepLab_resnet_pretrained_init-f81d91e8.pth": "layer4.0.conv3.weight",
    "vgg_normalised.pth": "2.weight",
    "decoder.pth": "28.weight",
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


def located(name: str) -> Path:
    """A file of weights in the user's folder, or else the one of that name in the repository, as the workflow finds it."""
    here, there = Path(name), Path(__file__).resolve().parents[2] / name
    return there if not here.exists() and there.exists() else here


def missing(protocol: Protocol) -> list[str]:
    """A line for each file that is not there: where it comes from, and what to do."""
    fetched = [
        f"{path}: missing; run `ash acquire weights`, which fetches it from {PUBLISHED[path.name]}/, or put it there"
        for path in needed(protocol)
        if not path.exists()
    ]
    named = {"stylizer.weights": protocol.stylizer.weights, "segmenter.weights": protocol.segmenter.weights}
    own = [
        f"{path}: missing; put the file there, or correct {key} of the protocol"
        for key, path in named.items()
        if path
        and not (
            is_published(path)
            or path in MADE
            or path.startswith(("torchvision:", "package:"))
            or located(path).is_file()
        )
    ]
    return [*fetched, *own]
