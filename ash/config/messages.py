"""What pydantic finds wrong with settings, in this project's words."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ash.errors import brief, known


def faults(error: ValidationError, model: type[BaseModel] | None = None) -> list[str]:
    """Each fault of a pydantic error as one line: key, what was found, what was wanted.

    With the `model` that did not fit, an unknown key's line names the closest of the keys that may stand in its place.
    """
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "file"
        if fault["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; check its spelling{_close(model, fault['loc'])}")
        elif fault["type"] == "missing":
            lines.append(f"{key}: missing; state it")
        elif fault["type"] == "value_error":  # a section's own check, whose message says what was found
            where = f"{key}: " if fault["loc"] else ""
            lines.append(where + fault["msg"].removeprefix("Value error, "))
        else:
            lines.append(f"{key}: found {brief(repr(fault['input']))}; {brief(fault['msg'], 300)}")
    return lines


def _close(model: type[BaseModel] | None, loc: tuple[int | str, ...]) -> str:
    """The closest key of the section that an unknown key stands in, for the end of a line; empty if none is close."""
    *above, wrong = loc
    for part in above:
        model = None if model is None else _section(model, part)
    if model is None:
        return ""
    names = [field.alias or name for name, field in model.model_fields.items()]
    _, close, name = known(str(wrong), names).partition("; did you mean ")
    return f"{close}{name}"


def _section(model: type[BaseModel], part: int | str) -> type[BaseModel] | None:
    """The section below a key of a section, or the section itself where the key is one of a mapping's."""
    field = model.model_fields.get(str(part))
    if field is None:
        return model
    return next(iter(_models(field.annotation)), None)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]
