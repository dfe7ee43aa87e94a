"""What a batch holds."""

import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from ash.contract import Needs
from ash.errors import ResourceError, StoreError
from ash.labels import SUBSETS
from ash.pixels import mirrored, resized, to_image
from ash.training.batches import batches
from ash.training.feed import Feed, joined
from ash.training.sampler import draw, jitter


class Numbers:
    """Features whose value is their index."""

    def __len__(self):
        return 5

    def stored(self, indices):
        """(B,1,1,1)."""
        return torch.tensor(np.asarray(indices), dtype=torch.float32).view(-1, 1, 1, 1)

    def features(self, stored):
        """The same."""
        return stored


def make(**options) -> tuple[Feed, list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(0)
    images = list(rng.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8))
    labels = list(rng.integers(0, 19, (5, 4, 6), dtype=np.uint8))
    return Feed(images, labels, seed=2, batch=4, device=torch.device("cpu"), **options), images, labels


def test_image_and_label_are_mirrored_together():
    """Pixel by pixel: image in [0,1], label every second pixel from the second, both flipped where the draw says so."""
    feed, images, labels = make(label_stride=2)
    for step in range(6):
        batch, drawn = feed.batch(step), draw(2, step, 4, 5)
        assert batch.mirror.tolist() == drawn.mirror.tolist()
        for k, i in enumerate(drawn.images):
            image, label = images[i] / 255.0, labels[i][1::2, 1::2]
            if drawn.mirror[k]:
                image, label = image[:, ::-1], label[:, ::-1]
            np.testing.assert_allclose(batch.image[k].permute(1, 2, 0).numpy(), image, atol=1e-7)
            assert np.array_equal(batch.label[k].numpy(), label)


def test_content_belongs_to_its_image_and_is_never_mirrored():
    """Content features are those of the drawn images, style features those of the drawn paintings."""
    feed, _, _ = make(label_stride=1, needs=Needs(paintings=1), content=Numbers(), style=Numbers())
    for step in range(4):
        drawn = draw(2, step, 4, 5, styles=5)
        assert feed.batch(step).content.flatten().tolist() == drawn.images.tolist()
        assert feed.batch(step).style.flatten().tolist() == drawn.styles.tolist()


def test_several_paintings_come_from_a_bank():
    """Two paintings for each of four images, from three that stay the same in every step."""
    feed, _, _ = make(label_stride=1, needs=Needs(paintings=2, bank=3), content=Numbers(), style=Numbers())
    seen = [feed.batch(step).style.flatten().tolist() for step in range(5)]
    assert {len(step) for step in seen} == {8}
    assert len({painting for step in seen for painting in step}) == 3


def tinted(image: torch.Tensor) -> torch.Tensor:
    """In the place of an encoder."""
    return image * 2 + 1


def test_jitter_resizes_images_and_leaves_labels():
    """To 1.1 or 0.8 of their size, rounded down, or not at all; whichever step is asked for."""
    feed, _, labels = make(label_stride=1, jitter=True)
    sizes = set()
    for step in range(12):
        batch, drawn, (factor, _) = feed.batch(step), draw(2, step, 4, 5), jitter(2, step)
        assert tuple(batch.image.shape[2:]) == (int(4 * factor), int(6 * factor))
        assert torch.equal(
            mirrored(batch.label, batch.mirror), torch.from_numpy(np.stack([labels[i] for i in drawn.images])).long()
        )
        sizes.add(tuple(batch.image.shape[2:]))
    assert sizes == {(4, 6), (3, 4)}  # 4.4 x 6.6 is 4 x 6


@pytest.mark.parametrize("size", [(44, 66), (32, 48)])
def test_resizing_is_pillows(size):
    """Bicubic, within the rounding of its bytes, where nothing overshoots them: Pillow clips between its two passes too."""
    pixels = np.random.default_rng(0).integers(80, 176, (40, 60, 3), np.uint8)
    found = resized(to_image(pixels[None]), size)[0].permute(1, 2, 0).numpy() * 255
    wanted = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC), float)
    assert np.abs(found - wanted).max() < 1.1


@pytest.mark.parametrize("as_shown", [True, False])
def test_what_is_shown_is_encoded(as_shown):
    """With its jitter, and mirrored or turned back; `mirror` says whether the image still differs from what was encoded."""
    needs = Needs(paintings=1, encode_mirrored=as_shown, fresh_content=True)
    feed, _, _ = make(label_stride=1, jitter=True, needs=needs, style=Numbers(), encode=tinted)
    for step in range(6):
        batch, mirror = feed.batch(step), torch.from_numpy(draw(2, step, 4, 5).mirror)
        assert torch.equal(batch.content, tinted(batch.image if as_shown else mirrored(batch.image, mirror)))
        assert torch.equal(batch.mirror, mirror & (not as_shown))


