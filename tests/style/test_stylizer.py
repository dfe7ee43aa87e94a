"""The frozen pair and its file."""

import pytest
import torch

from ash.errors import CheckpointError, StoreError
from ash.style.stylizer import NetworkSettings, Stylizer, load_stylizer
from ash.style.vgg import mirror

SMALL = NetworkSettings(width=4, depth="relu3_1", decoder=(8, "up", 4, "up", 3))


@pytest.fixture
def stylizer() -> Stylizer:
    """An unfitted small pair."""
    torch.manual_seed(0)
    return Stylizer(SMALL)


def test_saved_pair_comes_back(stylizer, tmp_path):
    """Settings and weights survive the file, weights rounded to half floats; its digest is that of the first."""
    path = tmp_path / "pair.safetensors"
    stylizer.save(path)
    loaded = load_stylizer(path)
    assert loaded.settings == SMALL
    assert loaded.digest == stylizer.digest
    for name, value in stylizer.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float())


def test_a_published_pair_keeps_its_float32(stylizer, tmp_path):
    """The file holds all digits; they are rounded to float16 unless they are asked for, and the digest does not tell."""
    path = tmp_path / "pair.safetensors"
    stylizer.save(path, "fp32")
    whole, rounded = load_stylizer(path, "fp32"), load_stylizer(path)
    for name, value in stylizer.state_dict().items():
        assert torch.equal(whole.state_dict()[name], value)
        assert torch.equal(rounded.state_dict()[name], value.half().float())
    assert not torch.equal(whole.encoder[2].weight, rounded.encoder[2].weight)
    assert whole.digest == rounded.digest == stylizer.digest


def test_equal_weights_give_equal_bytes(stylizer):
    """Serialising does not depend on memory layout or on the moment."""
    contiguous = Stylizer(SMALL)
    contiguous.load_state_dict(stylizer.state_dict())
    contiguous.to(memory_format=torch.contiguous_format)
    assert contiguous.serialise() == stylizer.serialise()


def test_digest_follows_the_weights(stylizer):
    """One changed weight changes the digest."""
    before = stylizer.digest
    stylizer.decoder[-1].bias.data[0] += 1
    assert stylizer.digest != before


def test_nothing_learns_and_gradients_pass(stylizer):
    """No weight asks for a gradient, yet the features of a stylised image have one."""
    features = stylizer.encode(torch.rand(1, 3, 16, 16)).requires_grad_()
    stylizer.stylise(features, features.detach() + 1, 0.5).sum().backward()
    assert not any(parameter.requires_grad for parameter in stylizer.parameters())
    assert features.grad is not None and features.grad.abs().sum() > 0


def test_alpha_runs_from_content_to_style(stylizer):
    """alpha 0 is the plain reconstruction; 0.5 lies between."""
    content, style = (stylizer.encode(torch.rand(1, 3, 16, 16)) for _ in range(2))
    torch.testing.assert_close(stylizer.stylise(content, style, 0.0), stylizer.decode(content))
    assert not torch.allclose(stylizer.stylise(content, style, 0.5), stylizer.decode(content))


def test_missing_file(tmp_path):
    """A missing pair is named."""
    with pytest.raises(StoreError, match="nowhere.safetensors: missing"):
        load_stylizer(tmp_path / "nowhere.safetensors")


def test_truncated_file(stylizer, tmp_path):
    """A file cut short is refused with one line."""
    path = tmp_path / "pair.safetensors"
    path.write_bytes(stylizer.serialise()[:-10])
    with pytest.raises(StoreError, match="pair.safetensors: not a readable") as error:
        load_stylizer(path)
    assert "\n" not in str(error.value)


def test_foreign_safetensors_file(tmp_path):
    """Weights without our settings are refused."""
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(StoreError, match="holds no notes of ash"):
        load_stylizer(path)


def test_misfitting_weights_are_all_listed(stylizer, tmp_path):
    """Wrong shape, missing, unknown and non-finite weights each get a line."""
    import json

    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in stylizer.state_dict().items()}
    weights["encoder.0.weight"] = torch.zeros(2, 3, 1, 1)
    weights["encoder.2.bias"] = torch.full((4,), float("nan"))
    weights["stray"] = weights.pop("decoder.1.bias")
    path = tmp_path / "pair.safetensors"
    save_file(weights, path, {"ash": json.dumps(SMALL.model_dump(mode="json"))})
    with pytest.raises(CheckpointError) as error:
        load_stylizer(path)
    message = str(error.value)
    assert "encoder.0.weight: shape (2, 3, 1, 1), wanted (3, 3, 1, 1)" in message
    assert "encoder.2.bias: holds values that are not finite" in message
    assert "decoder.1.bias: missing" in message and "stray: not expected" in message


@pytest.mark.parametrize(("depth", "stride", "channels"), [("relu3_1", 4, 4), ("relu4_1", 8, 8)])
def test_a_cell_is_stride_pixels_wide(depth, stride, channels):
    """An image of 32x16 gives features of 32/stride x 16/stride, of 4 or 8 times the width, and back."""
    pair = Stylizer(NetworkSettings(width=2, depth=depth, decoder=mirror(2, depth)))
    features = pair.encode(torch.zeros(1, 3, 16, 32))
    assert (pair.stride, pair.channels) == (stride, 2 * channels)
    assert features.shape == (1, 2 * channels, 16 // stride, 32 // stride)
    assert pair.decode(features).shape == (1, 3, 16, 32)
