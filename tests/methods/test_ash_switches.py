"""Each switch of ASH between our reading and the released code changes what it should, and nothing else."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from ash.config import SegmenterSettings
from ash.methods.ash.sublosses import terms as terms_of
from ash.pixels import MEAN_BGR, to_caffe
from ash.segmentation.deeplab import build_segmenter
from ash.style.adain import statistics_distance
from ash.style.noise import elementwise_svd
from ash.style.view import view
from ash.training.schedule import build_optimiser
from tests.support.world import batch, built, gradients, settings

OF_THE_IMAGE = {
    "hallucinator.adversarial", "hallucinator.content", "hallucinator.style", "hallucinator.divergence",
    "segmenter.adversarial", "discriminator.stylised",
}  # fmt: skip


SWITCHES = [
    ({"segmentation_loss": "focal"}, {"segmenter.segmentation"}),
    ({"segmentation_loss": "focal_clamped"}, {"segmenter.segmentation"}),
    ({"sub_losses": "printed"}, {"hallucinator.content", "hallucinator.style", "hallucinator.divergence"}),
    ({"g_steps": 2}, set()),  # which only the steps between them change
    ({"statistics": "mean"}, {"hallucinator.style", "hallucinator.divergence"}),
    ({"lambda_c": 0.5}, {"hallucinator.content"}),
    ({"lambda_s1": 0.5}, {"hallucinator.style"}),
    ({"lambda_s2": 0.5}, {"hallucinator.divergence"}),
    ({"lambda_weight": 0.5}, {"segmenter.weight"}),
    ({"lambda_adv": 0.5}, {"hallucinator.adversarial", "segmenter.adversarial"}),
    ({"damping": False}, {"hallucinator.adversarial", "segmenter.adversarial", "segmenter.weight"}),
    ({"through_m": False}, set()),
    (
        {"stylised_map": [0.5, 0.75]},
        {"hallucinator.adversarial", "segmenter.adversarial", "discriminator.stylised"},
    ),
    ({"g_image": "own"}, {"segmenter.adversarial", "discriminator.stylised"}),
    ({"noise": "none"}, OF_THE_IMAGE),
    ({"noise": "channel_qr"}, OF_THE_IMAGE),
    ({"vgg_input": "release"}, OF_THE_IMAGE),
    ({"condition": "uniform"}, OF_THE_IMAGE),
]


def run(**changes):
    """ASH after one step at half the training, with its batch."""
    method = built("ash", **changes)
    given = batch(needs=method.settings.needs)
    return method, given, gradients(method, given)


def terms(**changes) -> dict[str, float]:
    """Every term of that step, weighted."""
    _, _, updates = run(**changes)
    return {f"{player}.{name}": value.item() for player, u in updates.items() for name, value in u.terms.items()}


@pytest.mark.parametrize(("changes", "moved"), SWITCHES, ids=[str(changes) for changes, _ in SWITCHES])
def test_a_switch_moves_its_own_terms(changes, moved):
    """The values of these terms change, those of all others are equal to the last bit."""
    plain, changed = terms(), terms(**changes)
    assert plain.keys() == changed.keys()
    assert {name for name in plain if plain[name] != changed[name]} == moved


def test_sub_loss_weights_are_factors():
    """Ten times lambda_c, lambda_s1, lambda_s2 is ten times L_c, L_s1, L_s2; the release's 1e-8 makes 1e-6 of 0.01."""
    plain = terms()
    for weight, term in (("lambda_c", "content"), ("lambda_s1", "style"), ("lambda_s2", "divergence")):
        for value, factor in ((0.1, 10), (1e-8, 1e-6)):
            found = terms(**{weight: value})[f"hallucinator.{term}"]
            assert found == pytest.approx(factor * plain[f"hallucinator.{term}"], rel=1e-4)


def test_without_damping_the_end_weighs_like_the_start():
    """d = 1 - i/N halves the adversarial and weight terms at half the training; without it they are whole."""
    plain, undamped = terms(), terms(damping=False)
    for name in ("hallucinator.adversarial", "segmenter.adversarial", "segmenter.weight"):
        assert undamped[name] == pytest.approx(2 * plain[name], rel=1e-5)


