"""`ash_release` against the algorithm that its authors published, written out again: three whole steps of training.

What is compared after each step: every term of the losses, every gradient, BatchNorm's running statistics, every weight.
Both sides compute in float64, so that what is equal in exact arithmetic is equal to nine digits, and start from the same
small networks, which tests/segmentation/test_transcription.py holds against plain functions; all else is written out here:
jitter, mirror, the encoder's input, noise, AdaIN, both stylised images, losses, the order of passes, SGD and Adam.
"""

from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, softplus

from ash import config, methods
from ash.config import SegmenterSettings
from ash.features.encoded import Encoded, encode
from ash.fitting.pair import initialise
from ash.methods._networks import Networks
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.style.hallucination import Hallucinator
from ash.style.stylizer import NetworkSettings, Stylizer
from ash.style.vgg import mirror
from ash.training import schedule
from ash.training.feed import Feed
from ash.training.sampler import draw, jitter
from ash.training.step import Stepper
from tests.conftest import ROOT

HEIGHT, WIDTH, COUNT, TOTAL, FIRST = 64, 96, 5, 100_000, 5000  # of the source; steps 5000 (the last unweighted) to 5002
SEED = 57  # whose three steps have mirrored images and others, and three sizes of both
MEAN = np.array([104.00698793, 116.66876762, 122.67891434])[:, None, None]
CPU = torch.device("cpu")
Nets = dict[str, Any]


def up(values: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(values, size, mode="bilinear", align_corners=True)


def cubic(n: int, m: int) -> np.ndarray:
    """(m, n): the weights by which n pixels become m, Pillow's bicubic filter, wider where it shrinks."""
    scale = n / m
    wide, weights = max(scale, 1.0), np.zeros((m, n))
    for k in range(m):
        centre = (k + 0.5) * scale
        low, high = max(0, int(centre - 2 * wide + 0.5)), min(n, int(centre + 2 * wide + 0.5))
        x = np.abs((np.arange(low, high) - centre + 0.5) / wide)
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        row = np.where(x < 1, near, np.where(x < 2, far, 0))
        weights[k, low:high] = row / row.sum()
    return weights


def caffe(pixels: np.ndarray, factor: float, flip: bool) -> Tensor:
    """A picture (H,W,3) at the source's size times a factor: BGR, 0 to 255, minus the mean, (1,3,h,w)."""
    size = int(HEIGHT * factor), int(WIDTH * factor)
    rgb = pixels.transpose(2, 0, 1).astype(float)
    if rgb.shape[1:] != size:
        rgb = np.clip(cubic(rgb.shape[1], size[0]) @ rgb @ cubic(rgb.shape[2], size[1]).T, 0, 255)
    bgr = rgb[::-1] - MEAN
    return torch.from_numpy((bgr[..., ::-1] if flip else bgr).copy())[None]


def segment(nets: Nets, image: Tensor) -> tuple[Tensor, Tensor]:
    """G's two heads; our networks take RGB in [0,1] and bring it back to what the release feeds."""
    return nets["segmenter"](((image + torch.from_numpy(MEAN)) / 255).flip(1))


def moments(f: Tensor) -> tuple[Tensor, Tensor]:
    return f.mean((2, 3), keepdim=True), (f.var((2, 3), keepdim=True) + 1e-5).sqrt()


def style_distance(a: Tensor, b: Tensor) -> Tensor:
    return sum(((x - y) ** 2).mean() for x, y in zip(moments(a), moments(b), strict=True))


def noisy(f: Tensor, random: torch.Generator) -> Tensor:
    """f (1 + V): orthonormal vectors of a Gaussian matrix for each channel, their entries laid out as a map."""
    channels, height, width = f.shape[1:]
    gaussian = torch.randn(channels, max(height, width), min(height, width), generator=random, dtype=torch.float64)
    q, r = np.linalg.qr(gaussian.numpy())
    signed = q * np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, None]
    return f * (1 + torch.from_numpy(np.ascontiguousarray(signed)).reshape(f.shape))


