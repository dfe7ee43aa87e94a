"""What the settings files of the real project state, and what their sections would accept."""

from functools import cache
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from ash import methods
from ash.config import Section, entries, sections
from tests.conftest import ROOT


@cache
def stated_texts() -> dict[str, str]:
    """params.yaml, the protocols and the profiles by path."""
    paths = [ROOT / "params.yaml", *ROOT.glob("protocols/*.yaml"), *ROOT.glob("profiles/*/*.yaml")]
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}


@cache
def stated() -> dict[str, dict[str, Any]]:
    """The same, read."""
    return {path: yaml.safe_load(text) for path, text in stated_texts().items()}


@cache
def fields() -> dict[str, list[FieldInfo]]:
    """Every field that any section of the settings or any method has."""
    found: dict[str, list[FieldInfo]] = {}
    classes = [*vars(sections).values(), *vars(entries).values()]
    known = [value for value in classes if isinstance(value, type) and issubclass(value, BaseModel)]
    for section in (*known, *(methods.load(name).Settings for name in methods.names())):
        for key, field in section.model_fields.items():
            found.setdefault(field.alias or key, []).append(field)
    return found


def all_keys() -> frozenset[str]:
    """Every key that some section or method takes."""
    return frozenset(fields())


@cache
def top_keys() -> frozenset[str]:
    """The sections of params.yaml and of a protocol."""
    return frozenset([*entries.Params.model_fields, *sections.Protocol.model_fields])


def value_at(path: str, file: str = "params.yaml") -> Any:
    """What a file states under `a.b.c`; KeyError if nothing."""
    found: Any = stated()[file]
    for part in path.split("."):
        found = found[part]
    return found


def key_exists(path: str) -> bool:
    """Does a settings file state `section.key`, or would the section accept the key."""
    for file in stated():
        try:
            value_at(path, file)
        except (KeyError, TypeError):
            continue
        return True
    return path.partition(".")[0] in top_keys() and path.rpartition(".")[2] in fields()


def value_suits(path: str, value: str) -> bool:
    """May the setting have the value; three dots or a word in capitals stand for any."""
    key = path.rpartition(".")[2]
    if "..." in value or value.rstrip(":").isupper():
        return key in fields()
    read = yaml.safe_load(value)
    if isinstance(read, dict) and "recipe" in read:  # an example of an experiment, under a name of its own
        return set(read) <= {"recipe", *entries.ExperimentEntry.model_fields}
    if any(file.get(key) == read for file in stated().values()):
        return True
    return any(_accepts(field, read) for field in fields().get(key, []))


def _accepts(field: FieldInfo, value: Any) -> bool:
    kind = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def method_of(experiment: str) -> type[Section]:
    """The settings of an experiment's method."""
    return methods.load(stated()["params.yaml"]["experiments"][experiment]["recipe"]).Settings
