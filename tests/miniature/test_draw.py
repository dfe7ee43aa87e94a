"""The drawn world."""

import hashlib
import shutil

import numpy as np
import pytest

from ash import datasets
from ash.errors import DataError
from ash.labels import CLASSES
from ash.miniature.draw import draw_set
from ash.miniature.looks import DOMAINS
from ash.miniature.mark import MARK
from ash.miniature.paintings import draw_painting
from ash.miniature.scene import draw_scene
from ash.miniature.textures import texture_bank


def classes_in(domain: str, count: int) -> set[str]:
    seen = np.unique(np.concatenate([draw_scene(domain, seed)[1].ravel() for seed in range(count)]))
    return {CLASSES[i] for i in seen}


@pytest.mark.parametrize("domain", DOMAINS)
def test_classes_present(domain):
    """All 19 classes appear within 60 scenes; SYNTHIA's domain never has terrain, truck or train."""
    absent = {"terrain", "truck", "train"} if domain == "synthia" else set()
    assert classes_in(domain, 60) == set(CLASSES) - absent


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_scene_is_a_function_of_its_seed(domain):
    """Equal seed, equal bytes; another seed, another scene; labels cover every pixel."""
    image, label = draw_scene(domain, 3)
    again, label_again = draw_scene(domain, 3)
    assert np.array_equal(image, again)
    assert np.array_equal(label, label_again)
    assert not np.array_equal(image, draw_scene(domain, 4)[0])
    assert image.shape == (96, 192, 3)
    assert label.max() < 19


def test_domains_differ_in_colour_more_than_in_layout():
    """The same seed gives the two sources nearly the same shares of road, and clearly different road colours."""
    colours, shares = [], []
    for domain in ("gta5", "synthia"):
        pairs = [draw_scene(domain, seed) for seed in range(20)]
        road = [(image[label == 0].mean(0), (label == 0).mean()) for image, label in pairs]
        colours.append(np.mean([c for c, _ in road], 0))
        shares.append(np.mean([s for _, s in road]))
    assert abs(shares[0] - shares[1]) < 0.05
    assert np.abs(colours[0] - colours[1]).max() > 20


def test_paintings_differ():
    """Ten seeds, ten paintings of the asked size."""
    paintings = [draw_painting(seed, (64, 48)) for seed in range(10)]
    assert {p.shape for p in paintings} == {(48, 64, 3)}
    assert len({p.tobytes() for p in paintings}) == 10


def test_textures_are_normalised():
    """Zero mean, unit deviation, but for the flat one."""
    bank = texture_bank(1)
    assert np.abs(bank.mean((1, 2))).max() < 1e-4
    np.testing.assert_allclose(bank[1:].std((1, 2)), 1, atol=1e-3)
    assert bank[0].std() == 0


def fingerprint(root) -> str:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(p.relative_to(root)).encode() + p.read_bytes() for p in files)).hexdigest()


@pytest.mark.parametrize("name", ["gta5", "mapillary", "painters"])
def test_files_do_not_depend_on_the_number_of_workers(tmp_path, name):
    """One process and two write the same bytes."""
    counts = {"val": 3} if name == "mapillary" else {"train": 3}
    for workers in (1, 2):
        draw_set(name, tmp_path / str(workers), counts, (64, 32), seed=0, workers=workers)
    assert fingerprint(tmp_path / "1") == fingerprint(tmp_path / "2")


