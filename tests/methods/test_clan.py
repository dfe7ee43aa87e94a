"""CLAN: the value of every term of its game."""

import pytest

from tests.methods import by_hand
from tests.support.world import built


@pytest.mark.parametrize("progress", [0.0, 0.049, 0.05, 0.6])
def test_the_terms_of_the_game_by_hand(progress):
    """G's and D's terms are those of NumPy, and from 5 % of the training on they are weighted by M."""
    method = built("clan", **by_hand.NUMBERS)
    terms, heads, answers = by_hand.played(method, progress)
    for player, values in by_hand.expected(method, progress, heads, answers).items():
        for name, value in values.items():
            assert terms[player][name] == pytest.approx(value, rel=1e-4), (player, name)
