"""Training methods, one file each; a file dropped in this folder is a recipe that params.yaml can name.

Each module has `Settings`, a Section without defaults whose `needs` say what it reads besides labelled source images, and
`Method`, an `ash.contract.Method` made from settings and parts.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from ash.config import Experiment, Section, faults
from ash.contract import Method, Needs, Parts
from ash.errors import ConfigError, several


def names() -> list[str]:
    """Every method there is."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ModuleType:
    """Import a method by name; ConfigError names those there are."""
    if name not in names():
        raise ConfigError(f"recipe {name!r} is not a file in ash/methods; known: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def check(recipe: str, method: dict[str, Any]) -> Section:
    """The settings of a method as its section; ConfigError lists every fault."""
    try:
        settings: Section = load(recipe).Settings.model_validate(method)
    except ValidationError as cause:
        raise ConfigError(several(f"recipe {recipe}: {cause.error_count()} fault(s)", faults(cause))) from cause
    return settings


def check_experiment(experiment: Experiment) -> Needs:
    """Check the settings of an experiment's method, and give what it needs; ConfigError names the experiment."""
    try:
        settings = check(experiment.recipe, experiment.method)
    except ConfigError as cause:
        raise ConfigError(f"experiments.{experiment.name}: {cause}") from cause
    needs: Needs = settings.needs  # type: ignore[attr-defined]
    if needs.target and experiment.target is None:
        raise ConfigError(
            f"experiments.{experiment.name}: recipe {experiment.recipe} needs images of a target, none is named; state "
            "`target: NAME`, or `against: stylised`"
        )
    if experiment.target is not None and not needs.any_target:
        raise ConfigError(
            f"experiments.{experiment.name}: target {experiment.target!r} is never used by recipe {experiment.recipe}; "
            "remove it, or state `against: target`"
        )
    return needs


def build(recipe: str, method: dict[str, Any], parts: Parts) -> Method:
    """The recipe with its settings checked and its networks made."""
    built: Method = load(recipe).Method(check(recipe, method), parts)
    return built
