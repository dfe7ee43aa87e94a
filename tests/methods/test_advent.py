"""ADVENT: entropy of two heads, two discriminators, and what each weight acts on."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from ash.labels import N_CLASSES
from ash.methods.advent import entropy, self_information
from ash.style.view import stylise
from tests.support.world import batch, built, gradients

MINENT = {"variant": "minent"}


def test_self_information_against_a_plain_loop():
    """-p ln p / ln 19 of each class and pixel, p from a softmax written out."""
    logits = torch.randn(2, N_CLASSES, 3, 4, generator=torch.Generator().manual_seed(0))
    found = self_information(logits, (3, 4))
    for b in range(2):
        for y in range(3):
            for x in range(4):
                z = logits[b, :, y, x].tolist()
                total = sum(math.exp(value) for value in z)
                for c, value in enumerate(z):
                    p = math.exp(value) / total
                    assert found[b, c, y, x].item() == pytest.approx(-p * math.log(p) / math.log(19), rel=1e-4)


def test_logits_are_upsampled_before_the_softmax():
    """At another size the maps are those of the resized logits, not resized maps."""
    logits = 5 * torch.randn(1, N_CLASSES, 2, 2, generator=torch.Generator().manual_seed(1))
    up = functional.interpolate(logits, (5, 7), mode="bilinear", align_corners=True).double()
    log_p = up - up.exp().sum(1, keepdim=True).log()
    expected = -(log_p.exp() * log_p) / math.log(19)
    torch.testing.assert_close(self_information(logits, (5, 7)).double(), expected, atol=1e-6, rtol=1e-4)


def test_entropy_of_uniform_and_of_certain_predictions():
    """A uniform map costs MinEnt 1, a one-hot map 0, a mixture of the two over pixels its share."""
    uniform, certain = torch.zeros(1, N_CLASSES, 2, 2), torch.zeros(1, N_CLASSES, 2, 2)
    certain[:, 7] = 1000
    mixed = uniform.clone()
    mixed[:, 7, 0, 0] = 1000
    for logits, expected in ((uniform, 1), (certain, 0), (mixed, 0.75)):
        assert entropy(self_information(logits, (2, 2))).item() == pytest.approx(expected, abs=1e-6)


def test_a_certain_prediction_has_a_finite_gradient():
    """p = 0 in float32 meets the 1e-30 inside the logarithm, not log 0."""
    logits = torch.zeros(1, N_CLASSES, 1, 1)
    logits[:, 0] = 1000
    logits.requires_grad_()
    entropy(self_information(logits, (1, 1))).backward()
    assert logits.grad.isfinite().all()


class Constant(torch.nn.Module):
    """A discriminator that says one number of every map, and keeps what it was shown."""

    map_size = (8, 16)

    def __init__(self, logit: float):
        super().__init__()
        self.logit = torch.nn.Parameter(torch.tensor(logit))
        self.shown = []

    def forward(self, maps):
        """(B,19,h,w) -> (B,1,2,2)."""
        self.shown.append(maps)
        return self.logit.expand(len(maps), 1, 2, 2)


def test_domains_and_the_factor_one_half():
    """With D = 2 everywhere: BCE is softplus(2) against source (0) and softplus(-2) against target (1); D halves both."""
    method = built("advent")
    judges = torch.nn.ModuleList([Constant(2.0), Constant(2.0)])
    method.discriminators, method.players["discriminator"] = judges, judges
    s, updates = method.settings, {u.player: u.terms for u in method.updates(batch(), 0.5)}
    against_source, against_target = math.log(1 + math.exp(2)), math.log(1 + math.exp(-2))
    terms = updates["segmenter"]
    assert terms["adversarial_main"].item() == pytest.approx(s.lambda_main * against_source)
    assert terms["adversarial_auxiliary"].item() == pytest.approx(s.lambda_auxiliary * against_source)
    for name in ("main", "auxiliary"):
        assert updates["discriminator"][f"source_{name}"].item() == pytest.approx(against_source / 2)
        assert updates["discriminator"][f"target_{name}"].item() == pytest.approx(against_target / 2)


def test_each_head_has_its_own_discriminator():
    """D_main sees the information of the head on layer4, D_aux that of the head on layer3; for D both are constants."""
    method = built("advent")
    judges = torch.nn.ModuleList([Constant(0.0), Constant(0.0)])
    method.discriminators, method.players["discriminator"] = judges, judges
    source, other = [], []
    method.segmenter.register_forward_hook(lambda _, __, heads: (other if source else source).extend(heads))
    list(method.updates(batch(), 0.5))
    for k in range(2):
        in_g, source_in_d, other_in_d = judges[k].shown
        torch.testing.assert_close(in_g, self_information(other[k], (8, 16)))
        torch.testing.assert_close(source_in_d, self_information(source[k], (8, 16)))
        torch.testing.assert_close(other_in_d, in_g)
        assert in_g.requires_grad
        assert not source_in_d.requires_grad and not other_in_d.requires_grad


def test_the_auxiliary_head_stands_on_layer3():
    """Its segmentation loss reaches layer3 and layer5, and neither layer4 nor the main head layer6."""
    method = built("advent")
    (update, _) = method.updates(batch(), 0.5)
    torch.autograd.backward(update.terms["segmentation_auxiliary"])
    net = method.segmenter
    for part, reached in ((net.layer3, True), (net.layer5, True), (net.layer4, False), (net.layer6, False)):
        assert any(p.grad is not None and bool(p.grad.abs().sum()) for p in part.parameters()) == reached


@pytest.mark.parametrize("changes", [{}, MINENT], ids=["adversarial", "minent"])
def test_each_weight_scales_its_own_term(changes):
    """Three times the weight is three times its term, and every other term of G stays."""
    plain = gradients(built("advent", **changes), batch())["segmenter"].terms
    kind = "entropy" if changes else "adversarial"
    terms = {
        "lambda_main": f"{kind}_main",
        "lambda_auxiliary": f"{kind}_auxiliary",
        "lambda_auxiliary_segmentation": "segmentation_auxiliary",
    }
    for weight, term in terms.items():
        tripled = 3 * getattr(built("advent").settings, weight)
        found = gradients(built("advent", **changes, **{weight: tripled}), batch())["segmenter"].terms
        expected = {name: value.item() * (3 if name == term else 1) for name, value in plain.items()}
        assert {name: value.item() for name, value in found.items()} == pytest.approx(expected, rel=1e-5)


def test_minent_has_no_adversary():
    """One player, one update, and the two heads' entropies of the second pass as its terms."""
    method = built("advent", **MINENT)
    assert set(method.players) == {"segmenter"}
    passes = []
    method.segmenter.register_forward_hook(lambda _, __, heads: passes.append(heads))
    (update,) = method.updates(batch(), 0.5)
    for k, (name, weight) in enumerate((("main", 0.1), ("auxiliary", 0.02))):
        p = functional.interpolate(passes[1][k], (8, 16), mode="bilinear", align_corners=True).softmax(1)
        expected = weight * -(p * p.log2()).sum(1).mean() / math.log2(19)
        assert update.terms[f"entropy_{name}"].item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("name", ["advent", "maxsquare", "clan"])
