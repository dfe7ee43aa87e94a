"""Between the parts of the backbone: what a method may change or look at, InstanceNorm, and the frozen copy."""

import pytest
import torch
from torch import nn

from ash.config import SegmenterSettings
from ash.segmentation.blocks import BatchNorm
from ash.segmentation.deeplab import PLACES, build_segmenter

KINDS = {
    kind: SegmenterSettings(kind=kind, width=8, blocks=(2, 1, 2, 1), rates=(1, 2)) for kind in ("resnet101", "small")
}


def built(kind, layout="pair", instance_norm="none"):
    torch.manual_seed(0)
    return build_segmenter(KINDS[kind], layout, instance_norm)


def image() -> torch.Tensor:
    return torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layout", ["pair", "auxiliary", "single", "attention"])
@pytest.mark.parametrize("kind", KINDS)
def test_looking_changes_no_byte(kind, layout):
    """Features, logits, gradients and BatchNorm's statistics, with nothing in between and with lookers everywhere."""
    found, seen = [], []
    for after in ({}, {place: lambda x: seen.append(x) or x for place in PLACES}):
        net = built(kind, layout)
        heads = net.classify(*net.features(image(), after))
        sum(head.sum() for head in heads).backward()
        found.append([*heads, *(p.grad for p in net.parameters() if p.grad is not None), *net.state_dict().values()])
    net = built(kind, layout)
    shallow = net.layer3(net.layer2(net.layer1(net.stem(image()))))
    heads = net.classify(shallow, net.layer4(shallow))
    assert all(torch.equal(a, b) for a, b in zip(heads, found[0], strict=False))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert [x.shape[1] for x in seen] == [net.channels(place) for place in PLACES]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_what_a_change_gives_goes_on(kind, place):
    """Zeros after a part are what the next one takes; a doubled batch stays doubled to the end."""
    net = built(kind).eval()
    rest = PLACES[PLACES.index(place) + 1 :]
    changed = net.features(image(), {place: torch.zeros_like})[1]
    start = torch.zeros_like(net.through(image(), PLACES[: PLACES.index(place) + 1]))
    assert torch.equal(changed, net.through(start, rest))
    shallow, deep = net.features(image(), {place: lambda x: torch.cat([x, x])})
    assert len(deep) == 4
    assert len(shallow) == (2 if place == "layer4" else 4)


@pytest.mark.parametrize("instance_norm", ["none", "plain", "affine"])
@pytest.mark.parametrize("kind", KINDS)
def test_where_instance_norm_stands(kind, instance_norm):
    """In the stem for BatchNorm, and in the last block of stages 1 and 2; with weights that learn, or without any."""
    net = built(kind, "pair", instance_norm)
    norms = {name: m for name, m in net.named_modules() if isinstance(m, nn.InstanceNorm2d)}
    places = [] if instance_norm == "none" else ["bn1", "layer1.1.instance", "layer2.0.instance"]
    assert [*norms] == places
    for norm in norms.values():
        assert [p.requires_grad for p in norm.parameters()] == [True] * 2 * (instance_norm == "affine")
    assert {*net.norms} == {m for m in net.modules() if isinstance(m, BatchNorm)}
    grouped = [id(p) for p in (*net.head_parameters(), *net.backbone_parameters())]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_instance_norm_before_the_last_relu(kind):
    """A stage ends in ReLU(IN(sum)), so an image's contrast does not reach what follows the stem."""
    net = built(kind, "pair", "plain").eval()
    kept = []
    net.layer1[1].instance.register_forward_hook(lambda _, inputs, out: kept.extend((inputs[0], out)))
    given = net.through(image(), PLACES[:2])
    total, normal = kept
    by_hand = (total - total.mean((2, 3), keepdim=True)) / (
        total.var((2, 3), unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    torch.testing.assert_close(normal, by_hand, rtol=1e-4, atol=1e-4)
    assert torch.equal(given, normal.relu())  # and ReLU has not written over it


def test_the_initial_weights_do_not_depend_on_it():
    """All that both networks have begins alike."""
    plain, normed = built("small").state_dict(), built("small", "pair", "affine").state_dict()
    both = plain.keys() & normed.keys()
    assert all(torch.equal(plain[name], normed[name]) for name in both)
    assert plain.keys() - both == {"bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_frozen_copy(kind):
    """In evaluation mode, without a gradient, and untouched by what happens to the original; a pass counts nothing."""
    net = built(kind)
    copy = net.frozen()
    before = {name: value.clone() for name, value in copy.state_dict().items()}
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1.0)
    net(image()), copy(image())
    assert all(torch.equal(value, before[name]) for name, value in copy.state_dict().items())
    assert not copy.training and not any(p.requires_grad for p in copy.parameters())
    assert net.training
