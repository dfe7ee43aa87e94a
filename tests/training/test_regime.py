"""The strong training regime: geometry by hand, odds of the sampling, exact resume."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ash.contract import Needs
from ash.labels import VOID
from ash.training import sampler
from ash.training.feed import Feed
from ash.training.loop import train
from ash.training.regime import Change, ClassIndex, Window, changed, cropped_label, draw, window_of
from tests.support import toy

STILL = Change(image=0, focus=None, scale=1.0, place=(0, 0, 0), enhance=None, order=(0, 1, 2, 3), blur=1e-3)


def numbered(height=4, width=6, times=1) -> np.ndarray:
    """Labels that number their pixels row by row; `times` repeats each pixel along both sides."""
    return np.arange(height * width, dtype=np.uint8).reshape(height, width).repeat(times, 0).repeat(times, 1)


def test_nothing_changes_at_scale_one():
    """The window is the image, blur of no width moves nothing."""
    rng = np.random.default_rng(0)
    image, label = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8), numbered()
    found = changed(image, label, STILL)
    assert np.array_equal(found[0], image)
    assert np.array_equal(found[1], label)


def test_a_label_at_twice_the_size():
    """Twice as large, from row 3 and column 1: pixel (r, c) of the window is pixel ((r+3)/2, (c+1)/2), rounded down."""
    window = Window(size=(4, 6), scaled=(8, 12), corner=(3, 1))
    wanted = [[6, 7, 7, 8, 8, 9], [12, 13, 13, 14, 14, 15], [12, 13, 13, 14, 14, 15], [18, 19, 19, 20, 20, 21]]
    assert cropped_label(numbered(), window).tolist() == wanted


def test_a_label_at_half_the_size():
    """Half as large, in the middle: every second pixel from the second, and void beside it."""
    window = window_of(np.zeros((4, 6, 3), np.uint8), numbered(), replace(STILL, scale=0.5))
    assert window == Window(size=(4, 6), scaled=(2, 3), corner=(-1, -2))
    v = VOID
    assert cropped_label(numbered(), window).tolist() == [
        [v] * 6, [v, v, 7, 9, 11, v], [v, v, 19, 21, 23, v], [v] * 6
    ]  # fmt: skip


def test_a_label_of_half_the_image():
    """A label of 2x3 beside an image of 4x6 shows the same part: twice as large, from row 4 and column 6 of 8x12."""
    window = Window(size=(4, 6), scaled=(8, 12), corner=(4, 6))
    assert cropped_label(numbered(2, 3), window).tolist() == [[4, 5, 5], [4, 5, 5]]


@pytest.mark.parametrize("scale", [0.5, 0.63, 1.0, 1.31, 2.0])
@pytest.mark.parametrize("focus", [None, 9])
def test_image_and_label_move_together(scale, focus):
    """Blocks of 8x8 pixels, grey by their class: away from edges the image shows what the label says, black where void."""
    label = numbered(4, 6, times=8)
    image = np.repeat(label[..., None] * 10, 3, -1).astype(np.uint8)
    change = replace(STILL, scale=scale, place=(0.37, 0.71, 0.5), focus=focus)
    shown, classes = changed(image, label, change)
    grey = np.where(classes == VOID, 0, classes.astype(int) * 10)
    assert shown.shape == image.shape
    assert np.mean(np.abs(shown[..., 0].astype(int) - grey) <= 2) > 0.6
    assert (classes == VOID).any() == (scale < 1)
    assert (shown[classes == VOID][:, 0] <= 60).all()


def test_a_window_holds_a_pixel_of_its_class():
    """One pixel of the class in the picture: every window shows it, wherever its shares put it."""
    label = np.zeros((16, 24), np.uint8)
    rng = np.random.default_rng(1)
    for _ in range(60):
        label[:] = 0
        label[rng.integers(16), rng.integers(24)] = 7
        change = replace(STILL, scale=rng.uniform(1, 2), place=tuple(rng.random(3)), focus=7)
        window = window_of(np.zeros((16, 24, 3), np.uint8), label, change)
        assert (cropped_label(label, window) == 7).any()
        for axis in range(2):
            assert 0 <= window.corner[axis] <= window.scaled[axis] - window.size[axis]


def test_a_window_without_a_class_lies_anywhere():
    """Shares of 0 and of nearly 1 are the first and the last place."""
    image = np.zeros((4, 6, 3), np.uint8)
    for share, wanted in ((0.0, (0, 0)), (0.999, (4, 6))):
        window = window_of(image, numbered(), replace(STILL, scale=2.0, place=(share, share, 0.0)))
        assert window.corner == wanted


def test_colours_by_hand():
    """Brightness is a factor, contrast goes to the mean grey, saturation to the pixel's; the hue goes round by a third."""
    image, label = np.full((2, 2, 3), (100, 50, 50), np.uint8), np.zeros((2, 2), np.uint8)

    def colour(*enhance: float) -> list[int]:
        return changed(image, label, replace(STILL, enhance=enhance))[0][0, 0].tolist()

    assert colour(1.2, 1.0, 1.0, 0.0) == [120, 60, 60]
    grey = round(0.299 * 100 + 0.587 * 50 + 0.114 * 50)
    assert np.allclose(colour(1.0, 0.5, 1.0, 0.0), (np.array([100, 50, 50]) + grey) / 2, atol=1)
    assert np.allclose(colour(1.0, 1.0, 0.0, 0.0), grey, atol=1)
    assert np.allclose(colour(1.0, 1.0, 1.0, 1 / 3), [50, 100, 50], atol=1)


