"""The files that a training reads, by name."""

from dataclasses import dataclass
from pathlib import Path

from ash.config import Experiment
from ash.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """The files that a run reads; all but the first only where the method needs them.

    prepared    the source, prepared
    withheld    the source's held-out images, prepared, where the training has them too
    stylizer    the pair of encoder and decoder
    paintings   prepared paintings, where they are encoded in every step
    style       cached features of the paintings, where they are not
    content     cached features of the source; without them they are encoded in every step, with the same result
    target      training images of the target, prepared; their labels are never read
    rain        the VAE of style statistics
    initial     the segmenter's initial weights, where the protocol names some
    """

    prepared: Path
    withheld: Path | None = None
    stylizer: Path | None = None
    paintings: Path | None = None
    style: Path | None = None
    content: Path | None = None
    target: Path | None = None
    rain: Path | None = None
    initial: Path | None = None

    def require(self, name: str, experiment: Experiment) -> Path:
        """One of the files; ConfigError names the option that is missing."""
        path: Path | None = getattr(self, name)
        if path is None:
            raise ConfigError(f"{experiment.name}: method {experiment.method} needs --{name}; give the file")
        return path
