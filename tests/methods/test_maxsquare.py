"""MaxSquare: both forms against plain loops."""

from collections import Counter

import pytest
import torch
from torch.nn import functional

from ash.labels import N_CLASSES
from ash.methods.maxsquare import image_wise, max_square
from tests.support.world import batch, built, gradients


def one_hot(classes: int) -> torch.Tensor:
    """Certain predictions (2,classes,3,4)."""
    chosen = torch.randint(0, classes, (2, 3, 4), generator=torch.Generator().manual_seed(0))
    return functional.one_hot(chosen, classes).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("classes", [2, 19])
def test_certain_and_uniform_predictions_by_hand(classes):
    """Certain: one square of 1 among C classes, so -1/(2C).  Uniform: C squares of 1/C^2, so -1/(2 C^2)."""
    assert max_square(one_hot(classes)).item() == pytest.approx(-1 / (2 * classes))
    uniform = torch.full((2, classes, 3, 4), 1 / classes)
    assert max_square(uniform).item() == pytest.approx(-1 / (2 * classes**2))


def test_the_gradient_grows_linearly_with_the_probability():
    """d L_T / d p = -p / (number of entries): the paper's point against entropy, whose gradient explodes at 1."""
    p = torch.rand(1, 5, 2, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    max_square(p).backward()
    torch.testing.assert_close(p.grad, -p.detach() / p.numel())


def two_images() -> torch.Tensor:
    """Probabilities (2,4,4,5) of two images: in the first every class is likeliest somewhere, in the second two are."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 4, 4, 5, generator=generator)
    logits[0, 0] += 0.8
    logits[1, 2] += 2.5
    logits[1, 3] -= 9
    return logits.softmax(1)


@pytest.mark.parametrize("exponent", [0.0, 0.2, 1.0])
def test_image_wise_weights_against_a_plain_loop(exponent):
    """1 / max(H_c^a H^(1-a), 1) for each pixel, H_c the pixels of its likeliest class in its own image."""
    probabilities = two_images()
    total, histograms = 0.0, []
    for image in probabilities.tolist():
        pixels = [[image[c][y][x] for c in range(4)] for y in range(4) for x in range(5)]
        likeliest = [p.index(max(p)) for p in pixels]
        count = Counter(likeliest)
        histograms.append(count)
        for p, c in zip(pixels, likeliest, strict=True):
            weight = 1 / max(count[c] ** exponent * len(pixels) ** (1 - exponent), 1)
            total += weight * sum(value**2 for value in p)
    assert histograms[0] != histograms[1] and min(len(h) for h in histograms) > 1
    expected = -total / (2 * 4)  # over B C, without the 1/2
    assert image_wise(probabilities, exponent).item() == pytest.approx(expected, rel=1e-5)


def test_image_wise_weights_are_constants():
    """The gradient is -2 p w / (B C): no share of it comes through the weights."""
    p = two_images().requires_grad_()
    image_wise(p, 0.2).backward()
    likeliest = p.detach().argmax(1)
    for b in range(2):
        for c in range(4):
            chosen = likeliest[b] == c
            count = int(chosen.sum())
            if count:
                weight = 1 / max(count**0.2 * 20**0.8, 1)
                expected = -2 * p.detach()[b][:, chosen] * weight / (2 * 4)
                torch.testing.assert_close(p.grad[b][:, chosen], expected)


def test_rare_classes_weigh_more():
    """One pixel of class 1 among fifteen of class 0 pulls 15^a times as hard."""
    p = torch.zeros(1, 2, 4, 4)
    p[:, 0], p[:, 1] = 0.9, 0.1
    p[0, :, 0, 0] = torch.tensor([0.1, 0.9])
    p.requires_grad_()
    image_wise(p, 0.2).backward()
    assert (p.grad[0, 1, 0, 0] / p.grad[0, 0, 2, 2]).item() == pytest.approx(15**0.2, rel=1e-5)


@pytest.mark.parametrize("exponent", [None, 0.2])
def test_the_method_descends_it_on_the_second_pass(exponent):
    """Term = lambda_t L_T of the softmax of the upsampled logits, at the label's size; no damping."""
    method = built("maxsquare", image_wise=exponent)
    passes = []
    method.segmenter.register_forward_hook(lambda _, __, heads: passes.append(heads))
    given = batch()
    updates = [gradients(method, given, progress)["segmenter"].terms for progress in (0.0, 0.9)]
    (logits,) = passes[1]
    up = functional.interpolate(logits, given.label.shape[1:], mode="bilinear", align_corners=True)
    p = up.exp() / up.exp().sum(1, keepdim=True)
    expected = 0.1 * (-(p**2).sum() / (2 * p.numel()) if exponent is None else image_wise(p, exponent))
    assert updates[0]["square"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert updates[1]["square"].item() == pytest.approx(updates[0]["square"].item(), rel=1e-5)
    assert set(updates[0]) == {"segmentation", "square"}


def test_it_makes_predictions_on_the_second_pass_surer():
    """One small step of G on L_T alone raises the mean of the largest probability, which starts near 1/19."""
    method, given = built("maxsquare", lambda_t=1.0), batch()
    given.label.fill_(255)

    def sureness() -> float:
        with torch.no_grad():
            return method.segmenter(seen[1])[0].softmax(1).amax(1).mean().item()

    seen: list[torch.Tensor] = []
    handle = method.segmenter.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    gradients(method, given)
    handle.remove()
    before = sureness()
    assert before > 1 / N_CLASSES
    with torch.no_grad():
        for weight in method.segmenter.parameters():
            weight.sub_(0.1 * weight.grad / weight.grad.norm().clamp_min(1e-12))
    assert sureness() > before