@pytest.mark.parametrize("kind", ["cross_entropy", "focal"])
def test_segmentation_losses_by_hand(kind):
    """-ln p or -(1 - p)^2 ln p of the label's class, mean over pixels that are not void, summed over two heads."""
    method, given = built("ash", segmentation_loss=kind), batch()
    given.label[:, :3] = 255
    kept: list[torch.Tensor] = []
    method.segmenter.register_forward_hook(lambda _, __, heads: kept.extend(heads))
    found = gradients(method, given)["segmenter"].terms["segmentation"].item()
    expected = 0.0
    for head in kept[:2]:
        up = functional.interpolate(head.detach(), (16, 32), mode="bilinear", align_corners=True).double().numpy()
        p = np.exp(up) / np.exp(up).sum(1, keepdims=True)
        losses = []
        for b, y, x in np.argwhere(given.label.numpy() != 255):
            own = p[b, given.label[b, y, x], y, x]
            losses.append(-np.log(own) * ((1 - own) ** 2 if kind == "focal" else 1))
        expected += np.mean(losses)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("statistics", ["mean", "mean_std"])
def test_statistics_by_hand(statistics):
    """MSE of the channel means over images and channels; "mean_std" adds that of the deviations."""
    a, b = (torch.randn(2, 5, 4, 6, generator=torch.Generator().manual_seed(k)) * (k + 1) + k for k in (0, 1))
    x, y = a.double().numpy().reshape(2, 5, -1), b.double().numpy().reshape(2, 5, -1)
    expected = ((x.mean(2) - y.mean(2)) ** 2).mean()
    if statistics == "mean_std":
        expected += ((np.sqrt(x.var(2, ddof=1) + 1e-5) - np.sqrt(y.var(2, ddof=1) + 1e-5)) ** 2).mean()
    assert statistics_distance(a, b, statistics).item() == pytest.approx(expected, rel=1e-5)


def test_the_sub_losses_compare_with_the_noisy_style():
    """L_s1 = S(T, Z f_s), L_s2 = S(T, f_c), L_c = MSE(T, f_c), Z f_s being the style before H changes it."""
    method, given, mixes = built("ash"), batch(), []
    mix = method.mix
    method.mix = lambda h, s, *maps: mixes.append((maps[1], mix(h, s, *maps))) or mixes[-1][1]
    found = gradients(method, given)["hallucinator"].terms
    ((style, (mixed, _)),) = mixes
    noisy = elementwise_svd(given.style, torch.Generator().manual_seed(7))
    assert torch.equal(style, noisy)
    style_distance = statistics_distance(mixed, noisy, "mean_std")
    assert found["style"].item() == pytest.approx(0.01 * style_distance.item(), rel=1e-5)
    divergence = statistics_distance(mixed, given.content, "mean_std")
    assert found["divergence"].item() == pytest.approx(-0.01 * divergence.item(), rel=1e-5)
    square = (mixed - given.content).square().mean()
    assert found["content"].item() == pytest.approx(0.01 * square.item(), rel=1e-5)


def test_the_releases_features_are_about_250_times_as_large():
    """BGR minus mean spans 255 times RGB's range, and a net of ReLUs hands the factor on."""
    plain, release = (batch(needs=built("ash", vgg_input=kind).settings.needs) for kind in ("rgb", "release"))
    for name in ("content", "style"):
        ratio = getattr(release, name).std() / getattr(plain, name).std()
        assert 150 < ratio < 350
    pair = built("ash").stylizer
    assert torch.equal(release.content, pair.encode(to_caffe(plain.image)))


def test_the_releases_images_are_mapped_back_and_not_clamped():
    """What the decoder gives is BGR minus mean: + mean, / 255, flipped to RGB, beyond [0,1] where it goes there."""
    given = batch()
    decoded = torch.zeros(2, 3, 32, 64)
    decoded[:, 0], decoded[:, 1], decoded[:, 2] = 300, -200, 12
    release, rgb = view(decoded, given, "release"), view(decoded, given)
    expected = [(12 + MEAN_BGR[2]) / 255, (-200 + MEAN_BGR[1]) / 255, (300 + MEAN_BGR[0]) / 255]
    assert release[1, :, 5, 5].tolist() == pytest.approx(expected, rel=1e-5)
    assert expected[1] < 0 and expected[2] > 1
    assert rgb[1, :, 5, 5].tolist() == [1, 0, 1]


@pytest.mark.parametrize(("kind", "sizes"), [(None, (8, 16)), ([0.5, 0.75], (6, 8)), ([0.8, 0.711], (6, 13))])
def test_the_discriminator_sees_maps_of_two_sizes(kind, sizes):
    """Maps of x have the protocol's size, (8, 16) here, those of x^ these shares of its width and height, in G's and H's
    game and in D's own."""
    method, shown = built("ash", stylised_map=kind), []
    method.discriminator.register_forward_pre_hook(lambda _, inputs: shown.append(tuple(inputs[0].shape[2:])))
    gradients(method, batch())
    assert shown == [sizes, (8, 16), sizes]


