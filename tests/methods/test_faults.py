"""What is wrong with a rival's settings is one line that names the experiment and the key."""

import pytest

from ash import config, methods
from ash.config import Experiment
from ash.errors import ConfigError
from tests.support.world import settings

RIVALS = (
    "advent",
    "maxsquare",
    "clan",
    "asm",
    "domain_randomisation",
    "ash",
    "source_only",
    "colour_jitter",
    "advent_target",
    "maxsquare_target",
    "clan_target",
    "asm_target",
    "ash_local",
    "mixstyle",
    "isw",
    "shade",
    "tldr",
    "random_conv_consistency",
    "advstyle",
    "gtr",
    "style_adversarial_class",
)


def fault(experiment: Experiment) -> str:
    """The one fault of an experiment, after its title."""
    with pytest.raises(ConfigError) as error:
        methods.check_experiment(experiment)
    title, line = str(error.value).splitlines()
    assert title == f"experiments.{experiment.name}: method {experiment.method}: 1 fault(s)"
    return line.strip()


def changed(name: str, own: dict) -> Experiment:
    """An experiment of params.yaml with other settings of its method."""
    return settings().experiment(name).model_copy(update={"settings": own})


@pytest.mark.parametrize("name", RIVALS)
def test_every_setting_must_be_stated(name):
    """There are no defaults: each setting of the method in turn, left out, is missed by its name."""
    method = settings().experiment(name).settings
    assert method
    for key in method:
        rest = {k: v for k, v in method.items() if k != key}
        assert fault(changed(name, rest)) == f"{key}: missing; state it"


@pytest.mark.parametrize("name", RIVALS)
def test_a_misspelt_setting_is_named(name):
    """A setting more than the method has is an unknown key, so a misspelt one cannot pass for another's default."""
    method = settings().experiment(name).settings
    for key in method:
        told = fault(changed(name, method | {f"{key}_": method[key]}))
        assert told == f"{key}_: unknown key; check its spelling; did you mean {key!r}?"


@pytest.mark.parametrize("name", RIVALS)
def test_weights_are_not_negative(name):
    """Every number that weighs a term, found as -1, is named."""
    method = settings().experiment(name).settings
    weights = [key for key, value in method.items() if key.startswith("lambda_") and isinstance(value, float)]
    weights += [key for key in ("step", "alpha", "epsilon", "smoothing") if key in method]
    assert weights
    for key in weights:
        assert fault(changed(name, method | {key: -1})).startswith(f"{key}: found -1; ")


@pytest.mark.parametrize("name", RIVALS)
def test_shares_are_not_above_1(name):
    """Every share that a method has, found as 1.5, is named; so is a smoothing of 1, which would leave nothing."""
    method = settings().experiment(name).settings
    for key in ("alpha", "preheat", "smoothing"):
        if key in method:
            assert fault(changed(name, method | {key: 1.5})).startswith(f"{key}: found 1.5; ")
    if "smoothing" in method:
        assert fault(changed(name, method | {"smoothing": 1.0})).startswith("smoothing: found 1.0; ")


@pytest.mark.parametrize("name", ["advent", "maxsquare", "clan"])
def test_a_target_is_needed_and_not_named(name):
    """`against: target` without a target is one line that says both ways out."""
    experiment = settings().experiment(name)
    with pytest.raises(ConfigError) as error:
        methods.check_experiment(changed(name, experiment.settings | {"against": "target"}))
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"experiments.{name}: method {name} needs images of a target, none is named; ")
    assert "`target: NAME`" in line and "`against: stylised`" in line


@pytest.mark.parametrize("name", ["advent", "maxsquare", "clan", "domain_randomisation", "ash", "source_only"])
def test_a_target_is_named_and_not_used(name):
    """A row of domain generalisation cannot name a target: one line, before any job."""
    experiment = settings().experiment(name).model_copy(update={"target": "cityscapes"})
    with pytest.raises(ConfigError) as error:
        methods.check_experiment(experiment)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"experiments.{name}: target 'cityscapes' is never used by method {name}; remove it")


@pytest.mark.parametrize("changes", [{"start": 0.0}, {"window": 0.0}])
def test_isw_needs_images_before_it_starts(changes):
    """Without a step in which variances are taken there is no mask: one line."""
    told = fault(changed("isw", settings().experiment("isw").settings | changes))
    assert "sees no image before it; raise both above 0" in told


@pytest.mark.parametrize(("key", "found"), [("regularisation", [1.0, -1.0, 0.0, 0.0]), ("generalisation", [1.0])])
def test_weights_of_stages_are_checked_one_by_one(key, found):
    """A negative one, and one too few, are named."""
    assert key in fault(changed("tldr", settings().experiment("tldr").settings | {key: found}))


def test_asm_serves_with_and_without_a_target():
    """Its anchor is a painting where no target is named, so both are sound."""
    assert methods.check_experiment(settings().experiment("asm")).anchor
    assert methods.check_experiment(settings().experiment("asm_target")).anchor


def test_domain_generalisation_needs_no_target():
    """No experiment of params.yaml without `target` asks for target images."""
    generalising = [name for name, entry in settings().params.experiments.items() if entry.target is None]
    assert len(generalising) > 25
    for name in generalising:
        assert not methods.check_experiment(settings().experiment(name)).target


def test_every_experiment_of_the_project_is_sound():
    """`ash check` has nothing to say about params.yaml."""
    for name in settings().params.experiments:
        methods.check_experiment(settings().experiment(name))
    assert isinstance(settings(), config.Settings)