def test_blur_is_gaussian():
    """A white column spreads with the standard deviation that was drawn."""
    image = np.zeros((5, 41, 3), np.uint8)
    image[:, 20] = 255
    shown = changed(image, np.zeros((5, 41), np.uint8), replace(STILL, blur=1.3))[0][2, :, 0].astype(float)
    places = np.arange(41) - 20
    assert np.isclose(np.sqrt((shown * places**2).sum() / shown.sum()), 1.3, atol=0.05)


def rare() -> list[np.ndarray]:
    """Ten labels: all have class 0, the last alone has class 5; class 1 is in four."""
    labels = [np.zeros((2, 2), np.uint8) for _ in range(10)]
    for label in labels[:4]:
        label[0, 0] = 1
    labels[9][0, 0] = 5
    return labels


def test_the_index_lists_images_by_class():
    """Classes that no image shows have no list, and void is no class; with 13 classes neither is pole."""
    labels = rare()
    labels[3][1, 1] = VOID
    index = ClassIndex(labels, 19)
    assert {name: images.tolist() for name, images in index.images.items()} == {
        0: list(range(10)), 1: [0, 1, 2, 3], 5: [9]
    }  # fmt: skip
    assert set(ClassIndex(labels, 13).images) == {0, 1}


def test_half_of_the_samples_are_drawn_for_a_class():
    """Each of three classes in a sixth of them; the rest are the images of the plain regime."""
    index, steps = ClassIndex(rare(), 19), range(500)
    changes = [change for step in steps for change in draw(3, step, [2] * 8, index)]
    focus = np.array([-1 if change.focus is None else change.focus for change in changes])
    for name, share in ((-1, 1 / 2), (0, 1 / 6), (1, 1 / 6), (5, 1 / 6)):
        assert np.isclose((focus == name).mean(), share, atol=0.025)
    images = np.array([change.image for change in changes])
    assert (images[focus == -1] == 2).all()
    assert (images[focus == 5] == 9).all()
    assert set(images[focus == 1]) == {0, 1, 2, 3}
    scales = np.array([change.scale for change in changes])
    assert scales.min() >= 0.5 and scales.max() <= 2 and np.isclose(scales.mean(), 1.25, atol=0.03)
    assert np.isclose(np.mean([change.enhance is not None for change in changes]), 0.5, atol=0.025)


def test_a_set_without_labels_of_a_class_is_sampled_as_it_is():
    """All void: no class can be drawn for."""
    index = ClassIndex([np.full((2, 2), VOID, np.uint8)], 19)
    assert {change.focus for step in range(20) for change in draw(0, step, [0], index)} == {None}


def feed(strong: bool, **options) -> Feed:
    rng = np.random.default_rng(0)
    images = list(rng.integers(0, 256, (5, 16, 24, 3), dtype=np.uint8))
    labels = list(rng.integers(0, 19, (5, 16, 24), dtype=np.uint8))
    return Feed(images, labels, seed=2, batch=4, label_stride=2, device=torch.device("cpu"), strong=strong, **options)


def test_a_step_needs_no_history():
    """Step 7 of a feed that was just made is step 7 of one that gave all before it: a run goes on exactly."""
    first, again = feed(strong=True), feed(strong=True)
    for step in range(7):
        first.batch(step)
    one, other = first.batch(7), again.batch(7)
    assert torch.equal(one.image, other.image)
    assert torch.equal(one.label, other.label)
    assert not torch.equal(one.image, first.batch(8).image)


def test_shapes_mirrors_and_noise_are_those_of_the_plain_regime():
    """So rows of both regimes are paired as far as can be, and a method meets no other shapes."""
    for step in range(3):
        plain, strong = feed(strong=False).batch(step), feed(strong=True).batch(step)
        assert plain.image.shape == strong.image.shape
        assert plain.label.shape == strong.label.shape
        assert torch.equal(plain.mirror, strong.mirror)
        assert plain.generator.initial_seed() == strong.generator.initial_seed()
        assert not torch.equal(plain.image, strong.image)
        assert strong.mirror.tolist() == sampler.draw(2, step, 4, 5).mirror.tolist()


def test_what_is_shown_is_encoded():
    """Features are made of the changed image, turned back where it is mirrored; no cache knows it."""
    made = feed(strong=True, needs=Needs(fresh_content=True), encode=lambda image: image * 2)
    batch = made.batch(1)
    turned = torch.where(batch.mirror.view(-1, 1, 1, 1), batch.image.flip(-1), batch.image)
    assert torch.equal(batch.content, turned * 2)
    assert not Needs(paintings=1, fresh_content=True).cached_content


class Stop(Exception):
    """Raised in the place of a kill."""


def stop_at_seven(done: int, total: int) -> None:
    """After the state of step 6 was saved, and one step more."""
    if done == 7:
        raise Stop


def state(game: toy.Game) -> list[torch.Tensor]:
    """Weights and BatchNorm statistics of all players."""
    return [value for player in game.players.values() for value in player.state_dict().values()]


def test_a_killed_training_goes_on_exactly(tmp_path):
    """Stopped after step 7 and started anew, a run of the strong regime ends as one that was not, bit for bit."""
    whole, rest = toy.Game(), toy.Game(seed=9)
    settings = toy.training(regime="strong")
    expected = train(whole, toy.feed(strong=True), settings, resume=tmp_path / "whole.pt", digest="d").csv()
    with pytest.raises(Stop):
        train(
            toy.Game(), toy.feed(strong=True), settings, resume=tmp_path / "cut.pt", digest="d", progress=stop_at_seven
        )
    found = train(rest, toy.feed(strong=True), settings, resume=tmp_path / "cut.pt", digest="d").csv()
    assert found == expected
    assert all(torch.equal(a, b) for a, b in zip(state(rest), state(whole), strict=True))
    plain = train(toy.Game(), toy.feed(), toy.training(), resume=tmp_path / "plain.pt", digest="d").csv()
    assert plain != expected
