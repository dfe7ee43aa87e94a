"""What a batch holds."""

import os
import signal

import numpy as np
import pytest
import torch

from ash.contract import Needs
from ash.errors import ResourceError, StoreError
from ash.pixels import mirrored
from ash.training.feed import Feed, batches
from ash.training.sampler import draw


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