@pytest.mark.parametrize(("name", "rows"), [("ash_release", 720), ("synthia_ash_release", 760)])
def test_the_releases_shares_are_1024_of_1280_and_512_of_720(name, rows):
    """At the paper's map sizes, 1280x720 and 1280x760, they give the released code's 1024x512."""
    width, height = settings().experiment(name).settings["stylised_map"]
    assert (round(1280 * width), round(rows * height)) == (1024, 512)


def test_both_releases_turn_the_same_switches():
    """But for the height of D's map of x^, whose share depends on the source."""
    gta5, synthia = (settings().params.experiments[name] for name in ("ash_release", "synthia_ash_release"))
    assert gta5.training == synthia.training
    assert gta5.model_extra == synthia.model_extra | {"stylised_map": gta5.model_extra["stylised_map"]}


@pytest.mark.parametrize("name", ["ash", "clan"])
def test_a_constant_m_passes_no_gradient(name):
    """With `through_m: false` the gradient of the adversarial term is that of D's answer alone, weighed by M's numbers."""
    slopes = {}
    for through in (True, False):
        method = built(name, through_m=through, lambda_weight=0.0)
        given = batch()
        given.label.fill_(255)
        gradients(method, given)
        head = method.segmenter.layer5.conv2d_list[0].weight
        slopes[through] = head.grad.clone()
        # The same game with D's answer cut off from G: what is left comes through M.
        method.segmenter.zero_grad()
        judge = method.discriminator.layers[0]
        judge.register_forward_pre_hook(lambda _, inputs: (inputs[0].detach(),))
        for update in method.updates(given, 0.5):
            if update.player == "segmenter":
                torch.autograd.backward(update.terms["adversarial"], inputs=[judge.weight, head])
                break
            # H's part of the game is asked for and left alone
        assert bool(head.grad is not None and head.grad.abs().sum() > 0) == through
    assert not torch.allclose(slopes[True], slopes[False])


@pytest.mark.parametrize("layout", ["pair", "auxiliary", "single", "attention"])
def test_the_releases_backbone_is_listed_by_its_depth(layout):
    """Every trainable tensor once, all at lr; those of the backbone step once for each module that they lie in."""
    optimiser_settings = settings().experiment("ash_release").training.optimisers["segmenter"]
    plain = settings().experiment("ash").training.optimisers["segmenter"]
    assert optimiser_settings.model_copy(update={"listing": "once"}) == plain
    small = SegmenterSettings(kind="small", width=8, blocks=(1, 1, 1, 1), rates=(1, 2))
    net = build_segmenter(small, layout)
    times = {}
    for group in build_optimiser(net, optimiser_settings).param_groups:
        assert group["lr"] == pytest.approx(plain.lr)
        for weight in group["params"]:
            assert id(weight) not in times
            times[id(weight)] = group.get("listed", 1)
    assert len(times) == len([*net.parameters()])
    for name, weight in net.named_parameters():
        head = name.startswith(("layer5", "layer6", "attention"))
        wanted = 1 if head or name.startswith(("conv1", "bn1")) else 4 if "downsample" in name else 3
        assert times[id(weight)] == wanted, name


@pytest.mark.parametrize(("progress", "inclusive", "weighted"), [
    (0.049, True, False), (0.05, True, False), (0.051, True, True), (0.05, False, True), (0.049, False, False),
])  # fmt: skip
def test_the_preheats_last_step(progress, inclusive, weighted):
    """The step at just 5 % is the release's last without CLAN's weight, and our first with it."""
    game = built("ash", preheat=0.05, preheat_inclusive=inclusive).play(batch().image, progress)
    assert (game.weight is not None) == weighted


def test_statistics_at_the_size_of_the_style():
    """L_s1 of t resized to the style's map, with aligned corners; of maps of one size it is the plain one."""
    t, style = (
        torch.randn(2, 5, *size, generator=torch.Generator().manual_seed(k)) for k, size in enumerate([(6, 8), (9, 5)])
    )
    chosen = built("ash", resized_statistics=True, lambda_s1=1.0).settings
    found = terms_of(chosen, t, style, style, t)["style"].item()
    grown = functional.interpolate(t, (9, 5), mode="bilinear", align_corners=True)
    assert found == pytest.approx(statistics_distance(grown, style, "mean_std").item(), rel=1e-5)
    assert abs(found - statistics_distance(t, style, "mean_std").item()) > 1e-3
    plain = terms_of(chosen, t, t + 1, t, t)["style"].item()
    assert plain == pytest.approx(statistics_distance(t, t + 1, "mean_std").item(), rel=1e-5)


def test_the_releases_images_keep_their_edges():
    """Features of odd-sized images decode to a few pixels more, which G gets to see with the release's input alone."""
    given, decoded = batch(), torch.rand(2, 3, 36, 68)
    assert view(decoded, given, "release").shape[2:] == (36, 68)
    assert view(decoded, given).shape[2:] == (32, 64)
