"""What pydantic finds wrong with settings, in this project's words."""

from pydantic import ValidationError


def faults(error: ValidationError) -> list[str]:
    """Each fault of a pydantic error as one line: key, what was found, what was wanted."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "file"
        if fault["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; check its spelling")
        elif fault["type"] == "missing":
            lines.append(f"{key}: missing; state it")
        elif fault["type"] == "value_error":  # a section's own check, whose message says what was found
            lines.append(fault["msg"].removeprefix("Value error, "))
        else:
            lines.append(f"{key}: found {fault['input']!r}; {fault['msg']}")
    return lines
