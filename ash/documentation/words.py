"""The type and the bounds of a setting in words."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

NAMES: dict[Any, str] = {float: "number", int: "integer", bool: "true, false", str: "text", type(None): "null"}
SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "multiple of"}


def kind(annotation: Any) -> str:
    """What values a setting takes, for a reader of params.yaml: `number`, or the choices."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(inner[0])
    if origin is Literal:
        words = ", ".join(f"`{choice}`" for choice in inner)
    elif origin in (Union, types.UnionType):
        words = " or ".join(kind(choice) for choice in inner)
    elif origin is dict:
        words = f"{kind(inner[1])} for each name"
    elif origin is tuple:
        words = f"list of {kind(inner[0])}" if Ellipsis in inner else f"{len(inner)} x {kind(inner[0])}"
    else:
        words = NAMES.get(annotation, str(getattr(annotation, "__name__", annotation)))
    return words


def bounds(field: FieldInfo) -> str:
    """What a setting may not leave: `>= 0, <= 1`; empty if nothing is said."""
    return ", ".join(
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in SIGNS.items()
        if hasattr(rule, name)
    )