def test_paintings_take_the_size_of_the_source():
    """Times a factor of their own, whatever size they were prepared at, and whether or not the source has jitter."""

    class Paintings(Numbers):
        def stored(self, indices):
            return torch.full((len(indices), 9, 7, 3), 51, dtype=torch.uint8)

    needs = Needs(paintings=1, style_images="source")
    feed, _, _ = make(label_stride=1, needs=needs, style=Paintings(), content=Numbers(), encode=tinted)
    for step in range(8):
        style, (_, factor) = feed.batch(step).style, jitter(2, step)
        assert tuple(style.shape) == (4, 3, int(4 * factor), int(6 * factor))
        torch.testing.assert_close(style, torch.full_like(style, 1.4))


@pytest.mark.parametrize("classes", [19, 16, 13])
def test_classes_that_are_not_learnt_are_void(classes):
    """Labels of all others are as they were."""
    whole, _, _ = make(label_stride=1)
    some, _, _ = make(label_stride=1, classes=classes)
    before, after = whole.batch(0).label, some.batch(0).label
    for k in range(19):
        assert set(after[before == k].tolist()) <= {k if k in SUBSETS[classes] else 255}


def test_two_sets_in_a_row():
    """As many images as both have, those of the first in front; one set stays itself."""
    first, second = [np.full(1, k) for k in range(3)], [np.full(1, k) for k in range(3, 5)]
    both = joined([first, second])
    assert [int(image[0]) for image in both] == [0, 1, 2, 3, 4]
    assert len(both) == 5
    assert joined([first]) is first


def test_mirroring_twice_gives_the_image_back():
    """`mirrored` is its own inverse and touches only the named samples."""
    x, mirror = torch.arange(12.0).view(2, 2, 3), torch.tensor([True, False])
    assert torch.equal(mirrored(mirrored(x, mirror), mirror), x)
    assert torch.equal(mirrored(x, mirror)[1], x[1])
    assert mirrored(x, mirror)[0, 0].tolist() == [2, 1, 0]


def test_reading_ahead_gives_the_same_batches():
    """Steps 3 to 6 by a process of its own, as where a run goes on: field by field, and the noise that follows."""
    feed, _, _ = make(label_stride=2, needs=Needs(paintings=1), content=Numbers(), style=Numbers())
    for step, batch in enumerate(batches(feed, 3, 7, ahead=True), 3):
        own = feed.batch(step)
        for name in ("image", "label", "mirror", "content", "style"):
            assert torch.equal(getattr(batch, name), getattr(own, name))
        assert batch.generator.initial_seed() == own.generator.initial_seed()
        assert batch.target is None
    assert step == 6


@pytest.mark.parametrize("ahead", [False, True])
def test_an_error_of_reading_stays_one_line(ahead):
    """What a damaged file says, whoever reads it."""

    class Damaged(Feed):
        def read(self, step):
            raise StoreError("features.h5: damaged; make it again")

    feed, _, _ = make(label_stride=1)
    feed.__class__ = Damaged
    with pytest.raises(StoreError, match=r"^features\.h5: damaged; make it again$"):
        next(batches(feed, 0, 2, ahead=ahead))


def test_a_reader_that_is_killed_is_one_line():
    """As by the system where memory runs out."""

    class Killed(Feed):
        def read(self, step):
            os.kill(os.getpid(), signal.SIGKILL)

    feed, _, _ = make(label_stride=1)
    feed.__class__ = Killed
    with pytest.raises(ResourceError, match=r"^the process that reads batches ahead died \(.*\); give") as error:
        next(batches(feed, 0, 2, ahead=True))
    assert "\n" not in str(error.value)


def test_the_batch_that_diagnostics_show():
    """The image of most classes as it is, not mirrored, with the label at the stride; no draw and no seed changes it."""
    feed, images, labels = make(label_stride=2)
    labels[3][:] = np.arange(24).reshape(4, 6) % 19
    first, other = feed.shown(), Feed(images, labels, seed=9, batch=2, label_stride=2, device=feed.device).shown()
    for shown in (first, other):
        np.testing.assert_allclose(shown.image[0].permute(1, 2, 0), images[3] / 255, atol=1e-6)
        np.testing.assert_array_equal(shown.label[0], labels[3][1::2, 1::2])
        assert shown.mirror.tolist() == [False] and shown.content is None and shown.style is None
