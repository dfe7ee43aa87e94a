"""RAIN's VAE of style statistics: its loss, its fit, its file."""

import math

import pytest
import torch

from ash.config import RainSettings
from ash.errors import CheckpointError, StoreError
from ash.fitting.rain import fit, latent_loss
from ash.style import rain

SETTINGS = RainSettings(seed=0, iterations=150, batch=8, rate=1e-2, decay=5e-5, reconstruction_weight=5.0)
PAIR, OTHER = "a" * 64, "b" * 64


def styles() -> torch.Tensor:
    """Statistics (20,8) of 4 channels that vary along two directions."""
    generator = torch.Generator().manual_seed(1)
    return 1 + torch.randn(20, 2, generator=generator) @ torch.randn(2, 8, generator=generator)


def error(vae: rain.StatisticsVae) -> float:
    """L_latent + 5 MSE of what the mean latents decode to."""
    mean, deviation = vae.encode(styles())
    again = vae.decode(mean)
    return (latent_loss(mean, deviation) + 5 * (again - styles()).square().mean()).item()


def test_latent_loss_against_a_plain_loop():
    """Half the mean of m^2 + q^2 - ln(q^2 + 1e-5) - 1, q with its sign."""
    m, q = torch.tensor([[0.0, 1.0], [-2.0, 0.5]]), torch.tensor([[1.0, -0.5], [0.1, 0.0]])
    total = 0.0
    for mean, deviation in zip(m.flatten().tolist(), q.flatten().tolist(), strict=True):
        total += mean**2 + deviation**2 - math.log(deviation**2 + 1e-5) - 1
    assert latent_loss(m, q).item() == pytest.approx(total / 4 / 2, rel=1e-6)


def test_a_standard_normal_latent_costs_nothing():
    """m = 0 and q = 1 or -1: 0 but for the 1e-5 inside the logarithm."""
    for q in (1.0, -1.0):
        assert latent_loss(torch.zeros(3, 4), torch.full((3, 4), q)).item() == pytest.approx(0, abs=1e-5)


def test_statistics_are_means_then_deviations():
    """Mean and unbiased deviation of each channel, the deviation with 1e-5 inside the root."""
    features = torch.tensor([[[[1.0, 3.0]], [[2.0, 2.0]]]])
    found = rain.statistics_of(features)[0].tolist()
    assert found == pytest.approx([2, 2, math.sqrt(2 + 1e-5), math.sqrt(1e-5)], rel=1e-5)


def test_the_papers_size():
    """512 channels: two MLPs 1024 -> 1024 -> 1024 -> 1024 and 512 -> 1024 -> 1024 -> 1024 with ReLU between."""
    vae = rain.StatisticsVae(512)
    sizes = [[(m.in_features, m.out_features) for m in mlp if isinstance(m, torch.nn.Linear)] for mlp in
             (vae.encoder, vae.decoder)]  # fmt: skip
    assert sizes == [[(1024, 1024)] * 3, [(512, 1024), (1024, 1024), (1024, 1024)]]
    assert [type(m).__name__ for m in vae.decoder] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_the_latent_is_split_in_mean_and_deviation():
    """The first half of the encoder's output is m, the second q as it stands."""
    vae = rain.StatisticsVae(4)
    mean, deviation = vae.encode(styles())
    assert torch.equal(torch.cat([mean, deviation], 1), vae.encoder(styles()))
    assert (deviation < 0).any()  # no exponential


def test_fit_lowers_its_loss():
    """150 steps bring the loss far below that of the first weights."""
    first = fit(styles(), SETTINGS.model_copy(update={"iterations": 1}))
    assert error(fit(styles(), SETTINGS)) < 0.5 * error(first)


def test_fit_is_deterministic():
    """The same seed gives the same bytes, another seed others, and the global generator is left as it was."""
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = (rain.serialise(fit(styles(), SETTINGS), PAIR) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert first == again
    other = SETTINGS.model_copy(update={"seed": 1})
    assert rain.serialise(fit(styles(), other), PAIR) != first


def test_a_fitted_vae_is_frozen():
    """Its weights ask for no gradient, and a latent still gets one."""
    vae = fit(styles(), SETTINGS.model_copy(update={"iterations": 2}))
    latent = torch.zeros(1, 4, requires_grad=True)
    vae.decode(latent).sum().backward()
    assert not any(p.requires_grad for p in vae.parameters())
    assert latent.grad.abs().sum() > 0


@pytest.fixture
def file(tmp_path):
    """A VAE's file."""
    path = tmp_path / "rain.safetensors"
    path.write_bytes(rain.serialise(rain.StatisticsVae(4), PAIR))
    return path


def test_a_vae_comes_back(file):
    """Weights survive the file bit for bit."""
    assert rain.serialise(rain.load_rain(file, PAIR), PAIR) == file.read_bytes()


def refused(path, kind: type[Exception], *parts: str) -> None:
    """Loading raises one line that holds the parts and the remedy."""
    with pytest.raises(kind) as error:
        rain.load_rain(path, PAIR)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert len(text.splitlines()) == 1
    for part in parts:
        assert part in text


def test_a_vae_of_another_stylizer_is_refused(file):
    """One line with both digests."""
    file.write_bytes(rain.serialise(rain.StatisticsVae(4), OTHER))
    refused(file, CheckpointError, f"fitted to stylizer {OTHER[:12]}, wanted {PAIR[:12]}; make it again")


def test_a_missing_file_is_one_line(tmp_path):
    """It names the step that makes it."""
    refused(tmp_path / "none.safetensors", StoreError, "missing; make it again (ash rain)")


def test_damaged_files_are_one_line(file):
    """Half a file, a text, weights without metadata, weights of another shape."""
    content = file.read_bytes()
    from safetensors.torch import save

    wrong = {name: value[:1] for name, value in rain.StatisticsVae(4).state_dict().items()}
    for damaged in (
        content[: len(content) // 2],
        b"not tensors",
        save(rain.StatisticsVae(4).state_dict()),
        save(wrong, {"ash": '{"channels": 4, "stylizer": "' + PAIR + '"}'}),
        content.replace(b"channels", b"chanels_"),
    ):
        file.write_bytes(damaged)
        refused(file, StoreError, "make it again (ash rain)")
