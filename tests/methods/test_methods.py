"""What every method must do, and what ASH's losses do to its players."""

from dataclasses import replace

import pytest
import torch

from ash import methods
from ash.errors import ConfigError
from ash.labels import N_CLASSES
from ash.segmentation import losses
from ash.style.view import stylise
from ash.training.step import Stepper
from tests.support.world import batch, built, gradients, settings

EXPERIMENTS = list(settings().params.experiments)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_trains_every_player(name):
    """One step gives each player a finite, non-zero gradient, and the frozen pair none."""
    method = built(name)
    updates = gradients(method, batch(needs=method.settings.needs))
    assert set(updates) == set(method.players)
    for player in method.players.values():
        found = [p.grad for p in player.parameters() if p.grad is not None]
        assert found
        assert all(g.isfinite().all() for g in found)
        assert any(g.abs().sum() > 0 for g in found)
    for part in ("stylizer", "vae"):
        if getattr(method, part, None) is not None:
            assert all(p.grad is None for p in getattr(method, part).parameters())


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("kind", ["cross_entropy", "focal"])
def test_the_settings_choose_the_segmentation_loss(name, kind, monkeypatch):
    """Each segmentation loss of a step is of the kind that the settings state."""
    method, kinds, original = built(name, segmentation_loss=kind), [], losses.segmentation
    monkeypatch.setattr(losses, "segmentation", lambda heads, label, k: kinds.append(k) or original(heads, label, k))
    gradients(method, batch(needs=method.settings.needs))
    assert kinds and set(kinds) == {kind}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_takes_a_step_in_bf16(name):
    """As on a device that computes bf16: convolutions give bf16, and whatever a method mixes them with must fit."""
    method = built(name)
    optimisers = {player: torch.optim.SGD(network.parameters(), lr=1e-3) for player, network in method.players.items()}
    stepper = Stepper(method, optimisers, autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    terms = stepper.step(batch(needs=method.settings.needs), 0, 0.5)
    assert {term.split(".")[0] for term in terms.names} == set(method.players)


def fooling(method, given) -> float:
    """BCE(D(G(x^)), source), unweighted, with BatchNorm in training mode as in the game."""
    size = method.discriminator.map_size
    heads = method.segmenter(given.image)
    given.generator.manual_seed(7)
    stylised, _ = method.hallucinate(given, method.condition(heads, given))
    probabilities = losses.probability_map(method.segmenter(stylised), size)
    return losses.adversarial(method.discriminator(probabilities), losses.SOURCE, None, size).item()


def step(method, player: str) -> None:
    """Move one player a small way down its gradient."""
    weights = [p for p in method.players[player].parameters() if p.grad is not None]
    norm = sum(p.grad.square().sum() for p in weights).sqrt()
    with torch.no_grad():
        for weight in weights:
            weight.sub_(0.02 * weight.grad / norm)


def test_the_discriminator_learns_to_tell():
    """One small step of D lowers the sum of its two losses."""
    method = built("ash", noise="none")
    before = sum(gradients(method, batch())["discriminator"].terms.values()).item()
    step(method, "discriminator")
    assert sum(gradients(method, batch())["discriminator"].terms.values()).item() < before


@pytest.mark.parametrize(("player", "rises"), [("hallucinator", True), ("segmenter", False)])
def test_directions_of_the_game(player, rises):
    """One small step of H alone raises G's fooling loss, of G alone lowers it."""
    plain = {"use_content": False, "use_style": False, "use_divergence": False, "noise": "none", "lambda_weight": 0.0}
    method, given = built("ash", preheat=1.0, lambda_adv=1.0, **plain), batch()
    # Only the adversarial term may move G: a label that is void everywhere leaves no segmentation loss.
    void = replace(given, label=torch.full_like(given.label, 255))
    before = fooling(method, void)
    void.generator.manual_seed(7)
    gradients(method, void, progress=0.0)
    step(method, player)
    after = fooling(method, void)
    assert (after > before) == rises


def test_mirrored_batches_mirror_everything():
    """A mirrored batch gives the mirrored stylised image: features, condition and picture stay aligned."""
    method = built("ash", noise="none", condition="ground_truth")
    images = []
    blocks = torch.randint(0, 19, (2, 4, 8), generator=torch.Generator().manual_seed(1))
    label = blocks.repeat_interleave(4, 1).repeat_interleave(4, 2)  # so that sampling it commutes with mirroring
    for mirror in (False, True):
        given = replace(batch(mirror), label=label.flip(-1) if mirror else label)
        heads = tuple(torch.zeros(2, N_CLASSES, 4, 8) for _ in range(2))
        images.append(method.hallucinate(given, method.condition(heads, given))[0])
    torch.testing.assert_close(images[1], images[0].flip(-1))


def test_uniform_condition_says_nothing_of_the_image():
    """Condition 1/19 everywhere: gamma and beta are constants of each channel, whatever the image."""
    method = built("ash_uniform")
    maps = []
    for seed in (0, 1):
        given = batch(seed=seed)
        condition = method.condition(method.segmenter(given.image), given)
        assert torch.allclose(condition, torch.full_like(condition, 1 / 19))
        maps.append(method.hallucinator(condition, (8, 16))[0])
    assert maps[0].std((2, 3)).max().item() == pytest.approx(0, abs=1e-5)
    torch.testing.assert_close(maps[0], maps[1])


def test_ground_truth_condition_has_void_as_a_class():
    """20 channels, one-hot of the label, void last."""
    method, given = built("synthia_ash_ground_truth"), batch()
    given.label[0] = 255
    condition = method.condition((torch.zeros(2, 19, 16, 32),) * 2, given)
    assert condition.shape == (2, 20, 16, 32)
    assert (condition[0, 19] == 1).all()
    assert torch.equal(condition[1].argmax(0), given.label[1])


def test_prediction_is_smoothed_and_detached():
    """P = 0.9 p + 0.1/19, and no gradient flows back into G through it."""
    method, given = built("ash"), batch()
    heads = method.segmenter(given.image)
    condition = method.condition(heads, given)
    expected = 0.9 * torch.softmax(heads[0] + heads[1], 1) + 0.1 / 19
    torch.testing.assert_close(condition, expected)
    assert not condition.requires_grad


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("synthia_ash_adversarial", {"adversarial"}),
        ("synthia_ash_content", {"adversarial", "content"}),
        ("synthia_ash_style", {"adversarial", "content", "style"}),
        ("synthia_ash", {"adversarial", "content", "style", "divergence"}),
    ],
)
def test_table6_adds_one_term_a_row(name, terms):
    """H's loss of each row of Table 6."""
    assert set(gradients(built(name), batch())["hallucinator"].terms) == terms


