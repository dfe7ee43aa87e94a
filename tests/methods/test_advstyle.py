"""AdvStyle: the step of an image's statistics up the loss, and what G learns from."""

import pytest
import torch
from torch.nn import functional

from ash.methods.advstyle import decomposed, recomposed
from ash.pixels import IMAGENET_MEAN, IMAGENET_STD
from tests.support.world import batch, built, gradients

STEP = 0.7


def loss_of(method, image, label) -> torch.Tensor:
    """Cross-entropy of both heads, written anew."""
    up = (
        functional.interpolate(h, label.shape[1:], mode="bilinear", align_corners=True) for h in method.segmenter(image)
    )
    return sum(functional.cross_entropy(logits, label) for logits in up)


def climbed_by_hand(method, given) -> torch.Tensor:
    """x+ from the equations, channel by channel: one step along the slope of the mean loss of a head."""
    shift, scale = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = (given.image - shift) / scale
    flat = pixels.flatten(2)
    mean = flat.mean(2)[:, :, None, None].requires_grad_()
    deviation = (flat.var(2) + 1e-5).sqrt()[:, :, None, None].detach().requires_grad_()
    normal = ((pixels - mean) / deviation).detach()
    loss = loss_of(method, (normal * deviation + mean) * scale + shift, given.label) / 2
    up_mean, up_deviation = torch.autograd.grad(loss, (mean, deviation))
    return ((normal * (deviation + STEP * up_deviation) + mean + STEP * up_mean) * scale + shift).detach()


def seen_by_g(method, given) -> list[torch.Tensor]:
    """The images of each pass through G in one step."""
    images = []
    hook = method.segmenter.register_forward_pre_hook(lambda _, inputs: images.append(inputs[0].detach().clone()))
    gradients(method, given)
    hook.remove()
    return images


def test_the_adversarial_image_against_the_equations():
    """G sees x, then x+, whose statistics took a step up the loss that G had on x; two passes and no more."""
    given = batch()
    images = seen_by_g(built("advstyle", step=STEP), given)
    assert len(images) == 2
    torch.testing.assert_close(images[0], given.image, atol=1e-5, rtol=0)
    expected = climbed_by_hand(built("advstyle"), given)
    assert (expected - given.image).abs().max() > 1e-3
    torch.testing.assert_close(images[1] - given.image, expected - given.image, atol=1e-5, rtol=1e-2)


def test_the_step_climbs_by_finite_differences():
    """Moving each image's statistics a little further the same way raises the loss at the rate of the slope's square."""
    method, given = built("advstyle", step=STEP), batch()
    harder = seen_by_g(method, given)[1]
    way = harder - given.image
    h = 0.01 / way.abs().max().item()
    with torch.no_grad():
        ahead, behind = (loss_of(method, given.image + sign * h * way, given.label).item() / 2 for sign in (1, -1))
    slopes = [(a - b) / STEP for a, b in zip(decomposed(harder)[1:], decomposed(given.image)[1:], strict=True)]
    squares = sum(slope.square().sum().item() for slope in slopes)
    assert (ahead - behind) / (2 * h) == pytest.approx(STEP * squares, rel=0.1)


def test_g_learns_from_both_images_as_constants():
    """G's gradient is that of L_seg(x) + L_seg(x+), and the second pass moves no statistics of the first."""
    method, given = built("advstyle", step=STEP, lambda_weight=0.0), batch()
    terms = gradients(method, given)["segmenter"].terms
    assert set(terms) == {"segmentation", "weight", "segmentation_on_adversarial"}
    plain = built("advstyle")
    harder = climbed_by_hand(plain, given)
    (loss_of(plain, given.image, given.label) + loss_of(plain, harder, given.label)).backward()
    for (name, found), wanted in zip(method.segmenter.named_parameters(), plain.segmenter.parameters(), strict=True):
        torch.testing.assert_close(found.grad, wanted.grad, rtol=2e-2, atol=1e-4, msg=name)


def test_no_step_shows_the_image_twice():
    """With gamma 0 x+ is x, and the two terms are equal."""
    terms = gradients(built("advstyle", step=0.0), batch())["segmenter"].terms
    assert terms["segmentation_on_adversarial"].item() == pytest.approx(terms["segmentation"].item(), rel=1e-5)


def test_parts_of_an_image_make_it_again():
    """n sigma + mu is the image; n has mean 0 and deviation 1 in each channel; mu of ImageNet's mean colour is 0."""
    image = batch().image
    normal, mean, deviation = decomposed(image)
    torch.testing.assert_close(recomposed(normal, mean, deviation), image)
    torch.testing.assert_close(normal.mean((2, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal.std((2, 3)), torch.ones(2, 3), atol=1e-3, rtol=0)
    grey = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    torch.testing.assert_close(decomposed(grey)[1], torch.zeros(1, 3, 1, 1), atol=1e-6, rtol=0)