@pytest.mark.parametrize("suffix", ["", "_target"])
def test_the_second_pass_sees_what_plays_the_target(name, suffix):
    """Against `stylised` the AdaIN image of the source, against `target` the target image as it stands."""
    method = built(name + suffix)
    given = batch(needs=method.settings.needs)
    images = []
    method.segmenter.register_forward_pre_hook(lambda _, inputs: images.append(inputs[0]))
    gradients(method, given)
    assert len(images) == 2
    assert torch.equal(images[0], given.image)
    if suffix:
        assert given.style is None and method.stylizer is None
        assert torch.equal(images[1], given.target)
    else:
        assert torch.equal(images[1], stylise(method.stylizer, given, method.settings.alpha))


@pytest.mark.parametrize("name", ["advent_target", "maxsquare_target", "clan_target"])
def test_target_images_move_the_game_and_not_the_supervised_loss(name):
    """Other target images change the terms on them; the segmentation loss is of the source alone."""
    terms = []
    for seed in (1, 2):
        method = built(name)
        target = torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(seed))
        terms.append(gradients(method, replace(batch(needs=method.settings.needs), target=target))["segmenter"].terms)
    for term, value in terms[0].items():
        on_source = term.startswith(("segmentation", "weight"))
        assert (value.item() == terms[1][term].item()) == on_source, term
