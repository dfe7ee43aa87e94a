"""Reads params.yaml and its protocol, and checks them: each section by itself, then what no single section can see."""

import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ash.config.agreement import disagreements
from ash.config.document import read_yaml
from ash.config.entries import Params
from ash.config.kinds import NAME
from ash.config.messages import faults
from ash.config.sections import Protocol
from ash.config.settings import Settings
from ash.errors import ConfigError, brief, known, several

T = TypeVar("T")


def load(path: Path, protocol_name: str | None = None) -> Settings:
    """Read and check params.yaml and its protocol, protocols/<protocol>.yaml beside it, or another one beside it.

    Raises ConfigError that lists every fault, a line each.
    """
    params = validated(Params, path, read_yaml(path, "run from the folder that holds params.yaml"))
    name = params.protocol if protocol_name is None else protocol_name
    described = protocol_file(path, name)
    protocol = validated(Protocol, described, read_yaml(described, f"name another protocol; {_protocols(path, name)}"))
    settings = Settings(params=params.model_copy(update={"protocol": name}), protocol=protocol).with_further()
    wrong = disagreements(settings)
    if wrong:
        raise ConfigError(several(f"{path}: {len(wrong)} fault(s)", wrong))
    return settings


def protocol_file(path: Path, name: str) -> Path:
    """Where the protocol of that name lies, beside params.yaml; ConfigError for what is no name."""
    if not re.fullmatch(NAME, name) or len(name) > 64:
        raise ConfigError(f"protocol {brief(repr(name))}: wanted a name of a-z, 0-9 and _; {_protocols(path, name)}")
    return path.parent / "protocols" / f"{name}.yaml"


def _protocols(path: Path, wrong: str) -> str:
    return known(wrong, sorted(file.stem for file in (path.parent / "protocols").glob("*.yaml")))


def validated(kind: type[T], path: Path, content: Any) -> T:
    """The content of a file as a section, or a mapping of them; ConfigError lists every fault, a line each."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as cause:
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        raise ConfigError(several(f"{path}: {cause.error_count()} fault(s)", faults(cause, model))) from cause