def test_a_failed_draw_leaves_the_old_set(tmp_path, monkeypatch):
    """A draw that stops half-way leaves the set that was there, and no other folder."""
    draw_set("gta5", tmp_path / "gta5", {"train": 2}, (64, 32), seed=0, workers=1)
    before = fingerprint(tmp_path / "gta5")
    monkeypatch.setattr(type(datasets.load("gta5")), "finish", lambda self, root: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        draw_set("gta5", tmp_path / "gta5", {"train": 2}, (64, 32), seed=1, workers=1)
    assert fingerprint(tmp_path / "gta5") == before
    assert [path.name for path in tmp_path.iterdir()] == ["gta5"]


@pytest.mark.parametrize("other", ["archives", "scores"])
def test_a_folder_with_files_of_somebody_else_is_not_replaced(tmp_path, other):
    """A real set with its archives, or results: one line, all stays; a drawn set there is replaced, hidden files and all."""
    root = tmp_path / "gta5"
    draw_set("gta5", root, {"train": 2}, (64, 32), 0, 1)
    (root / ".DS_Store").touch()
    draw_set("gta5", root, {"train": 1}, (64, 32), 0, 1)
    (root / other).mkdir()
    before = sorted(root.rglob("*"))
    with pytest.raises(DataError, match=f"gta5: holds {other}, which a drawn gta5 has not"):
        draw_set("gta5", root, {"train": 2}, (64, 32), 0, 1)
    assert sorted(root.rglob("*")) == before


def swap(root, name, folder, old, new):
    """Files of a real set under a drawn one's name, without its list."""
    draw_set(name, root, {"train": 4}, (96, 48), seed=7, workers=1)
    (root / MARK).unlink()
    for path in sorted((root / folder).iterdir()):
        path.rename(path.with_name(path.name.replace(old, new)))


@pytest.mark.parametrize(
    ("name", "folder", "old", "new"),
    [("gta5", "images", "0000", "0000"), ("painters", "train", ".jpg", "7.jpg"), ("gta5", "labels", "0000", "2000")],
)
def test_a_real_set_without_archives_is_not_replaced(tmp_path, name, folder, old, new):
    """The published layout alone does not make a set a drawn one: one line, and every file stays."""
    root = tmp_path / name
    swap(root, name, folder, old, new)
    before = fingerprint(root)
    with pytest.raises(DataError, match=r"which a drawn \w+ has not, and would be replaced \(\d+ of \d+ files"):
        draw_set(name, root, {"train": 4}, (64, 32), 0, 1)
    assert fingerprint(root) == before


def test_a_real_set_copied_over_a_drawn_one_is_not_replaced(tmp_path):
    """`rm -rf set/*` leaves the hidden list: it does not speak for other files of the same names, nor for one more."""
    root = tmp_path / "gta5"
    draw_set("gta5", root, {"train": 3}, (64, 32), 0, 1)
    listed = (root / MARK).read_bytes()
    swap(tmp_path / "real", "gta5", "images", "0000", "0000")
    shutil.rmtree(root)
    (tmp_path / "real").rename(root)
    (root / MARK).write_bytes(listed)
    before = fingerprint(root)
    with pytest.raises(DataError, match="would be replaced"):
        draw_set("gta5", root, {"train": 3}, (64, 32), 1, 1)
    assert fingerprint(root) == before


def test_a_link_to_a_real_set_is_not_replaced(tmp_path):
    """A folder that leads to files elsewhere is somebody's, though no file lies in it."""
    root = tmp_path / "gta5"
    draw_set("gta5", tmp_path / "real", {"train": 1}, (64, 32), 0, 1)
    root.mkdir()
    (root / "images").symlink_to(tmp_path / "real/images")
    with pytest.raises(DataError, match="holds images, which"):
        draw_set("gta5", root, {"train": 1}, (64, 32), 0, 1)
    assert (root / "images").is_symlink()


def test_a_drawn_set_that_is_damaged_is_drawn_again(tmp_path):
    """A file that is cut, one that is missing; and a set of a version without lists, if the same is drawn."""
    root = tmp_path / "gta5"
    draw_set("gta5", root, {"train": 4}, (64, 32), 0, 1)
    before = fingerprint(root)
    (root / "images/00001.png").write_bytes(b"\x89PNG")
    (root / "labels/00002.png").unlink()
    draw_set("gta5", root, {"train": 4}, (64, 32), 0, 1)
    assert fingerprint(root) == before
    (root / MARK).unlink()
    draw_set("gta5", root, {"train": 4}, (64, 32), 0, 1)
    assert fingerprint(root) == before
