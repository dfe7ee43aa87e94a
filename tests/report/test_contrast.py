"""Differences between two experiments."""

import re

import pytest

from ash.errors import ConfigError
from ash.report.contrast import contrast


def test_seeds_mean_and_deviation(world):
    """Each seed's difference is that of the two mIoUs; their mean is within the interval."""
    settings, runs = world(3)
    line = next(line for line in contrast(settings, "clan", "ash", runs) if line.startswith("cityscapes"))
    expected = runs.miou("ash", "cityscapes", 19) - runs.miou("clan", "cityscapes", 19)
    numbers = [float(number) for number in re.findall(r"[+-]\d+\.\d", line)]
    assert numbers[:3] == pytest.approx(expected, abs=0.051)
    mean, low, high = numbers[3:]
    assert mean == pytest.approx(expected.mean(), abs=0.051)
    assert low <= mean <= high
    assert f"sd {expected.std(ddof=1):.1f} (n = 3)" in line


def test_synthia_has_16_classes(world):
    """Both sides from SYNTHIA: 16; otherwise 19."""
    settings, runs = world(1)
    assert "mIoU16" in contrast(settings, "synthia_clan", "synthia_ash", runs)[0]
    assert "mIoU19" in contrast(settings, "clan", "synthia_ash", runs)[0]


def test_an_unknown_experiment_is_named(world):
    """With those there are."""
    settings, runs = world(1)
    with pytest.raises(ConfigError, match="experiment 'clam' is not in"):
        contrast(settings, "clam", "ash", runs)
