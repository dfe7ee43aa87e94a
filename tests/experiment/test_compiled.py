"""`training.compile: regions`: the same step up to rounding, in code that a compiler has made."""

import logging
from contextlib import ExitStack

import pytest
import torch

from ash.bench.step import bench_step, build_stepper, changed
from ash.bench.synthetic import synthetic_files
from ash.errors import ResourceError
from ash.experiment import compiled
from ash.experiment.build import build_feed
from ash.machine.device import device
from ash.training import schedule
from ash.training.step import numbers
from tests.support.world import settings

STEPS = 50


def losses(experiment, files, where, steps):
    """All terms of some steps, (steps, terms)."""
    torch.compiler.reset()
    networks, needs, stepper = build_stepper(experiment, files, where)
    with ExitStack() as stack:
        feed = build_feed(experiment, needs, 0, files, networks.stylizer, where, stack)
        taken = []
        for step in range(steps):
            for optimiser in stepper.optimisers.values():
                schedule.set_rate(optimiser, 0.1)
            taken.append(stepper.step(feed.batch(step), step, step / steps))
    return torch.tensor([list(row.values()) for row in numbers(taken)])


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # the compiler looks at its own graph
@pytest.mark.skipif(not compiled.has_compiler(), reason="needs a C++ compiler")
def test_fifty_compiled_steps_are_the_eager_ones_up_to_rounding(tmp_path, caplog):
    """Every term of ASH in fp32: to 1e-4 in the first steps, and to 2 % over 50, as rounding spreads."""
    caplog.set_level(logging.WARNING)  # the compiler writes its whole work into the log
    chosen, where = settings(), device()
    files = synthetic_files(chosen, (64, 32), where, tmp_path)
    eager, regions = (
        losses(changed(chosen.experiment("ash"), {"precision": "fp32", "compile": kind}), files, where, STEPS)
        for kind in ("none", "regions")
    )
    torch.testing.assert_close(regions[:3], eager[:3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(regions, eager, rtol=0.02, atol=2e-3)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.skipif(not compiled.has_compiler(), reason="needs a C++ compiler")
def test_a_compiled_step_is_measured(tmp_path, caplog):
    """Its operations are counted as those of the same step that is not compiled."""
    caplog.set_level(logging.WARNING)
    chosen = settings()
    files = synthetic_files(chosen, (64, 32), device(), tmp_path)
    torch.compiler.reset()
    counts = [
        bench_step(chosen, "source_only", files, 1, {"precision": "fp32", "compile": kind})[-1]["tflop"]
        for kind in ("none", "regions")
    ]
    assert counts[0] == counts[1] > 0


def test_without_a_compiler_it_is_one_line(tmp_path, monkeypatch):
    """What to install, or to set."""
    chosen, where = settings(), device()
    files = synthetic_files(chosen, (64, 32), where, tmp_path)
    monkeypatch.setattr(compiled, "has_compiler", lambda: False)
    with pytest.raises(ResourceError, match=r"^training\.compile: regions: no C\+\+ compiler.*compile: none$"):
        build_stepper(changed(chosen.experiment("clan"), {"compile": "regions"}), files, where)
