"""Ranges of settings, and what is drawn from them."""

import math

import pytest

from ash import methods
from ash.errors import ConfigError
from ash.field.ranges import FILE, Range, drawn, ranges_of, read_ranges
from tests.conftest import ROOT
from tests.field.conftest import project

RANGES = {"step": Range(low=2.0, high=200.0, scale="log"), "alpha": Range(low=0.2, high=1.0)}


def test_the_projects_ranges_hold_what_is_stated():
    """Every range is of a setting that its method has, and has the stated value of the miniature in it."""
    settings, ranges = project(), read_ranges(ROOT / FILE)
    assert len(ranges) > 6
    for name, entry in settings.params.experiments.items():
        for key, found in ranges.get(entry.method, {}).items():
            stated = settings.experiment(name).settings[key]
            own = key in (entry.model_extra or {})
            assert own or found.low <= stated <= found.high, f"{name}.{key}"


def test_drawn_settings_pass_their_methods_bounds():
    """A range does not reach beyond what the method allows."""
    settings, ranges = project(), read_ranges(ROOT / FILE)
    for name in ("asm", "clan", "stylised_segmentation_loss", "source_only"):
        experiment = settings.experiment(name)
        for key, found in ranges_of(experiment, ranges).items():
            for value in (found.low, found.high):
                changed = experiment.model_copy(update={"settings": experiment.settings | {key: value}})
                assert getattr(methods.check(changed), key) == value


def test_a_draw_does_not_depend_on_the_budget():
    """It is of the seed, the experiment and its number alone."""
    first = [drawn("asm", RANGES, k, 0) for k in range(1, 4)]
    assert first == [drawn("asm", RANGES, k, 0) for k in range(1, 4)]
    others = [drawn("clan", RANGES, 1, 0), drawn("asm", RANGES, 1, 1), *first[1:]]
    assert first[0] not in others


def test_draws_cover_their_ranges():
    """All lie within; a logarithmic range has as many below its middle as above; three digits are kept."""
    draws = [drawn("asm", RANGES, k, 0) for k in range(1, 401)]
    assert all(RANGES[key].low <= value <= RANGES[key].high for draw in draws for key, value in draw.items())
    assert 150 < sum(draw["step"] < math.sqrt(2 * 200) for draw in draws) < 250
    assert 150 < sum(draw["alpha"] < 0.6 for draw in draws) < 250
    assert all(float(f"{draw['step']:.3g}") == draw["step"] for draw in draws)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("asm: {step: {low: 3, high: 2}}", "from 3 to 2; wanted low < high"),
        ("asm: {step: {low: 0, high: 2, scale: log}}", "above 0 where the scale is log"),
        ("asm: {step: {low: yes, high: 2}}", "wanted a number"),
        ("asm: {stride: {low: 1, high: 2}}", "asm.stride: unknown setting; .*did you mean 'step'"),
        ("asn: {step: {low: 1, high: 2}}", "asn: is not a file in ash/methods; .*did you mean 'asm'"),
    ],
)
def test_faults_are_named(tmp_path, text, line):
    """The file, what stands there, and what is wanted."""
    (tmp_path / "search.yaml").write_text(text)
    with pytest.raises(ConfigError, match=line) as caught:
        read_ranges(tmp_path / "search.yaml")
    assert "search.yaml: " in str(caught.value)


def test_a_method_without_ranges():
    """The line says what one looks like."""
    with pytest.raises(ConfigError, match=r"method asm of experiment asm has no range; state one, e\.g\."):
        ranges_of(project().experiment("asm"), {})
