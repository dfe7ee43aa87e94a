"""Published DeepLabV3+ models of RobustNet's family: their names and norms are told, and their logits are the family's own.

The family's forward pass is written out here with plain functions on the tensors of a checkpoint, by their published names.
"""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ash.errors import CheckpointError
from ash.segmentation.deeplab_v3plus import DeepLabV3Plus, V3PlusSettings
from ash.weights.checkpoints import export_checkpoint, import_checkpoint
from ash.weights.model import load_model
from ash.weights.robustnet import to_v3plus
from tests.support.networks import fixed

NONE = ("none",) * 5
NETWORKS = {
    "resnet50": {"width": 8, "blocks": (1, 2, 2, 1), "stem": "7x7", "instance_norms": NONE},
    "resnet101": {"width": 8, "blocks": (2, 1, 2, 2), "stem": "3x3", "instance_norms": NONE},
    "whitened": {"width": 8, "blocks": (2, 1, 1, 1), "stem": "7x7", "instance_norms": ("plain",) * 3 + ("none",) * 2},
    "ibn": {"width": 8, "blocks": (1, 2, 1, 1), "stem": "3x3", "instance_norms": ("affine",) * 3 + ("none",) * 2},
}


def published(name: str, prefix: str = "module.") -> dict[str, Tensor]:
    """What the family's program would save, the auxiliary head of training among it; distinct values everywhere."""
    state = fixed(DeepLabV3Plus(V3PlusSettings(output_stride=16, **NETWORKS[name])))
    state = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    state["dsn.0.weight"] = torch.zeros(512, 4 * NETWORKS[name]["width"] * 4, 3, 3)
    return {prefix + key: value for key, value in state.items()}


def norm(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """BatchNorm by its running statistics where the checkpoint has some, else InstanceNorm with or without weights."""
    if f"{name}.running_mean" in w:
        mean, variance = w[f"{name}.running_mean"][:, None, None], w[f"{name}.running_var"][:, None, None]
    else:
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)
    x = (x - mean) / (variance + 1e-5).sqrt()
    if f"{name}.weight" not in w:
        return x
    return x * w[f"{name}.weight"][:, None, None] + w[f"{name}.bias"][:, None, None]


