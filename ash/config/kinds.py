"""What sections of settings are made of: names, texts, paths and numbers with their bounds, and the section itself."""

from itertools import pairwise
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from ash.errors import brief

NAME = r"^[a-z][a-z0-9_]*$"  # of everything that becomes part of a file's or a rule's name
LONGEST = 100_000  # bound of sizes and counts that only a slip of the pen passes
Name = Annotated[str, Field(pattern=NAME, max_length=64)]
Line = Annotated[
    str, Field(max_length=200, pattern=r"^\S([^\p{C}\p{Zl}\p{Zp}]*\S)?$")
]  # a text that a table's cell can hold
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Depth = Annotated[int, Field(ge=1, le=1000)]  # blocks of a stage
Width = Annotated[int, Field(ge=1, le=8192)]  # channels
Side = Annotated[int, Field(ge=8, le=LONGEST)]
Size = tuple[Side, Side]  # (width, height) in pixels
Count = Annotated[int, Field(ge=1, le=10**9)]
Rate = Annotated[float, Field(gt=0, le=10)]  # a learning rate
Weight = Annotated[float, Field(ge=0, le=1e9)]
SPLITS = ("train", "val")
Split = Annotated[str, Field(pattern=r"^(train|val)$")]


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = [value for k, value in enumerate(values) if value in values[:k]]
    if twice:
        raise ValueError(f"{twice[0]!r} stands twice; name it once")
    return values


def _pathlike(path: str) -> str:
    """Names that a shell, Snakemake or a program would take for something else are refused."""
    if not path.isprintable() or path != path.strip() or path.startswith(("-", "~")) or set("{}") & set(path):
        raise ValueError(
            f"found {brief(repr(path))}; wanted a path without braces, control characters, spaces around it and a leading "
            "- or ~; rename the file, or state the whole path"
        )
    return path


def _rising(values: tuple[int, ...]) -> tuple[int, ...]:
    if any(first >= second for first, second in pairwise(values)):
        raise ValueError(f"found {list(values)}; wanted rising values")
    return values


FilePath = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_pathlike)]
Distinct = AfterValidator(_distinct)
Names = Annotated[tuple[Name, ...], Distinct]
Rising = Annotated[tuple[Annotated[int, Field(ge=1, le=1000)], ...], AfterValidator(_rising)]
Columns = Annotated[dict[Line, Name], Field(min_length=1)]  # column title -> experiment


class Section(BaseModel):
    """A frozen group of settings; unknown keys are errors, and so are numbers that are not finite or that are booleans."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML's yes, on and true would be the number 1."""
        if holds_boolean(value) and leaves(cls.model_fields[str(info.field_name)].annotation) <= NUMBERS:
            raise ValueError(f"found {brief(repr(value))}; wanted a number")
        return value


NUMBERS = {int, float, type(None)}


def leaves(annotation: Any) -> set[Any]:
    """The types that an annotation is made of, but for the containers and literals around them and the keys of mappings."""
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return leaves(parts[0])
    if get_origin(annotation) is Literal:
        return {type(part) for part in parts}
    if get_origin(annotation) is dict:
        return leaves(parts[1])
    return {leaf for part in parts if part is not ... for leaf in leaves(part)} if parts else {annotation}


def holds_boolean(value: Any) -> bool:
    """Whether a value of a file is a boolean or has one in it."""
    if isinstance(value, list | tuple | dict):
        return any(map(holds_boolean, value.values() if isinstance(value, dict) else value))
    return isinstance(value, bool)
