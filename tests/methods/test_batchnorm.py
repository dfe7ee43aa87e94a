"""What train-mode BatchNorm sees in rows of domain generalisation: the source images and renderings of them alone."""

from dataclasses import replace

import pytest
import torch

from ash.methods._views import pasta, random_conv
from ash.methods.augmentation import jitter
from ash.style.view import enter, view
from tests.support.world import batch, built, gradients, settings

GENERALISING = [name for name, entry in settings().params.experiments.items() if entry.target is None]
# All others: the source, and one rendering of it.
PASSES = {
    **{"source_only": 1, "feature_style": 1, "isw": 1, "shade": 1},
    **{"asm": 2, "domain_randomisation": 3, "random_conv": 3},
}
PAINTED = {"tldr"}  # show the first stages the painting too (tests/methods/test_tldr.py)


class Watch:
    """Every image that enters the segmenter, everything that the stylizer decodes, and BatchNorm's mode in each pass."""

    def __init__(self, method):
        self.images, self.decoded, self.training = [], [], []
        net, pair = method.segmenter, getattr(method, "stylizer", None)
        net.conv1.register_forward_pre_hook(lambda _, inputs: self.images.append((inputs[0].detach() + 1) / 2))
        net.bn1.register_forward_pre_hook(lambda module, _: self.training.append(module.training))
        if pair is not None:
            decode = pair.decode
            pair.decode = lambda features: (
                self.decoded.append((features.detach(), decode(features))) or self.decoded[-1][1]
            )


def with_larger_paintings(given, needs):
    """The batch with paintings of a size that no source image has, so that one decoded as it is would stand out."""
    if given.style is None:
        return given
    pixels = torch.rand(len(given.style), 3, 48, 80, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        return replace(given, style=built("clan").stylizer.encode(enter(pixels, needs.convention)))


def is_affine(content: torch.Tensor, features: torch.Tensor) -> bool:
    """Whether each channel of the features is an affine map of the content's own."""
    x, y = (f.flatten(2) - f.flatten(2).mean(2, keepdim=True) for f in (content.double(), features.double()))
    slope = (x * y).sum(2, keepdim=True) / (x * x).sum(2, keepdim=True).clamp_min(1e-12)
    return bool(((y - slope * x).abs().amax(2) <= 1e-4 * y.abs().amax(2) + 1e-5).all())


def test_all_methods_are_watched():
    """Every method of the project is among the rows, and the rows are most of params.yaml."""
    methods = {settings().experiment(name).method for name in GENERALISING}
    assert methods == {
        "source_only", "advent", "maxsquare", "clan", "asm", "domain_randomisation", "ash", "augmentation",
        "random_conv", "advstyle", "gtr", "class_style", "shade", "feature_style", "isw", "tldr",
    }  # fmt: skip


@pytest.mark.parametrize("name", [n for n in GENERALISING if settings().experiment(n).method not in PAINTED])
def test_only_the_source_and_its_renderings_pass(name):
    """Row by row an image is the source's, or what the decoder made of features whose layout is the source's."""
    method = built(name)
    given = with_larger_paintings(batch(needs=method.settings.needs), method.settings.needs)
    assert given.target is None
    watch = Watch(method)
    gradients(method, given)
    own = settings().experiment(name)
    assert watch.training == [True] * len(watch.images)
    expected = PASSES.get(own.method, 2) * (2 if own.settings.get("g_image") == "own" else 1)
    expected += own.settings.get("g_steps") == 2  # G looks at x^ once more after its first step
    assert len(watch.images) == expected
    allowed = [given.image]
    for features, decoded in watch.decoded:
        assert features.shape == given.content.shape
        if own.settings.get("modulation") != "local" and own.settings.get("scope") != "class":
            assert is_affine(given.content, features)
        allowed.append(view(decoded.detach(), given, method.settings.needs.convention))
    allowed += made_of_the_source(own, given)
    for images in watch.images:
        if own.method == "advstyle":
            assert is_affine(given.image, images)
            continue
        whole = images
        if own.method == "gtr":
            whole = torch.where((images == given.image).all(1, keepdim=True), allowed[1], images)
        for k, image in enumerate(whole):
            assert any(torch.allclose(image, other[k % 2], atol=1e-5) for other in allowed), (name, k)


def made_of_the_source(own, given) -> list[torch.Tensor]:
    """The views of an experiment that are made of the source image alone, in the order in which they are drawn."""
    draws = torch.Generator().manual_seed(7)
    kinds = {"colour_jitter": (jitter, 1), "pasta": (pasta, 1), "random_conv": (random_conv, 1)}
    make, count = kinds.get(own.settings.get("view"), (random_conv, 3) if own.method == "random_conv" else (None, 0))
    return [make(given.image, draws) for _ in range(count)]
