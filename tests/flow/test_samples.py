"""Snakemake waits as long between two looks at a job's memory as the Snakefile says."""

import re
from types import SimpleNamespace

from snakemake import benchmark

from tests.conftest import ROOT


def test_the_interval_of_the_snakefile_is_the_one_that_snakemake_waits(monkeypatch):
    """The name that the Snakefile sets is the one that its timer reads when it starts."""
    (seconds,) = re.findall(
        r"snakemake\.benchmark\.BENCHMARK_INTERVAL_SHORT = ([\d.]+)", (ROOT / "Snakefile").read_text()
    )
    waited = []
    monkeypatch.setattr(benchmark, "BENCHMARK_INTERVAL_SHORT", float(seconds))
    monkeypatch.setattr(
        benchmark, "DaemonTimer", lambda wait, action: SimpleNamespace(start=lambda: waited.append(wait))
    )
    monkeypatch.setattr(benchmark.ScheduledPeriodicTimer, "work", lambda self: None)
    benchmark.ScheduledPeriodicTimer(benchmark.BENCHMARK_INTERVAL).start()
    assert waited == [5.0]
