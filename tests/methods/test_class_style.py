"""Class-wise style: who is told what, what the bound holds, and that one backward pass serves both players."""

import math
from dataclasses import replace

import pytest
import torch

from ash.methods._consistency import jensen_shannon
from ash.methods.class_style import Shifter, of_classes, shifted, told
from ash.segmentation import losses
from tests.support.world import batch, built, gradients

LADDER = {
    "style_random_global": ("random", "global"),
    "style_random_class": ("random", "class"),
    "style_signs_class": ("signs", "class"),
    "style_adversarial_global": ("adversarial", "global"),
    "style_adversarial_class": ("adversarial", "class"),
    "style_adversarial_class_consistency": ("adversarial", "class"),
}
CHANNELS = 128  # of the shipped encoder


def blocks(mirror: bool = False):
    """A batch whose label is made of blocks of 4x4 pixels of the classes 2, 5 and 11, and of void."""
    kinds = torch.tensor([2, 5, 11, 255])[torch.randint(0, 4, (2, 4, 8), generator=torch.Generator().manual_seed(1))]
    label = kinds.repeat_interleave(4, 1).repeat_interleave(4, 2)
    return replace(batch(mirror), label=label.flip(-1) if mirror else label)


def restless(experiment: str, size: float = 0.05, **changes):
    """A method whose H does not start at 0."""
    method = built(experiment, **changes)
    with torch.no_grad():
        method.shifter.out.weight.normal_(0, size, generator=torch.Generator().manual_seed(2))
        method.shifter.out.bias.normal_(0, size, generator=torch.Generator().manual_seed(3))
    return method


def of(regions: int, seed: int = 5):
    """A g and a b for each of so many regions of two images."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(0.3 * torch.randn(2, regions, CHANNELS, generator=generator) for _ in range(2))


def test_the_ladder_is_that_of_the_experiments():
    """Each rung of params.yaml has the search and the scope of its name, all have one bound, and the last alone has JSD."""
    rungs = {name: built(name).settings for name in LADDER}
    assert {name: (s.search, s.scope) for name, s in rungs.items()} == LADDER
    assert len({(s.bound, s.alpha, s.segmentation_loss, s.lambda_weight) for s in rungs.values()}) == 1
    assert [name for name, s in rungs.items() if s.lambda_con] == ["style_adversarial_class_consistency"]


@pytest.mark.parametrize("name", list(LADDER)[:5])
def test_without_a_bound_every_rung_is_the_stylised_row(name):
    """Bound 0: G's terms and gradients are those of stylised images with a segmentation loss, to the bit."""
    found = built(name, bound=0.0)
    plain = built("stylised_segmentation_loss", alpha=found.settings.alpha)
    wanted = gradients(plain, blocks())["segmenter"].terms
    terms = gradients(found, blocks())["segmenter"].terms
    assert list(terms) == list(wanted)
    assert all(torch.equal(terms[key], wanted[key]) for key in wanted)
    for ours, theirs in zip(found.segmenter.parameters(), plain.segmenter.parameters(), strict=True):
        assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize("name", ["style_adversarial_global", "style_adversarial_class_consistency"])
def test_h_climbs_what_g_descends(name):
    """H's gradient is minus that of all G's terms on x^, taken by a second backward pass through G of its own."""
    method, given = restless(name), blocks(mirror=True)
    terms = gradients(method, given)["segmenter"].terms
    found = [parameter.grad.clone() for parameter in method.shifter.parameters()]
    again = restless(name)
    heads = again.segmenter(given.image)
    of_view = again.segmenter(again.render(given, again.shift(given, heads)))
    kind, weight = again.settings.segmentation_loss, again.settings.lambda_con
    climbed = losses.segmentation(of_view, given.label, kind) + weight * jensen_shannon((heads, of_view))
    wanted = torch.autograd.grad(-climbed, list(again.shifter.parameters()))
    on_view = sum(terms[key] for key in ("segmentation_on_view", "consistency") if key in terms)
    assert on_view.item() == pytest.approx(climbed.item(), rel=1e-5)
    for ours, theirs in zip(found, wanted, strict=True):
        assert theirs.abs().sum() > 0
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-7)


def test_a_step_of_h_raises_the_loss_on_its_images():
    """A small step of H down its own gradient raises L_seg(G(x^), y)."""
    method, given = restless("style_adversarial_class"), blocks()
    before = gradients(method, given)["segmenter"].terms["segmentation_on_view"].item()
    norm = sum(p.grad.square().sum() for p in method.shifter.parameters()).sqrt()
    with torch.no_grad():
        for parameter in method.shifter.parameters():
            parameter.sub_(0.3 * parameter.grad / norm)
    assert gradients(method, given)["segmenter"].terms["segmentation_on_view"].item() > before


def test_h_shows_the_value_of_what_it_climbs():
    """The history's column of H is minus G's terms on x^."""
    updates = gradients(restless("style_adversarial_class_consistency"), blocks())
    terms = updates["segmenter"].terms
    shown = updates["hallucinator"].terms["segmentation_on_view"].item()
    assert shown == pytest.approx(-(terms["segmentation_on_view"] + terms["consistency"]).item(), rel=1e-5)