def test_signs_of_the_hallucinators_terms():
    """H minimises L_c and L_s1 and maximises L_adv and L_s2 (the release's signs, not eq. 6's)."""
    terms = gradients(built("ash"), batch())["hallucinator"].terms
    assert {name: value.item() > 0 for name, value in terms.items()} == {
        "adversarial": False,
        "content": True,
        "style": True,
        "divergence": False,
    }


def test_one_lambda_for_both_players():
    """G's adversarial term is H's with the other sign, and both scale with lambda_adv, its multiple and the damping."""
    for name, progress, factor in (("ash", 0.5, 0.5), ("ash", 0.75, 0.25), ("synthia_ash_lambda_10", 0.5, 5.0)):
        changes = {"preheat": 1.0, "noise": "none"}
        updates = gradients(built(name, **changes), batch(), progress)
        base = gradients(built("ash", **changes), batch(), 0.0)["segmenter"].terms["adversarial"]
        assert updates["hallucinator"].terms["adversarial"].item() == pytest.approx(
            -updates["segmenter"].terms["adversarial"].item()
        )
        assert updates["segmenter"].terms["adversarial"].item() == pytest.approx(factor * base.item(), rel=1e-4)


def test_segmentation_loss_on_stylised_images_is_gs_alone():
    """Table 2's row adds L_seg(G(x^), y) to G; H's terms stay the same."""
    with_loss = gradients(built("synthia_ash_segmentation_loss"), batch())
    without = gradients(built("synthia_ash"), batch())
    assert set(with_loss["segmenter"].terms) - set(without["segmenter"].terms) == {"segmentation_on_stylised"}
    assert set(with_loss["hallucinator"].terms) == set(without["hallucinator"].terms)


def test_delta_zero_is_sftgans_transform():
    """With gamma = beta = 0, delta = 1 leaves the style as it is and delta = 0 wipes it out."""
    images = {}
    for delta in (0.0, 1.0):
        method, given = built("ash", delta=delta, noise="none"), batch()
        for branch in (method.hallucinator.gamma, method.hallucinator.beta):
            torch.nn.init.zeros_(branch[-1].weight)
            torch.nn.init.zeros_(branch[-1].bias)
        condition = torch.full((2, 19, 4, 8), 1 / 19)
        images[delta] = method.hallucinate(given, condition)[0]
    plain = stylise(built("clan").stylizer, batch(), 0.8)
    torch.testing.assert_close(images[1.0], plain)
    assert (images[0.0] - plain).abs().mean() > 0.01


def seen_by_batchnorm(name: str) -> list[torch.Tensor]:
    """Every image that enters the segmenter in one step."""
    method, images = built(name), []
    method.segmenter.register_forward_pre_hook(lambda _, inputs: images.append(inputs[0].detach().clone()))
    gradients(method, batch())
    return images


def test_source_only_sees_the_source_only():
    """Nothing but the source images reaches BatchNorm."""
    images = seen_by_batchnorm("source_only")
    assert len(images) == 1
    assert torch.equal(images[0], batch().image)


def test_batchnorm_control_sees_stylised_images_without_a_loss():
    """Stylised images pass through, and the loss is that of source only."""
    assert len(seen_by_batchnorm("batchnorm_only")) == 2
    terms = gradients(built("batchnorm_only"), batch())["segmenter"].terms
    expected = gradients(built("source_only"), batch())["segmenter"].terms
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({k: v.item() for k, v in expected.items()})


def test_no_method_writes_over_its_batch():
    """Images, labels and features of a batch stay as they were."""
    for name in ("ash", "clan_noise", "colour_jitter"):
        given, kept = batch(), batch()
        gradients(built(name), given)
        for field in ("image", "label", "content", "style"):
            assert torch.equal(getattr(given, field), getattr(kept, field)), (name, field)


def test_an_unknown_method_is_refused():
    """One line that names the methods there are."""
    with pytest.raises(
        ConfigError, match=r"'clam' is not a file in ash/methods; known: advent, advstyle, ash, asm, augmentation, clan"
    ):
        methods.load("clam")


def test_settings_of_a_method_are_checked():
    """A misspelt key, a missing one and a value out of bounds are one line each."""
    experiment = settings().experiment("clan")
    entry = dict(experiment.settings)
    entry["lambda_advv"] = entry.pop("lambda_adv")
    entry["alpha"] = 1.5
    with pytest.raises(ConfigError) as error:
        methods.check(experiment.model_copy(update={"settings": entry}))
    text = str(error.value)
    assert "lambda_adv: missing" in text
    assert "lambda_advv: unknown key" in text
    assert "alpha: found 1.5" in text
