"""`ash stylise --run`: a trained ASH stylises a picture as its own training step would."""

import numpy as np
import pytest
import torch
from PIL import Image

from ash.config import DiscriminatorSettings, HallucinatorSettings, SegmenterSettings
from ash.contract import Batch
from ash.errors import CheckpointError, ConfigError, StoreError
from ash.experiment.hallucinated import load_run
from ash.experiment.pictures import stylise_by_run, stylise_image
from ash.pixels import to_image
from ash.style.stylizer import load_stylizer
from ash.style.view import enter
from ash.weights.model import run_digest, save_model
from ash.weights.players import load_players, save_players
from tests.support.world import WEIGHTS, built, settings

SMALL = SegmenterSettings(kind="small", width=8, blocks=(1, 1, 1, 1), rates=(1, 2))
JUDGE = DiscriminatorSettings(width=8, strides=(2, 1, 1), map_size=(16, 8))
SIZE, SEED = (64, 32), 5


def trained(folder, name="ash", stylizer=None, **changes):
    """A run's files with weights of its own everywhere, and its method; H changes styles as much as it can be seen."""
    method = built(name, **changes)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for player, network in method.players.items():
            for weight in network.parameters():
                weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
            if player == "hallucinator":
                network.gamma[-1].weight.mul_(8)
        for module in method.segmenter.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2, generator=generator)
    entry = settings().experiment(name)
    experiment = entry.model_copy(
        update={"settings": entry.settings | changes, "segmenter": SMALL, "discriminator": JUDGE,
                "hallucinator": HallucinatorSettings(condition=(8, 16), stride=2)}
    )  # fmt: skip
    run = run_digest(experiment, 3)
    save_model(folder / "model.safetensors", method.segmenter, SMALL, run)
    pair = load_stylizer(WEIGHTS).digest if stylizer is None else stylizer
    save_players(folder / "players.safetensors", method.players, experiment, run, pair)
    return method


