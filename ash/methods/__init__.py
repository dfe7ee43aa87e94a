"""Training methods, one file (or folder) each; what is dropped in here is a method that params.yaml can name.

Each module has `Settings`, a Section without defaults whose `needs` say which networks and data the method needs, and
`METHOD`, which makes the `ash.contract.Method` from settings and networks.  Names with a leading underscore are no method.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

from pydantic import ValidationError

from ash.config import Experiment, Section, Settings, faults, lacking_splits
from ash.contract import Method, Needs
from ash.errors import ConfigError, known, several
from ash.methods._networks import Networks


def names() -> list[str]:
    """Every method there is."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(name: str) -> ModuleType:
    """Import a method by name; ConfigError names those there are."""
    if name not in names():
        raise ConfigError(f"method {name!r} is not a file in ash/methods; {known(name, names())}")
    return importlib.import_module(f"{__name__}.{name}")


def check(experiment: Experiment) -> Section:
    """The settings of an experiment's method as its section; ConfigError names the experiment and lists every fault."""
    where = f"experiments.{experiment.name}"
    try:
        section = load(experiment.method).Settings
        settings: Section = section.model_validate(experiment.settings)
    except ValidationError as cause:
        title = f"{where}: method {experiment.method}: {cause.error_count()} fault(s)"
        raise ConfigError(several(title, faults(cause, section))) from cause
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
    if needs.discriminators:
        _judgeable(experiment)
    withheld = experiment.training.images == "all"
    changed = experiment.training.jitter or experiment.training.regime == "strong"
    needs = replace(needs, fresh_content=changed or withheld, withheld=withheld)
    for key, value in experiment.settings.items():
        if isinstance(value, dict) and experiment.source not in value:
            raise ConfigError(
                f"experiments.{experiment.name}: {key} has no value for source {experiment.source!r}, has "
                f"{', '.join(value) or 'none'}; state one"
            )
    return needs


def _judgeable(experiment: Experiment) -> None:
    """ConfigError if D's strides leave nothing of its maps: each of 2 halves a side, which must have two pixels before it."""
    size, strides = experiment.discriminator.map_size or (0, 0), experiment.discriminator.strides
    halvings = strides.count(2)
    if min(size) >> halvings == 0:
        raise ConfigError(
            f"experiments.{experiment.name}: discriminator.map_size {size[0]}x{size[1]} is too small for {halvings} strides "
            f"of 2; wanted at least {2**halvings} pixels a side, or strides of 1"
        )


def check_settings(settings: Settings) -> dict[str, Needs]:
    """What every experiment needs, by name, once all that no step could use is found; ConfigError has a line for each fault."""
    faults = [*_unknown(settings), *lacking_splits(settings)]
    needs = {}
    for name in settings.params.experiments:
        try:
            needs[name] = check_experiment(settings.experiment(name))
        except ConfigError as cause:
            faults.append(str(cause))
    shown = [name for name in settings.params.figures.figure4.values() if name in needs and not needs[name].condition]
    faults += [
        f"figures.figure4: experiment {name!r} has no hallucinator to show; name one of method ash" for name in shown
    ]
    if faults:
        raise ConfigError(several(f"settings: {len(faults)} fault(s)", faults))
    return needs


def _unknown(settings: Settings) -> Iterator[str]:
    """Methods that are not there, and settings that a method does not have, under `methods` of either file."""
    for file, stated in (
        ("params.yaml", settings.params.methods),
        (f"protocols/{settings.params.protocol}.yaml", settings.protocol.methods),
    ):
        for name, values in stated.items():
            if name not in names():
                yield f"{file}: methods.{name}: is not a file in ash/methods; {known(name, names())}"
                continue
            fields = load(name).Settings.model_fields
            for key in values:
                if key not in fields:
                    yield f"{file}: methods.{name}.{key}: unknown key; {known(key, fields)}"


def build(experiment: Experiment, networks: Networks) -> Method:
    """The method of an experiment, on networks that were made as its needs say."""
    method: Method = load(experiment.method).METHOD(check(experiment), networks)
    return method
