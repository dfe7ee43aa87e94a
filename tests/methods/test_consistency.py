"""The divergence of predictions for several views of an image."""

import math

import pytest
import torch

from ash.methods._consistency import jensen_shannon


def test_divergence_against_a_plain_loop():
    """The mean over views and pixels of KL(p_i, mean), p_i the softmax of the sum of a view's two heads."""
    generator = torch.Generator().manual_seed(0)
    views = [tuple(3 * torch.randn(2, 4, 2, 3, generator=generator) for _ in range(2)) for _ in range(3)]
    total, count = 0.0, 0
    for b in range(2):
        for v in range(2):
            for h in range(3):
                p = []
                for first, second in views:
                    weights = [math.exp(float(first[b, k, v, h] + second[b, k, v, h])) for k in range(4)]
                    p.append([weight / sum(weights) for weight in weights])
                mean = [sum(q[k] for q in p) / 3 for k in range(4)]
                for q in p:
                    total += sum(q[k] * math.log(q[k] / mean[k]) for k in range(4))
                    count += 1
    assert jensen_shannon(views).item() == pytest.approx(total / count, rel=1e-4)


def test_bounds_of_the_divergence():
    """Equal predictions have none; two sure and different ones have ln 2."""
    sure = torch.full((1, 2, 1, 1), -50.0)
    first, second = sure.clone(), sure.clone()
    first[:, 0], second[:, 1] = 50, 50
    assert jensen_shannon([(first,), (first,)]).item() == pytest.approx(0, abs=1e-6)
    assert jensen_shannon([(first,), (second,)]).item() == pytest.approx(math.log(2), rel=1e-4)


def test_gradients_pass_every_view():
    """No view is a constant target of the others."""
    views = [(torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(k)).requires_grad_(),) for k in range(3)]
    jensen_shannon(views).backward()
    assert all(head.grad.abs().sum() > 0 for (head,) in views)