def stylised(nets: Nets, content: Tensor, style: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
    gamma, beta = nets["hallucinator"](condition, tuple(style.shape[2:]))
    (mean, deviation), (to_mean, to_deviation) = moments(content), moments(style * (gamma + 1) + beta)
    mixed = to_deviation * (content - mean) / deviation + to_mean
    return nets["pair"].decoder(0.5 * mixed + 0.5 * content), mixed


def focal(heads: tuple[Tensor, Tensor], label: Tensor) -> Tensor:
    total = 0.0
    for head in heads:
        p = up(head, (HEIGHT, WIDTH)).softmax(1).clamp(1e-9, 1 - 1e-9)
        own = p.permute(0, 2, 3, 1)[label != 255].gather(1, label[label != 255][:, None])
        total = total - ((1 - own) ** 2 * own.log()).mean()
    return total


def judged(nets: Nets, p: Tensor, size: tuple[int, int], stylised_domain: bool, weight: Tensor | float) -> Tensor:
    logits = up(nets["discriminator"](p), size)
    return (weight * softplus(-logits if stylised_domain else logits)).mean()


def game(nets: Nets, image: Tensor, size: tuple[int, int], step: int, local: float) -> tuple[Tensor, Tensor, Any]:
    """How well the stylised image fools D, D's map of it, and CLAN's weight once the pre-heat is over."""
    first, second = (up(head, size) for head in segment(nets, image))
    p, q = first.softmax(1), second.softmax(1)
    m = 1 - (p * q).sum(1, keepdim=True) / (p.norm(dim=1, keepdim=True) * q.norm(dim=1, keepdim=True))
    weight = 0.4 + local * m if step > 5000 else 1.0
    seen = (first + second).softmax(1)
    return judged(nets, seen, size, False, weight), seen, weight


def told(heads: tuple[Tensor, Tensor], size: tuple[int, int]) -> Tensor:
    return (0.9 * (up(heads[0], size) + up(heads[1], size)).softmax(1) + 0.1 / 19).detach()


def losses(nets: Nets, data: Any, step: int, share: float, local: float) -> dict[str, dict[str, Tensor]]:
    """The terms of one step, each player's with its own graph; `share` is the height of D's maps of x^."""
    images, labels, paintings = data
    d, size, drawn = 1 - step / TOTAL, (round(HEIGHT * share), round(WIDTH * 0.8)), draw(SEED, step, 1, COUNT, COUNT)
    factors, flip = jitter(SEED, step), bool(drawn.mirror[0])
    x, s = caffe(images[drawn.images[0]], factors[0], flip), caffe(paintings[drawn.styles[0]], factors[1], False)
    y = torch.from_numpy(labels[drawn.images[0]].astype(np.int64))[None]
    y, random = (y.flip(-1) if flip else y), torch.Generator().manual_seed(drawn.noise_seed)
    content, plain = nets["pair"].encoder(x), nets["pair"].encoder(s)

    with torch.no_grad():
        heads = segment(nets, x)
    style = noisy(plain, random)
    image, mixed = stylised(nets, content, style, told(heads, tuple(heads[0].shape[2:])))
    h_fooling, _, _ = game(nets, image, size, step, local)
    own = {
        "adversarial": -1e-3 * d * h_fooling,
        "content": 1e-8 * ((mixed - content) ** 2).mean(),
        "style": 1e-8 * style_distance(up(mixed, tuple(style.shape[2:])), style),
        "divergence": -1e-8 * style_distance(mixed, content),
    }
    heads = segment(nets, x)
    with torch.no_grad():
        image, _ = stylised(nets, content, noisy(plain, random), told(heads, (HEIGHT, WIDTH)))
    g_fooling, seen, weight = game(nets, image, size, step, local)
    flat = [torch.cat([w.flatten() for w in getattr(nets["segmenter"], k).parameters()]) for k in ("layer5", "layer6")]
    cosine = (flat[0] * flat[1]).sum() / (flat[0].norm() * flat[1].norm())
    of_g = {
        "segmentation": focal(heads, y),
        "adversarial": 1e-3 * d * g_fooling,
        "weight": 2 * 0.01 * d * (cosine + 1),
    }
    source = (up(heads[0], (HEIGHT, WIDTH)) + up(heads[1], (HEIGHT, WIDTH))).softmax(1).detach()
    of_d = {
        "source": judged(nets, source, (HEIGHT, WIDTH), False, 1.0),
        "stylised": judged(nets, seen.detach(), size, True, weight.detach() if step > 5000 else 1.0),
    }
    return {"hallucinator": own, "segmenter": of_g, "discriminator": of_d}


def learn(name: str, key: str, w: Tensor, g: Tensor, memory: dict[str, Any], step: int) -> None:
    """One tensor's step: SGD as often as it is listed, with one momentum; Adam for D.  All in place."""
    poly = (1 - step / TOTAL) ** 0.9
    if name == "discriminator":
        m, v, t = memory.get(key, (0.0, 0.0, 0))
        memory[key] = m, v, t = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g, t + 1
        w -= 1e-4 * poly * (m / (1 - 0.9**t)) / ((v / (1 - 0.99**t)).sqrt() + 1e-8)
        return
    head = key.startswith(("layer5", "layer6"))
    listed = 1 if head or name == "hallucinator" or key == "conv1.weight" else 4 if "downsample" in key else 3
    for _ in range(listed):
        change = g + 5e-4 * w
        memory[key] = change if key not in memory else 0.9 * memory[key] + change
        w -= 2.5e-4 * (10 if head else 1) * poly * memory[key]


def written_out(nets: Nets, data: Any, share: float, local: float) -> list[dict[str, Tensor]]:
    """Everything that is compared, after each of the three steps."""
    memory: dict[str, dict[str, Any]] = {name: {} for name in ("segmenter", "hallucinator", "discriminator")}
    found = []
    for step in range(FIRST, FIRST + 3):
        seen: dict[str, Tensor] = {}
        terms = losses(nets, data, step, share, local)
        for name, own in terms.items():
            weights = {k: w for k, w in nets[name].named_parameters() if w.requires_grad}
            gradients = torch.autograd.grad(sum(own.values()), [*weights.values()], retain_graph=True)
            seen |= {f"{name}.{term}": value.detach() for term, value in own.items()}
            seen |= {f"gradient of {name}.{k}": g for k, g in zip(weights, gradients, strict=True)}
        with torch.no_grad():
            for name in terms:
                for k, w in nets[name].named_parameters():
                    if w.requires_grad:
                        learn(name, k, w, seen[f"gradient of {name}.{k}"], memory[name], step)
                seen |= state_of(name, nets[name])
        found.append(seen)
    return found


def state_of(name: str, net: torch.nn.Module) -> dict[str, Tensor]:
    """Weights and running statistics, as they are now."""
    return {f"{name}.{k}": v.double().clone() for k, v in net.state_dict().items()}


def trained(experiment: config.Experiment, networks: Networks, data: Any) -> list[dict[str, Tensor]]:
    """The same of the project's own steps: its feed, its method, its optimisers."""
    images, labels, paintings = data
    needs, pair, training = methods.check_experiment(experiment), networks.stylizer, experiment.training
    options = {"jitter": training.jitter, "encode": partial(encode, pair, needs.convention), "needs": needs}
    content = None if needs.fresh_content or needs.encode_mirrored else Encoded(images, pair, needs.convention)
    style = Encoded(paintings, pair, needs.convention)
    feed = Feed(images, labels, seed=SEED, batch=1, label_stride=1, device=CPU, style=style, content=content, **options)
    stepper, found = Stepper.from_settings(methods.build(experiment, networks), training, nullcontext), []
    for step in range(FIRST, FIRST + 3):
        seen: dict[str, Tensor] = {}

        @contextmanager
        def watch(part: str, seen: dict[str, Tensor] = seen):
            if part == "optimisers":
                for name, player in stepper.method.players.items():
                    weights = [(k, w) for k, w in player.named_parameters() if w.requires_grad]
                    seen |= {f"gradient of {name}.{k}": w.grad.clone() for k, w in weights}
            yield

        for optimiser in stepper.optimisers.values():
            schedule.set_rate(optimiser, schedule.factor(step, training))
        terms = stepper.step(feed.batch(step), step, step / TOTAL, watch)
        seen |= dict(zip(terms.names, terms.values, strict=True))
        for name, player in stepper.method.players.items():
            seen |= state_of(name, player)
        found.append(seen)
    return found


@pytest.fixture
def exact(monkeypatch):
    """Whatever computes in float32 computes in float64."""

    def scaled(pixels: Tensor) -> Tensor:
        return pixels.permute(0, 3, 1, 2).double() / 255

    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr("ash.training.feed.scaled", scaled)
    monkeypatch.setattr("ash.features.encoded.scaled", scaled)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def start(name: str, changes: Nets, training: Nets) -> tuple[config.Experiment, Networks, Any]:
    """An experiment at the paper's settings on the smallest networks, and pictures of noise."""
    entry = config.load(ROOT / "params.yaml", "paper").experiment(name)
    experiment = entry.model_copy(
        update={
            "settings": entry.settings | changes,
            "training": entry.training.model_copy(update=training),
            "segmenter": SegmenterSettings(kind="resnet101", width=4, blocks=(1, 1, 1, 1), rates=(1, 2, 3, 4)),
            "discriminator": entry.discriminator.model_copy(update={"width": 4, "map_size": (WIDTH, HEIGHT)}),
            "hallucinator": entry.hallucinator.model_copy(update={"condition": (4, 8)}),
        }
    )
    torch.manual_seed(0)
    pair = Stylizer(NetworkSettings(width=2, depth="relu4_1", decoder=mirror(2, "relu4_1")))
    initialise(pair, torch.Generator().manual_seed(0))
    networks = small_networks(experiment, pair.double().freeze())
    with torch.no_grad():
        for weight in networks.segmenter.head_parameters():
            weight.mul_(20)  # so that the heads disagree
        networks.segmenter.layer5.conv2d_list[0].bias[3] = -60  # below the focal loss's clamp
    random = np.random.default_rng(0)
    shapes = ((HEIGHT, WIDTH, 3), (HEIGHT, WIDTH), (HEIGHT - 16, WIDTH - 40, 3))
    images, labels, paintings = (
        [random.integers(0, 256, shape, dtype=np.uint8) for _ in range(COUNT)] for shape in shapes
    )
    return experiment, networks, (images, [np.where(label < 230, label % 19, 255) for label in labels], paintings)


def small_networks(experiment: config.Experiment, pair: Stylizer) -> Networks:
    """Networks of an experiment in float64."""
    h = experiment.hallucinator
    return Networks(
        segmenter=build_segmenter(experiment.segmenter).double().train(),
        source=experiment.source,
        discriminators=(build_discriminator(experiment.discriminator).double(),),
        hallucinator=Hallucinator(19, pair.channels, h.condition, h.stride).double(),
        stylizer=pair,
    )


def gaps(name: str, changes: Nets | None = None, training: Nets | None = None) -> list[float]:
    """After each step, the largest relative difference of anything that is compared."""
    experiment, networks, data = start(name, changes or {}, training or {})
    nets = {"segmenter": networks.segmenter, "hallucinator": networks.hallucinator, "pair": networks.stylizer}
    nets = deepcopy(nets | {"discriminator": networks.discriminators[0]})
    share, local = {"gta5": (0.711, 40.0), "synthia": (0.6737, 10.0)}[experiment.source]
    found, wanted = trained(experiment, networks, data), written_out(nets, data, share, local)
    return [max(apart(a, b)) for a, b in zip(found, wanted, strict=True)]


def apart(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> list[float]:
    """Relative differences; a gradient that is 0 in exact arithmetic is held against the largest of its network."""
    assert found.keys() == wanted.keys()
    floors = {name: 1e-6 * max(v.norm() for k, v in wanted.items() if k.startswith(name)) for name in
              {k.split(".")[0] for k in wanted if k.startswith("gradient")}}  # fmt: skip
    return [
        float((found[k] - v).norm() / (v.norm() + floors.get(k.split(".")[0], 1e-30)))
        for k, v in wanted.items()
        if v.norm() or found[k].norm()
    ]


def test_the_three_steps_meet_every_case():
    """Mirrored and not, source and paintings at more than one size each; the first step is the pre-heat's last."""
    steps = range(FIRST, FIRST + 3)
    assert {bool(draw(SEED, step, 1, COUNT, COUNT).mirror[0]) for step in steps} == {True, False}
    assert all(len({jitter(SEED, step)[k] for step in steps}) > 1 for k in (0, 1))


@pytest.mark.parametrize("name", ["ash_release", "synthia_ash_release"])
def test_three_whole_steps_are_the_releases(exact, name):
    """Terms, gradients, running statistics and weights agree to rounding in float64 after each step."""
    assert max(gaps(name)) < 1e-9


SWITCHES = [
    {"segmentation_loss": "focal"},
    {"vgg_input": "rgb"},
    {"encode_mirrored": False},
    {"style_images": "prepared"},
    {"resized_statistics": False},
    {"g_image": "shared"},
    {"stylised_map": None},
    {"preheat_inclusive": False},
]


@pytest.mark.parametrize("changes", SWITCHES, ids=[next(iter(changes)) for changes in SWITCHES])
def test_without_any_of_its_switches_it_is_not_the_release(exact, changes):
    """Each moves something by far more than rounding."""
    assert max(gaps("ash_release", changes)) > 1e-4


def test_without_its_jitter_or_its_listing_it_is_not_the_release(exact):
    """The same of the two that belong to the training."""
    optimisers = config.load(ROOT / "params.yaml", "paper").protocol.training.optimisers
    assert max(gaps("ash_release", training={"jitter": False})) > 1e-4
    assert max(gaps("ash_release", training={"optimisers": optimisers})) > 1e-4
