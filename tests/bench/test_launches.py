"""`ash bench launches`: operators by hand, and the number of ASH's step at paper size."""

import torch

from ash import config
from ash.bench.launches import IMAGE, PAINTING, Launches, count_launches
from ash.bench.synthetic import synthetic_files
from ash.machine.device import device
from tests.conftest import ROOT, ash, settle
from tests.support.world import settings

MOST = 2770  # operators of a step of ASH in bf16 at paper size, views and allocations left out


def test_operators_by_hand():
    """A product and a sum count; a view, an allocation and a transposition do not."""
    with Launches() as launches:
        values = torch.empty(2, 3).fill_(1.0)
        (values.T.reshape(3, 2) @ values).view(9).sum()
    assert launches.found.total() == 3
    assert set(launches.found) == {"fill_", "mm", "sum"}


def test_a_step_of_the_paper_launches_no_more_than_it_did(tmp_path):
    """In the forms for CUDA, at any size; fewer is better, and then the number here goes down."""
    paper = config.load(ROOT / "params.yaml", "paper")
    rows = count_launches(paper, "ash", synthetic_files(paper, IMAGE, device(), tmp_path, PAINTING))
    assert [row["part"] for row in rows] == ["reading", "forward", "backward", "optimisers", "step"]
    assert rows[-1]["operators"] == sum(row["operators"] for row in rows[:-1])
    assert 0.95 * MOST < rows[-1]["operators"] <= MOST


def test_the_number_does_not_depend_on_the_size(tmp_path):
    """Four times the pixels."""
    counts = []
    for size in ((64, 32), (128, 64)):
        (tmp_path / str(size[0])).mkdir()
        files = synthetic_files(settings(), size, device(), tmp_path / str(size[0]))
        counts.append([row["operators"] for row in count_launches(settings(), "ash", files)])
    assert counts[0] == counts[1]


def test_table_on_the_command_line(tmp_path):
    """Each part, and the commonest operators."""
    output = ash(settle(tmp_path), "bench", "launches", "clan").stdout
    for word in ("reading", "backward", "optimisers", "convolution"):
        assert word in output
