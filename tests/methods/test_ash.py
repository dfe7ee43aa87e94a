"""ASH: the value of every term of its game, and the figures behind Figure 4."""

import pytest
import torch

from ash.labels import CLASSES
from ash.pixels import mirrored
from tests.methods import by_hand
from tests.support.world import batch, built

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
    """Each class's drop of the norms when its channel is zeroed, and that over the pixels predicted as the class."""
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
                if winners.count(k):
                    figures[f"{kind}_per_pixel.{name}"] = drop / winners.count(k)
    return figures


@pytest.mark.parametrize("mirror", [False, True])
def test_figure4_against_a_plain_loop(mirror):
    """Every figure of the history; a class that G predicts nowhere has none by pixel; G goes on training afterwards."""
    method, given = built("ash"), batch(mirror)
    found = method.diagnostics(given)
    assert method.segmenter.training
    wanted = figure4_by_a_loop(method, given)
    assert 2 * len(CLASSES) < len(wanted) < 4 * len(CLASSES)
    assert found == pytest.approx(wanted, rel=1e-3, abs=0.01)  # float32 sums of some thousands
