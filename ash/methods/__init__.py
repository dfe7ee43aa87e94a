"""Training methods, one file (or folder) each; what is dropped in here is a method that params.yaml can name.

Each module has `Settings`, a Section without defaults whose `needs` say which networks and data the method needs, and
`METHOD`, which makes the `ash.contract.Method` from settings and networks.  Names with a leading underscore are no method.
"""

import importlib
import pkgutil
from types import ModuleType

from pydantic import ValidationError

from ash.config import Experiment, Section, faults
from ash.contract import Method, Needs
from ash.errors import ConfigError, several
from ash.methods._networks import Networks


def names() -> list[str]:
    """Every method there is."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(name: str) -> ModuleType:
    """Import a method by name; ConfigError names those there are."""
    if name not in names():
        raise ConfigError(f"method {name!r} is not a file in ash/methods; known: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def check(experiment: Experiment) -> Section:
    """The settings of an experiment's method as its section; ConfigError names the experiment and lists every fault."""
    where = f"experiments.{experiment.name}"
    try:
        settings: Section = load(experiment.method).Settings.model_validate(experiment.settings)
    except ValidationError as cause:
        title = f"{where}: method {experiment.method}: {cause.error_count()} fault(s)"
        raise ConfigError(several(title, faults(cause))) from cause
    except ConfigError as cause:
        raise ConfigError(f"{where}: {cause}") from cause
    return settings


def check_experiment(experiment: Experiment) -> Needs:
    """Check the settings of an experiment's method, and give what it needs; ConfigError names the experiment."""
    needs: Needs = check(experiment).needs  # type: ignore[attr-defined]
    if needs.target and experiment.target is None:
        raise ConfigError(
            f"experiments.{experiment.name}: method {experiment.method} needs images of a target, none is named; state "
            "`target: NAME`, or `against: stylised`"
        )
    if experiment.target is not None and not needs.any_target:
        raise ConfigError(
            f"experiments.{experiment.name}: target {experiment.target!r} is never used by method {experiment.method}; "
            "remove it, or state `against: target`"
        )
    return needs


def build(experiment: Experiment, networks: Networks) -> Method:
    """The method of an experiment, on networks that were made as its needs say."""
    method: Method = load(experiment.method).METHOD(check(experiment), networks)
    return method