def pictures(folder, size=SIZE):
    """A picture and a painting with some structure, as files and as bytes."""
    rng, made = np.random.default_rng(4), {}
    for name in ("image", "painting"):
        blocks = Image.fromarray(rng.integers(0, 256, (4, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        blocks.save(folder / f"{name}.png")
        made[name] = np.array(blocks)
    return made


def by_the_training_step(method, made, progress=0.5) -> torch.Tensor:
    """x^ as `updates` hands it to G and D, for features as a cache holds them, fp16; G does not learn statistics."""
    method.segmenter.eval()
    pair, convention = load_stylizer(WEIGHTS), method.settings.vgg_input
    content, style = (pair.encode(enter(to_image(made[name][None]), convention)) for name in ("image", "painting"))
    if convention == "rgb":
        content, style = content.half().float(), style.half().float()
    batch = Batch(
        image=to_image(made["image"][None]),
        label=torch.zeros(1, 16, 32, dtype=torch.int64),
        mirror=torch.tensor([False]),
        generator=torch.Generator().manual_seed(SEED),
        content=content,
        style=style,
    )
    seen, play = [], method.play
    method.play = lambda stylised, progress: seen.append(stylised) or play(stylised, progress)
    next(method.updates(batch, progress))
    return seen[0].detach()


FORMS = {
    "the paper's": {},
    "local": {"modulation": "local", "bound": 0.5},
    "as released": {"vgg_input": "release", "g_image": "own", "noise": "channel_small"},
    "in fewer passes": {"reversal": True, "alpha": 0.4, "delta": 0.0},
    "told nothing": {"condition": "uniform"},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_run_stylises_as_its_training_step(tmp_path, form):
    """The same picture to the last grey level, for that image, painting, noise and prediction; H has a part in it."""
    made = pictures(tmp_path)
    method = trained(tmp_path, **FORMS[form])
    wanted = by_the_training_step(method, made)[0].clamp(0, 1).permute(1, 2, 0).numpy()
    files = WEIGHTS, tmp_path / "image.png", tmp_path / "painting.png"
    assert stylise_by_run(tmp_path, *files, None, SEED, 32, tmp_path / "out.png") == SIZE
    with Image.open(tmp_path / "out.png") as picture:
        found = np.asarray(picture).astype(float)
    assert np.abs(found - 255 * wanted).max() <= 1
    if method.settings.vgg_input == "rgb":
        stylise_image(*files, method.settings.alpha, tmp_path / "plain.png")
        with Image.open(tmp_path / "plain.png") as picture:
            assert np.abs(np.asarray(picture).astype(float) - found).mean() > 1


def test_seed_alpha_and_size(tmp_path):
    """Another seed draws other noise; a share of 0 leaves the content, whatever H says; G may see another size."""
    pictures(tmp_path, (80, 48))
    trained(tmp_path, noise="channel_qr")
    files = WEIGHTS, tmp_path / "image.png", tmp_path / "painting.png"

    def made(alpha, seed, size):
        used = stylise_by_run(tmp_path, *files, alpha, seed, size, tmp_path / "out.png")
        return used, (tmp_path / "out.png").read_bytes()

    used, usual = made(None, 0, 32)
    assert used == (53, 32)
    assert made(None, 0, 32)[1] == usual
    assert made(None, 1, 32)[1] != usual
    assert made(None, 0, (80, 48)) != ((80, 48), usual)
    assert made(0.0, 0, 32)[1] == made(0.0, 1, 64)[1] != usual


def test_what_cannot_be_used_is_one_line(tmp_path):
    """A run without H, an H that is told the truth, another pair, another run's segmenter, a missing and a torn file."""
    pictures(tmp_path)
    files = WEIGHTS, tmp_path / "image.png", tmp_path / "painting.png"
    cases = {
        "clan": (ConfigError, "a run of method clan, which has no hallucinator; give a run of method ash"),
        "synthia_ash_ground_truth": (ConfigError, "is told the true classes"),
    }
    for name, (kind, line) in cases.items():
        (tmp_path / name).mkdir()
        trained(tmp_path / name, name)
        with pytest.raises(kind, match=line):
            stylise_by_run(tmp_path / name, *files, None, 0, 32, tmp_path / "out.png")
    run = tmp_path / "ash"
    run.mkdir()
    trained(run, stylizer="0" * 64)
    with pytest.raises(
        CheckpointError, match=r"stylizer [0-9a-f]{12}, the run was trained with 000000000000; give that"
    ):
        load_run(run, WEIGHTS)
    trained(run)
    model, players = run / "model.safetensors", run / "players.safetensors"
    whole = players.read_bytes()
    model.write_bytes((tmp_path / "clan/model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="trained under settings"):
        load_run(run, WEIGHTS)
    players.write_bytes(model.read_bytes())
    with pytest.raises(CheckpointError, match="not the players of a run"):
        load_run(run, WEIGHTS)
    players.write_bytes(whole[:-9])
    with pytest.raises(StoreError, match=r"players\.safetensors: not a readable"):
        load_run(run, WEIGHTS)
    players.unlink()
    with pytest.raises(StoreError, match=r"players\.safetensors: missing; train the experiment again"):
        load_run(run, WEIGHTS)
    assert not (tmp_path / "out.png").exists()


def test_the_players_of_a_run_come_back(tmp_path):
    """Every weight of H and D; a network of another shape is refused with the player's name."""
    method = trained(tmp_path)
    found = load_players(tmp_path / "players.safetensors")
    assert found.experiment.name == "ash" and {name.partition(".")[0] for name in found.tensors} == {
        "hallucinator", "discriminator",
    }  # fmt: skip
    other = built("ash")
    for name in ("hallucinator", "discriminator"):
        found.fill(name, other.players[name])
        for one, two in zip(method.players[name].parameters(), other.players[name].parameters(), strict=True):
            assert torch.equal(one, two)
    with pytest.raises(CheckpointError, match="weights of the hallucinator do not fit"):
        found.fill("hallucinator", other.players["discriminator"])
