"""Pins and the journal: what is no pin matches nothing, and nothing is pinned that has not proved sound."""

import json
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ash.acquire.journal import Journal, Pins
from ash.errors import AshError, DataError, StoreError
from tests.acquire.test_steps import world  # noqa: F401  a fixture

SHA256 = "f81d91e8" + "0" * 56
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(
    "pin", [{"sha256": ""}, {"sha256": "f"}, {}, {"sha256": None}, {"sha256": "xyzw" * 16}, SHA256, None]
)
def test_what_is_no_pin_fits_nothing(tmp_path, pin):
    """An empty one, a few digits, another shape: the file and the name are said, before any archive is held against it."""
    (tmp_path / "pins.json").write_text(json.dumps({"a.zip": pin}))
    with pytest.raises(
        StoreError, match=r"pins\.json: pin of 'a\.zip' is .*, wanted `sha256` of 8 to 64 hexadecimal digits"
    ):
        Pins(tmp_path / "pins.json")


def test_capital_digits_are_the_same(tmp_path):
    """As some programs print them."""
    (tmp_path / "pins.json").write_text(json.dumps({"a.zip": {"sha256": SHA256.upper()}}))
    Pins(tmp_path / "pins.json").check(tmp_path / "a.zip", 1, SHA256)


def test_the_size_is_held_too(tmp_path):
    """A pin of few digits and a size is not met by another size."""
    (tmp_path / "pins.json").write_text(json.dumps({"a.zip": {"sha256": SHA256[:8], "bytes": 7}}))
    with pytest.raises(DataError, match="8 bytes with SHA-256 .*, wanted 7 bytes with f81d91e8"):
        Pins(tmp_path / "pins.json").check(tmp_path / "a.zip", 8, SHA256)


def test_pins_of_two_processes_are_both_kept(tmp_path):
    """Each adds to what is there by then."""
    one, other = Pins(tmp_path / "pins.json"), Pins(tmp_path / "pins.json")
    one.add("a.zip", 1, SHA256)
    other.add("b.zip", 2, SHA256)
    assert Pins(tmp_path / "pins.json").known.keys() == {"a.zip", "b.zip"}


@pytest.mark.parametrize("content", ["[]", '{"a.zip": []}', '{"a.zip": {"bytes": 1}}', "null", "{"])
def test_a_journal_of_another_shape(tmp_path, content):
    """It may be deleted, since it can be made again."""
    (tmp_path / ".set.json").write_text(content)
    with pytest.raises(StoreError, match=r"\.set\.json: .*delete it"):
        Journal(tmp_path / ".set.json")


@FUZZ
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=6
    )
)
def test_any_json_in_their_place(tmp_path, content):
    """Read, or one AshError."""
    for reader in (Pins, Journal):
        (tmp_path / "x.json").write_text(json.dumps(content))
        try:
            reader(tmp_path / "x.json")
        except AshError as error:
            assert "\n" not in str(error)


def test_nothing_is_pinned_before_the_whole_set_proved_good(world):  # noqa: F811
    """A sound archive of another version: refused by what the set says of itself, neither pinned nor unpacked."""
    w = world("mapillary")
    (w.made / "config.json").write_text(json.dumps({"labels": [{}] * 124}))
    with pytest.raises(DataError, match=r"v1\.2\.zip: config\.json: lists 124 classes, wanted the 66"):
        w.pack().acquire()
    assert not w.pins.exists() and not (w.root / "training").exists()


def test_an_archive_with_a_file_missing_is_not_pinned(world):  # noqa: F811
    """The count of the protocol is held against it first; the right archive is taken after it."""
    w = world("mapillary").pack()
    archive = w.archives / "mapillary-vistas-dataset_public_v1.2.zip"
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as old:
        kept = {info: old.read(info) for info in old.infolist()}
    gone = next(info for info in kept if "training/images" in info.filename)
    with zipfile.ZipFile(archive, "w") as new:
        for info in kept.keys() - {gone}:
            new.writestr(info, kept[info])
    with pytest.raises(DataError, match="train: 2 of 3 images"):
        w.acquire()
    assert not w.pins.exists()
    archive.write_bytes(whole)
    assert w.acquire()["images"] == {"train": 3, "val": 3}
    assert w.pins.exists()


def test_one_archive_under_two_names(world):  # noqa: F811
    """The second is named with the first, since one of them is wrong."""
    w = world("gta5").pack()
    (w.archives / "05_images.zip").write_bytes((w.archives / "04_images.zip").read_bytes())
    with pytest.raises(DataError, match=r"05_images\.zip: the same file as 04_images\.zip"):
        w.acquire()
    assert not w.pins.exists()
