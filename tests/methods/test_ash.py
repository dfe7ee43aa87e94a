"""ASH: the value of every term of its game, and the figures behind Figure 4."""

import pytest
import torch

from ash.labels import CLASSES
from ash.pixels import mirrored
from ash.training.loop import train
from tests.methods import by_hand
from tests.methods.test_orders import PLAYERS, SGD
from tests.support.toy import training
from tests.support.world import OneBatch, batch, built

KINDS = ("gamma", "beta", "pixels")  # columns of Figure 4
STEPS = [0.0, 0.049, 0.05, 0.6]  # the last of the pre-heat's and the first after it in the middle


@pytest.mark.parametrize("reversal", [False, True])
@pytest.mark.parametrize("progress", STEPS)
def test_the_terms_of_the_game_by_hand(progress, reversal):
    """G's and D's terms are those of NumPy, weighted by M from 5 % of the training on, and H's is minus G's."""
    method = built("ash", **by_hand.NUMBERS, reversal=reversal)
    terms, heads, answers = by_hand.played(method, progress)
    wanted = by_hand.expected(method, progress, heads, answers)
    for player, values in wanted.items():
        for name, value in values.items():
            assert terms[player][name] == pytest.approx(value, rel=1e-4), (player, name)
    assert terms["hallucinator"]["adversarial"] == pytest.approx(-wanted["segmenter"]["adversarial"], rel=1e-4)


def figure4_by_a_loop(method, given) -> dict[str, float]:
    """Each class's drop of the norms when its channel is zeroed, and the pixels that are predicted as the class."""
    with torch.no_grad():
        heads = method.segmenter.eval()(given.image)
        probabilities = torch.softmax(heads[0].double() + heads[1].double(), 1)
        condition = mirrored(0.9 * probabilities.float() + 0.1 / 19, given.mirror)
        winners = probabilities.argmax(1).flatten().tolist()
        size = (condition.shape[2] // 2, condition.shape[3] // 2)  # H's stride is 2 here
        whole = method.hallucinator(condition, size)
        figures = {}
        for k, name in enumerate(CLASSES):
            without = condition.clone()
            without[:, k] = 0
            rest = method.hallucinator(without, size)
            for kind, before, after in zip(("gamma", "beta"), whole, rest, strict=True):
                drop = float(before.abs().sum() - after.abs().sum())
                figures[f"{kind}.{name}"] = drop
            figures[f"pixels.{name}"] = winners.count(k)
    return figures


@pytest.mark.parametrize("mirror", [False, True])
def test_figure4_against_a_plain_loop(mirror):
    """Every figure of the history, classes that G predicts nowhere among them; G goes on training afterwards."""
    method, given = built("ash"), batch(mirror)
    found = method.diagnostics(given)
    assert method.segmenter.training
    wanted = figure4_by_a_loop(method, given)
    assert len(wanted) == 3 * len(CLASSES) and 0 in wanted.values()
    assert sum(wanted[f"pixels.{name}"] for name in CLASSES) == 2 * 4 * 8  # logits of two images
    assert found == pytest.approx(wanted, rel=1e-3, abs=0.01)  # float32 sums of some thousands


@pytest.mark.parametrize("name", ["ash", "ash_release", "ash_local"])
def test_diagnostics_leave_the_run_as_it_is(tmp_path, name):
    """With figures at every step or with none: the same weights, statistics of BatchNorm and other columns, bit for bit."""
    ends = []
    for told in (True, False):
        method = built(name)
        if not told:
            method.diagnostics = lambda shown: {}
        chosen = training(iterations=3, warmup=0.0, log_every=1, optimisers=dict.fromkeys(PLAYERS, SGD))
        given = batch(needs=method.settings.needs)
        history = train(method, OneBatch(given), chosen, resume=tmp_path / f"{told}.pt", digest="d")
        assert ("gamma.road" in history.rows[0]) == told
        rest = [{k: v for k, v in row.items() if k.partition(".")[0] not in KINDS} for row in history.rows]
        ends.append((rest, {n: player.state_dict() for n, player in method.players.items()}))
    (rows, players), (other_rows, other_players) = ends
    assert rows == other_rows
    for name, weights in players.items():
        assert all(torch.equal(value, other_players[name][key]) for key, value in weights.items()), name
