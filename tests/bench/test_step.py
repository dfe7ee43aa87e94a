"""`ash bench step` on random images: operations by hand, shares, comparison."""

import mmap

import pytest
import torch
from torch import nn

from ash.bench.meter import Meter, peak_memory, reset_peak
from ash.bench.step import bench_step
from ash.bench.synthetic import synthetic_files
from ash.machine.device import device
from tests.conftest import ash, settle
from tests.support.world import settings

CPU = torch.device("cpu")


def test_operations_by_hand():
    """Two for each multiplication and addition, forwards once, backwards for weights and for the input."""
    conv, meter = nn.Conv2d(3, 5, 3, bias=False), Meter(CPU)
    x = torch.rand(1, 3, 12, 10).requires_grad_()
    with meter.part("forward"):
        y = conv(x)
    with meter.part("backward"):
        y.sum().backward()
    assert meter.flops == {"forward": 2 * 5 * 3 * 9 * 10 * 8, "backward": 2 * 2 * 5 * 3 * 9 * 10 * 8}


def test_attention_by_hand():
    """Scores and mixture, 2 n^2 (d + e) for n cells, keys of d and values of e channels; backwards twice and a half."""
    queries, keys = (torch.rand(1, 1, 12, 8, requires_grad=True) for _ in range(2))
    values, meter = torch.rand(1, 1, 12, 8, requires_grad=True), Meter(CPU)
    with meter.part("forward"):
        mixed = nn.functional.scaled_dot_product_attention(queries, keys, values)
    with meter.part("backward"):
        mixed.sum().backward()
    assert meter.flops == {"forward": 2 * 12**2 * 16, "backward": 5 * 12**2 * 16}


def test_a_product_that_widens_by_hand():
    """What attention asks a GPU for: bf16 in, fp32 out; torch's rule knows no such argument."""
    left, right = torch.empty(2, 3, 4, device="meta"), torch.empty(2, 4, 5, device="meta")
    meter = Meter(CPU)
    with meter.part("forward"):
        assert torch.bmm(left.bfloat16(), right.bfloat16(), out_dtype=torch.float32).dtype is torch.float32
    assert meter.flops == {"forward": 2 * 2 * 3 * 4 * 5}


def test_reversal_saves_a_pass_back_through_the_segmenter(tmp_path):
    """ASH with one backward pass through G needs fewer operations, and all rows are there."""
    rows = {}
    for reversal in (False, True):
        chosen = settings()
        methods = chosen.protocol.methods | {"ash": chosen.protocol.methods["ash"] | {"reversal": reversal}}
        changed = chosen.model_copy(update={"protocol": chosen.protocol.model_copy(update={"methods": methods})})
        (tmp_path / str(reversal)).mkdir()
        files = synthetic_files(changed, (64, 32), device(), tmp_path / str(reversal))
        rows[reversal] = bench_step(changed, "ash", files, 1, {"precision": "fp32"})
    assert rows[True][-1]["tflop"] < rows[False][-1]["tflop"]
    assert rows[True][2]["part"] == "backward 1: segmenter"
    for row in rows[True]:
        assert row["ms"] > 0 and row["tflop"] >= 0
    assert rows[True][-1]["tflop"] == pytest.approx(sum(row["tflop"] for row in rows[True][:-1]))


@pytest.mark.parametrize("name", ["asm", "clan_target", "domain_randomisation", "ash_release", "maxsquare"])
def test_every_kind_of_method_runs_on_random_images(tmp_path, name):
    """VAE, target images, bank of paintings, paintings encoded anew."""
    chosen = settings()
    rows = bench_step(chosen, name, synthetic_files(chosen, (64, 32), device(), tmp_path), 1, {"precision": "fp32"})
    assert rows[-1]["tflop"] > 0
    parts = {kind: [row for row in rows if str(row["part"]).startswith(kind)] for kind in ("forward", "backward")}
    assert len(parts["forward"]) == len(parts["backward"]) > 0  # a method's end after its last update is no row


@pytest.mark.skipif(not peak_memory(CPU), reason="the system does not tell")
def test_peak_memory_follows_an_allocation():
    """200 MB more at the peak, and forgotten after a reset; of the system, for malloc may have kept what tests before freed."""
    reset_peak(CPU)
    before = peak_memory(CPU)
    block = mmap.mmap(-1, 200 * 2**20)
    torch.frombuffer(block, dtype=torch.uint8).fill_(1)
    assert peak_memory(CPU) - before == pytest.approx(200 / 1024, abs=0.05)
    block.close()
    reset_peak(CPU)
    assert peak_memory(CPU) - before < 0.1


def test_table_on_the_command_line(tmp_path):
    """Parts, shares and the second column; no data, no weights, nothing left behind."""
    folder = settle(tmp_path)
    before = sorted(folder.rglob("*"))
    output = ash(
        folder, "bench", "step", "ash", "--synthetic", "64x32", "--steps", "1", "--compare", "eager-fp32"
    ).stdout
    for word in ("backward", "TFLOP", "peak", "times as fast", "processor time", "peak memory"):
        assert word in output.replace("\n", " ")
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--synthetic", "640"], "size '640': wanted WIDTHxHEIGHT"),
        ([], "neither --prepared nor --synthetic"),
        (["--synthetic", "64x32", "--compare", "jit"], "wanted eager-fp32"),
        (["--synthetic", "64x32", "--protocol", "huge"], "protocols/huge.yaml: missing"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, options, line):
    """Exit code 2."""
    result = ash(settle(tmp_path), "bench", "step", "ash", *options, check=False)
    assert result.returncode == 2
    assert line in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_step_is_all_its_parts_however_often_each_comes(monkeypatch):
    """Two steps, the second with its optimisers twice: 1 + 2 seconds, then 1 + 2 + 2, by a clock that counts its own calls."""
    ticks = iter([0, 1, 1, 3, 3, 4, 4, 6, 6, 8])
    monkeypatch.setattr("ash.bench.meter.time.perf_counter", lambda: next(ticks))
    meter = Meter(CPU, count=False)
    for parts in (("forward 1", "optimisers"), ("forward 1", "optimisers", "optimisers")):
        for name in parts:
            with meter.part(name):
                pass
        meter.end_step()
    assert meter.steps == [3, 5]
    assert len(meter.cpu_steps) == 2
    meter.forget()
    assert meter.steps == meter.cpu_steps == []
