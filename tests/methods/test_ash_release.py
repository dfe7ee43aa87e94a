"""ASH's `g_image`: whether the segmenter meets H's stylised image, or one made for it as in the released code."""

import torch

from tests.support.world import batch, built, gradients


def images_of(method, given) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Condition and stylised image of every call of `hallucinate` in one step."""
    calls, hallucinate = [], method.hallucinate

    def watched(batch, condition):
        stylised, own = hallucinate(batch, condition)
        calls.append((condition, stylised))
        return stylised, own

    method.hallucinate = watched
    gradients(method, given)
    return calls


def test_a_shared_image_is_made_once():
    """One stylised image a step, one condition of the logits' size."""
    ((condition, stylised),) = images_of(built("ash"), batch())
    assert condition.shape == (2, 19, 4, 8)
    assert stylised.requires_grad


def test_an_own_image_is_made_anew():
    """G's image differs from H's, is a constant, and its condition has the label's size."""
    (for_h, h_image), (for_g, g_image) = images_of(built("ash", g_image="own"), batch())
    assert (for_h.shape, for_g.shape) == ((2, 19, 4, 8), (2, 19, 16, 32))
    assert h_image.requires_grad and not g_image.requires_grad
    assert not torch.allclose(h_image, g_image)


def test_an_own_image_has_noise_of_its_own():
    """The second draw of the step's generator: with the condition held the same, the images still differ."""
    method = built("ash", g_image="own", condition="uniform")
    (_, h_image), (_, g_image) = images_of(method, batch())
    assert not torch.equal(h_image, g_image)
    quiet = built("ash", g_image="own", condition="uniform", noise="none")
    (_, h_image), (_, g_image) = images_of(quiet, batch())
    torch.testing.assert_close(h_image, g_image)


def test_an_own_image_has_a_pass_of_its_own_beside_a_source_of_its_own():
    """In the release's order: x, H's x^, x, G's x^.  H's first look at x leaves no graph; BatchNorm sees as many of each."""
    method, given, passes = built("ash", g_image="own"), batch(), []
    method.segmenter.register_forward_hook(
        lambda _, inputs, heads: passes.append((torch.equal(inputs[0], given.image), heads[0].requires_grad))
    )
    gradients(method, given)
    assert passes == [(True, False), (False, True), (True, True), (False, True)]
