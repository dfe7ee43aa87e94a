"""ASH's game with one backward pass through G gives every player the gradients of the plain form."""

import pytest
import torch

from tests.support.world import batch, built, gradients


def both(**changes):
    """Updates and gradients of the plain and of the reversed form on one batch."""
    results = []
    for reversal in (False, True):
        method = built("ash", reversal=reversal, **changes)
        updates = gradients(method, batch(mirror=True))
        grads = {
            (player, name): parameter.grad
            for player, network in method.players.items()
            for name, parameter in network.named_parameters()
            if parameter.grad is not None
        }
        results.append((updates, grads))
    return results


@pytest.mark.parametrize("changes", [{}, {"modulation": "local", "bound": 0.5}, {"damping": False, "through_m": False}])
def test_same_gradients_and_terms(changes):
    """H's, G's and D's gradients, and every term's value, up to rounding."""
    (plain, plain_grads), (fused, fused_grads) = both(**changes)
    assert plain.keys() == fused.keys()
    for player, update in plain.items():
        for name, value in update.terms.items():
            torch.testing.assert_close(fused[player].terms[name], value, rtol=1e-4, atol=1e-7)
    assert plain_grads.keys() == fused_grads.keys()
    for name, value in plain_grads.items():
        torch.testing.assert_close(fused_grads[name], value, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("changes", [{"g_image": "own"}, {"segmentation_on_stylised": 1.0}])
def test_where_it_would_differ_it_is_not_used(changes):
    """G's own image, or another loss of G on x^, keeps the plain form: H's update comes first."""
    method = built("ash", reversal=True, **changes)
    assert next(iter(method.updates(batch(), 0.5))).player == "hallucinator"