@pytest.mark.parametrize("scope", ["global", "class"])
def test_search_and_control_have_the_same_bound(scope):
    """No |g| or |b| exceeds the bound, however large H's weights; both come near it, and the control is symmetric."""
    given, regions = blocks(), 19 if scope == "class" else 1
    wild = restless(f"style_adversarial_{scope}", size=50.0, bound=0.25)
    control = built(f"style_random_{scope}", bound=0.25)
    for method in (wild, control):
        for values in method.shift(given, method.segmenter(given.image)):
            assert values.shape == (2, regions, CHANNELS)
            assert 0.24 < values.abs().max() <= 0.25
    drawn = torch.cat([values.flatten() for _ in range(20) for values in control.shift(given, ())])
    assert drawn.mean().abs() < 0.01
    assert drawn.std().item() == pytest.approx(0.25 / math.sqrt(3), rel=0.05)  # of a uniform distribution


def test_the_larger_control_is_at_the_bound():
    """Every |g| and |b| of `search: signs` is the bound itself, half of them negative."""
    method, given = built("style_signs_class", bound=0.25), blocks()
    drawn = torch.stack(method.shift(given, ()))
    assert (drawn.abs() == 0.25).all()
    assert (drawn < 0).float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_classes_that_an_image_lacks_have_no_effect():
    """Other g and b of the absent classes give the same image; of a present class, another one."""
    method, given, (gamma, beta) = built("style_random_class"), blocks(), of(19)
    plain = method.render(given, (gamma, beta))
    absent, present = torch.ones(1, 19, 1), torch.zeros(1, 19, 1)
    absent[:, [2, 5, 11]], present[:, 5] = 0, 1
    assert torch.equal(method.render(given, (gamma + absent, beta - absent)), plain)
    assert not torch.allclose(method.render(given, (gamma + present, beta)), plain)


def test_void_keeps_the_style_of_the_painting():
    """An image without a labelled pixel is the AdaIN image in scope class, and not in scope global."""
    void = replace(blocks(), label=torch.full((2, 16, 32), 255))
    still = (torch.zeros(2, 19, CHANNELS),) * 2
    method, whole = built("style_random_class"), built("style_random_global")
    assert torch.equal(method.render(void, of(19)), method.render(void, still))
    assert not torch.allclose(whole.render(void, of(1)), method.render(void, still))


def test_the_shift_against_a_plain_loop():
    """Each cell's t times 1 + g of its class, plus the channel's deviation times b of its class."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 2, 4, generator=generator)
    label = torch.tensor([[[0, 0, 1, 1], [2, 2, 255, 1]], [[1, 2, 2, 0], [255, 255, 0, 0]]])
    gamma, beta = (torch.randn(2, 19, 3, generator=generator) for _ in range(2))
    found = shifted(features, of_classes(label, (2, 4)), gamma, beta)
    for b in range(2):
        for c in range(3):
            values = features[b, c].flatten().double()
            deviation = math.sqrt(((values - values.mean()) ** 2).sum() / 7 + 1e-5)
            for v in range(2):
                for h in range(4):
                    t, k = features[b, c, v, h].item(), int(label[b, v, h])
                    if k != 255:
                        t = t * (1 + gamma[b, k, c].item()) + deviation * beta[b, k, c].item()
                    assert found[b, c, v, h].item() == pytest.approx(t, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ["style_random_class", "style_random_global"])
def test_mirrored_batches_mirror_everything(name):
    """Features, label and picture stay aligned."""
    method, shift = built(name), of(19 if name.endswith("class") else 1)
    plain, mirrored = (method.render(blocks(mirror), shift) for mirror in (False, True))
    torch.testing.assert_close(mirrored, plain.flip(-1))


def test_h_is_told_shares_and_losses():
    """The share of each class among all cells, and the mean cross-entropy of its cells, 0 where there are none."""
    label = torch.tensor([[[3, 3, 7, 255]]])
    heads = tuple(torch.randn(1, 19, 1, 4, generator=torch.Generator().manual_seed(k)) for k in range(2))
    shares, slips = told(heads, label)
    p = (heads[0] + heads[1]).softmax(1)[0, :, 0]
    expected = torch.zeros(2, 19)
    expected[0, 3], expected[0, 7] = 0.5, 0.25
    expected[1, 3] = -(p[3, 0].log() + p[3, 1].log()) / 2
    expected[1, 7] = -p[7, 2].log()
    torch.testing.assert_close(shares[0], expected[0])
    torch.testing.assert_close(slips[0], expected[1])


def test_h_starts_at_nothing_and_alike():
    """The first images are AdaIN's, whatever the global generator; classes are told apart once H has moved."""
    torch.manual_seed(11)
    first = Shifter(8, 4, "class")
    torch.manual_seed(12)
    second = Shifter(8, 4, "class")
    assert torch.equal(first.hidden.weight, second.hidden.weight)
    shares = slips = torch.full((1, 19), 0.1)
    assert not torch.stack(first(shares, slips, 1.0)).any()
    with torch.no_grad():
        first.out.weight.fill_(0.1)
    gamma, _ = first(shares, slips, 1.0)
    assert gamma.std(1).min() > 0


def test_diagnostics_show_how_much_of_the_bound_is_used():
    """Near 1 for an H that always goes to the bound, 0 for one at rest, in either scope; the control has none."""
    given = blocks()
    for scope in ("class", "global"):
        assert set(built(f"style_adversarial_{scope}").diagnostics(given).values()) == {0.0}
        reach = restless(f"style_adversarial_{scope}", size=50.0).diagnostics(given)
        assert set(reach) == {"reach.g", "reach.b"} and min(reach.values()) > 0.9
    assert built("style_random_class").diagnostics(given) == {}
