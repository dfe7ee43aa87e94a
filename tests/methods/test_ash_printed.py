"""ASH as printed: the losses of eq. 6 to 9, and the two steps of G in Algorithm 1."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from ash import methods
from ash.errors import ConfigError
from ash.methods.ash import sublosses
from ash.training.step import Stepper
from tests.methods.test_orders import SGD
from tests.support.world import batch, built, gradients, settings

WEIGHTS = {"lambda_c": 0.5, "lambda_s1": 0.25, "lambda_s2": 2.0}


def maps() -> tuple[torch.Tensor, ...]:
    """f_c, f_s, f' and t: two images of five channels, styles of another size."""
    generator = torch.Generator().manual_seed(0)
    sizes = ((4, 6), (3, 8), (3, 8), (4, 6))
    return tuple(torch.randn(2, 5, *size, generator=generator) * (k + 1) + k for k, size in enumerate(sizes))


@pytest.mark.parametrize("statistics", ["mean", "mean_std"])
def test_the_printed_losses_by_hand(statistics):
    """Norms, not squared, of each image: L_c with its printed minus, L_s1 against f', as means over the batch."""
    chosen = built("ash", sub_losses="printed", statistics=statistics, **WEIGHTS).settings
    found = sublosses.terms(chosen, *maps())
    content, _, changed, mixed = (m.double().numpy().reshape(2, 5, -1) for m in maps())

    def norms(first, second):
        deviations = [np.sqrt(m.var(2, ddof=1) + 1e-5) for m in (first, second)]
        means = np.linalg.norm(first.mean(2) - second.mean(2), axis=1).mean()
        return means + (statistics == "mean_std") * np.linalg.norm(deviations[0] - deviations[1], axis=1).mean()

    assert found["content"].item() == pytest.approx(
        -0.5 * np.linalg.norm((mixed - content).reshape(2, -1), axis=1).mean(), rel=1e-5
    )
    assert found["style"].item() == pytest.approx(0.25 * norms(mixed, changed), rel=1e-5)
    assert found["divergence"].item() == pytest.approx(-2 * norms(mixed, content), rel=1e-5)


def test_the_printed_style_loss_is_zero():
    """AdaIN hands on the mean of f' exactly: what is left is rounding, beside some hundred of the other terms."""
    terms = gradients(built("ash_print"), batch())["hallucinator"].terms
    assert 0 <= terms["style"].item() < 1e-4
    assert terms["content"].item() < -10
    assert terms["divergence"].item() < -1


def parts_of_a_step() -> tuple[list[str], list[tuple[torch.Tensor, bool, torch.Tensor]]]:
    """The parts of one step in the order in which they come; and for each look of G its image, whether that has a graph, and
    a weight of G then."""
    method, given = built("ash_print", noise="none"), batch()
    stepper = Stepper.from_settings(method, optimised(), torch.enable_grad)
    parts, looks, weight = [], [], method.segmenter.conv1.weight
    method.segmenter.register_forward_pre_hook(
        lambda _, x: looks.append((x[0].detach().clone(), x[0].requires_grad, weight.detach().clone()))
    )

    @contextmanager
    def watch(part):
        parts.append(part)
        yield

    stepper.step(given, 0, 0.5, watch)
    return parts, looks


def optimised():
    """The settings of `ash_print`, with plain steps that are large enough to be seen."""
    own = settings().experiment("ash_print").training
    return own.model_copy(update={"optimisers": dict.fromkeys(own.optimisers, SGD)})


def test_g_steps_on_the_source_and_then_on_the_stylised_image():
    """H, G, G and D each step after their own update; G meets x^ a second time, as a constant, with its first step taken."""
    parts, looks = parts_of_a_step()
    assert [part for part in parts if not part.startswith("forward")] == [
        "backward 1: hallucinator", "optimisers", "backward 2: segmenter", "optimisers",
        "backward 3: segmenter", "optimisers", "backward 4: discriminator", "optimisers",
    ]  # fmt: skip
    (source, _, first), (stylised, moving, second), (again, constant, third) = looks
    assert torch.equal(source, batch().image)
    assert torch.equal(stylised, again) and (moving, constant) == (True, False)
    assert torch.equal(first, second) and not torch.equal(second, third)


def test_the_terms_of_both_steps_are_those_of_one():
    """With no step taken between them, they are the same terms."""
    once, twice = (gradients(built("ash", g_steps=steps, noise="none"), batch()) for steps in (1, 2))
    for player, update in once.items():
        found = {name: term.item() for name, term in twice[player].terms.items()}
        assert found == pytest.approx({name: term.item() for name, term in update.terms.items()}, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"g_steps": 2, "g_image": "own"}, "g_steps 2 is the print, g_image own is the released code"),
        ({"sub_losses": "printed", "modulation": "local"}, "sub_losses printed needs f'"),
    ],
)
def test_two_forms_at_once_are_refused(changes, told):
    """In a line that says which two."""
    entry = settings().experiment("ash")
    with pytest.raises(ConfigError, match=told):
        methods.check(entry.model_copy(update={"settings": entry.settings | changes}))
