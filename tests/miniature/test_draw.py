"""The drawn world."""

import hashlib
import shutil

import numpy as np
import pytest

from ash import datasets
from ash.errors import DataError
from ash.labels import CLASSES
from ash.miniature.conditions import CONDITIONS, WORLD
from ash.miniature.draw import _draw, draw_set
from ash.miniature.looks import BANK_SEED, DOMAINS, LOOKS
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


@pytest.mark.parametrize("domain", [*DOMAINS, *CONDITIONS])
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


DRAWN = {
    "gta5": ("2356cfa54f7bb6aa", [(96, 192, 3), (96, 192, 3), (96, 192, 3)], 95.5),
    "synthia": ("e81223377857f6c3", [(96, 192, 3), (96, 192, 3), (96, 192, 3)], 106.8),
    "cityscapes": ("802aaab949d32771", [(96, 192, 3), (96, 192, 3), (96, 192, 3)], 100.4),
    "mapillary": ("bb5ccaad68db9f87", [(120, 232, 3), (120, 248, 3), (80, 152, 3)], 84.7),
    "painters": ("e3b0c44298fc1c14", [(88, 240, 3), (104, 296, 3), (80, 208, 3)], 85.8),
}  # labels, sizes, mean grey; as drawn since the first results


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_the_sets_are_those_that_results_were_made_on(name):
    """Labels of the first three images, exactly; pixels only in their mean, for their last bits depend on the machine."""
    counted = [
        _draw(name, (192, 96), 0, ("val" if name in ("cityscapes", "mapillary") else "train", k)) for k in range(3)
    ]
    sizes = [image.shape for image, _ in counted]
    labels = hashlib.sha256(b"".join(label.tobytes() for _, label in counted if label is not None)).hexdigest()[:16]
    assert (labels, sizes, round(float(np.mean([image.mean() for image, _ in counted])), 1)) == DRAWN[name]


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_a_twin_shows_the_scene_of_its_world(tmp_path, condition):
    """The same labels as the set that it is a twin of, file by file, under other pixels."""
    for name in (WORLD, condition):
        draw_set(name, tmp_path / name, {"val": 2}, (64, 32), seed=5, workers=1)
    samples = [datasets.load(name).index(tmp_path / name, "val", 0) for name in (WORLD, condition)]
    for world, twin in zip(*samples, strict=True):
        labels = [datasets.load(name).read_label(sample) for name, sample in ((WORLD, world), (condition, twin))]
        images = [datasets.load(name).read_image(sample) for name, sample in ((WORLD, world), (condition, twin))]
        assert np.array_equal(*labels)
        assert np.abs(images[0].astype(int) - images[1]).mean() > 8


def means(domain: str, count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Brightness of an image and the deviation of its pixels, one for each scene."""
    images = np.stack([draw_scene(domain, seed)[0] for seed in range(count)]).reshape(count, -1) / 255
    return images.mean(1), images.std(1)


def test_weather_is_what_its_name_says():
    """Night is dark, fog takes the contrast, snow is brighter than rain, and nothing is drawn twice."""
    bright = {name: means(name) for name in (WORLD, *CONDITIONS)}
    assert bright["acdc_night"][0].mean() < 0.75 * bright[WORLD][0].mean()
    assert (bright["acdc_night"][0] < bright[WORLD][0]).all()
    assert bright["acdc_fog"][1].mean() < 0.85 * bright[WORLD][1].mean()
    assert bright["acdc_snow"][0].mean() > bright["acdc_rain"][0].mean() + 0.1


def test_the_third_world_shares_nothing_with_a_target():
    """No texture and no look: what is chosen on it has not seen those of Cityscapes and Mapillary."""
    assert len(set(BANK_SEED.values())) == len(BANK_SEED)
    for target in ("cityscapes", "mapillary"):
        for name in CLASSES:
            own, other = LOOKS["kitti"][name], LOOKS[target][name]
            assert own.textures != other.textures, name
            assert not np.array_equal(own.colours, other.colours), name


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