def convolved(w: dict[str, Tensor], name: str, x: Tensor, dilation: int = 1) -> Tensor:
    """`nn.Sequential(convolution, norm, ReLU)` that keeps the size."""
    size = w[f"{name}.0.weight"].shape[-1]
    y = functional.conv2d(x, w[f"{name}.0.weight"], padding=dilation * (size // 2), dilation=dilation)
    return norm(w, f"{name}.1", y).clamp_min(0)


def block(w: dict[str, Tensor], name: str, x: Tensor, stride: int, dilation: int, whitened: bool) -> Tensor:
    """The family's bottleneck: the stride in the 3x3, and its InstanceNorm after the shortcut."""
    y = norm(w, f"{name}.bn1", functional.conv2d(x, w[f"{name}.conv1.weight"])).clamp_min(0)
    y = functional.conv2d(y, w[f"{name}.conv2.weight"], stride=stride, padding=dilation, dilation=dilation)
    y = norm(w, f"{name}.bn3", functional.conv2d(norm(w, f"{name}.bn2", y).clamp_min(0), w[f"{name}.conv3.weight"]))
    if f"{name}.downsample.0.weight" in w:
        x = norm(w, f"{name}.downsample.1", functional.conv2d(x, w[f"{name}.downsample.0.weight"], stride=stride))
    y = y + x
    if whitened or f"{name}.instance_norm_layer.weight" in w:
        y = norm(w, f"{name}.instance_norm_layer", y)
    return y.clamp_min(0)


def logits(w: dict[str, Tensor], image: Tensor, output_stride: int, whitened: tuple[int, ...]) -> Tensor:
    """The forward pass of `network/deepv3.py` up to a quarter of the image's size; `whitened` are stages that end in an IN."""
    x = image - torch.tensor([0.485, 0.456, 0.406], dtype=image.dtype)[:, None, None]
    x = x / torch.tensor([0.229, 0.224, 0.225], dtype=image.dtype)[:, None, None]
    for k, place in enumerate(k for k in (0, 3, 6) if f"layer0.{k}.weight" in w and w[f"layer0.{k}.weight"].dim() == 4):
        weight = w[f"layer0.{place}.weight"]
        x = functional.conv2d(x, weight, stride=1 if k else 2, padding=weight.shape[-1] // 2)
        x = norm(w, f"layer0.{place + 1}", x).clamp_min(0)
    x = functional.max_pool2d(x, 3, 2, 1)
    strides, dilations = {16: ((1, 2, 2, 1), (1, 1, 1, 2)), 8: ((1, 2, 1, 1), (1, 1, 2, 4))}[output_stride]
    low = x
    for stage in range(1, 5):
        count = len({name.split(".")[1] for name in w if name.startswith(f"layer{stage}.")})
        for k in range(count):
            stride = 1 if k else strides[stage - 1]
            last = stage in whitened and k == count - 1
            x = block(w, f"layer{stage}.{k}", x, stride, dilations[stage - 1], last)
        low = x if stage == 1 else low
    pooled = convolved(w, "aspp.img_conv", functional.adaptive_avg_pool2d(x, 1))
    parts = [functional.interpolate(pooled, x.shape[2:], mode="bilinear", align_corners=True)]
    rates = (1, 6, 12, 18) if output_stride == 16 else (1, 12, 24, 36)
    parts += [convolved(w, f"aspp.features.{k}", x, rate) for k, rate in enumerate(rates)]
    high = convolved(w, "bot_aspp", torch.cat(parts, 1))
    high = functional.interpolate(high, low.shape[2:], mode="bilinear", align_corners=True)
    x = torch.cat([convolved(w, "bot_fine", low), high], 1)
    for first in (0, 3):
        x = functional.conv2d(x, w[f"final1.{first}.weight"], padding=1)
        x = norm(w, f"final1.{first + 1}", x).clamp_min(0)
    return functional.conv2d(x, w["final2.0.weight"], w["final2.0.bias"])


@pytest.mark.parametrize("output_stride", [16, 8])
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_the_familys(name, output_stride):
    """In double precision, to rounding, for both stems, both strides and each kind of norm."""
    theirs = published(name, prefix="")
    state, settings = to_v3plus(theirs, output_stride)
    assert settings == V3PlusSettings(output_stride=output_stride, **NETWORKS[name])
    network = DeepLabV3Plus(settings).double().eval()
    network.load_state_dict(state)
    image = torch.rand(2, 3, 64, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    whitened = (1, 2) if name == "whitened" else ()
    wanted = logits({key: value.double() for key, value in theirs.items()}, image, output_stride, whitened)
    with torch.no_grad():
        assert wanted.shape == (2, 19, 16, 24)
        torch.testing.assert_close(network(image), wanted, rtol=1e-9, atol=1e-9)


def test_a_published_file_predicts_and_goes_back(tmp_path: Path):
    """Saved as trainers do, imported, it gives logits by `load_model`, and is exported under its own names."""
    file, model = tmp_path / "r50os16_gtav_isw.pth", tmp_path / "model.safetensors"
    theirs = published("whitened")
    torch.save({"state_dict": theirs, "epoch": 3}, file)
    import_checkpoint(str(file), model, backbone=False, branches=None, output_stride=16)
    network = load_model(model, torch.device("cpu"))
    assert network.predict(torch.rand(1, 3, 32, 48)).shape == (1, 19, 8, 12)
    export_checkpoint(model, tmp_path / "back.pth")
    back = torch.load(tmp_path / "back.pth", weights_only=True)
    assert {f"module.{key}" for key in back} == {key for key in theirs if "dsn" not in key}
    assert all(torch.equal(value, theirs[f"module.{key}"]) for key, value in back.items())


def test_what_is_not_told_or_does_not_fit(tmp_path: Path):
    """One line each: no stride, parts of a network, other classes, another ResNet, a stride for DeepLab-v2."""
    file, out = tmp_path / "isw.pth", tmp_path / "model.safetensors"
    torch.save(published("resnet50"), file)
    with pytest.raises(CheckpointError, match="name --output-stride 16 or 8"):
        import_checkpoint(str(file), out, backbone=False, branches=None)
    with pytest.raises(CheckpointError, match="leave out --backbone and --branches"):
        import_checkpoint(str(file), out, backbone=True, branches=None, output_stride=16)
    other = published("resnet50", "")
    with pytest.raises(CheckpointError, match="final2 has 16 classes"):
        to_v3plus(other | {"final2.0.weight": torch.zeros(16, 256, 1, 1)}, 16)
    with pytest.raises(CheckpointError, match=r"stem at \(0, 3\)"):
        to_v3plus(other | {"layer0.3.weight": torch.zeros(8, 8, 3, 3)}, 16)
    with pytest.raises(CheckpointError, match=r"layer4.0.conv2.weight"):
        to_v3plus({key: value for key, value in other.items() if key != "layer4.0.conv2.weight"}, 16)
    assert not out.exists()
