"""Archives of every make: their members come out right, or one line says why not, and nothing lands outside the folder."""

import contextlib
import io
import random
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ash.acquire.archives import Archive
from ash.acquire.sources import SOURCES
from ash.acquire.unpack import unpack
from ash.errors import AshError, DataError

IMAGES = Archive("a.zip", ("images/*.png",))
CONTENT = {f"images/{k}.png": bytes([k]) * (50 + k) for k in range(4)} | {"readme.txt": b"terms"}
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def stored(name, content=b"1"):
    """A member whose stored name is exactly `name`."""
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    return info, content


def zipped(path, members, compression=zipfile.ZIP_STORED):
    """A zip of (name or ZipInfo, bytes)."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for member, content in members:
            file.writestr(member, content)
    return path


def refused(path, root, archive=IMAGES):
    """The line of an archive that is refused, of which nothing is written."""
    with pytest.raises(DataError) as error:
        unpack(path, archive, root)
    assert not root.exists() or not [p for p in root.rglob("*") if p.is_file()]
    return str(error.value)


def patched(path, offset, value):
    """The same archive with two bytes of its last central entry replaced, e.g. version (6) or method (10)."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.rindex(b"PK\x01\x02") + offset, value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "name", ["images\\1.png", "./images/1.png", ".\\images\\1.png", "images//1.png", "images/./1.png"]
)
def test_names_as_some_programs_write_them(tmp_path, name):
    """Backslashes, a leading dot, empty parts: the file that is meant."""
    unpack(zipped(tmp_path / "a.zip", [stored("images\\", b""), stored(name, b"one")]), IMAGES, tmp_path / "root")
    assert (tmp_path / "root/images/1.png").read_bytes() == b"one"
    assert len(list((tmp_path / "root").rglob("*.png"))) == 1


@pytest.mark.parametrize("name", ["..\\images\\1.png", "\\images\\1.png", "C:\\images\\1.png", "images\\..\\..\\1.png"])
def test_backslashes_lead_nowhere_else(tmp_path, name):
    """Read as slashes they are judged as such."""
    path = zipped(tmp_path / "a.zip", [("images/0.png", b"0"), stored(name)])
    assert "lies outside the set's folder" in refused(path, tmp_path / "root")


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ([stored("images\\1.png"), ("images/1.png", b"2")], "'images/1.png': 2 times in the archive"),
        ([("images/A.png", b"1"), ("images/a.png", b"2")], "'images/a.png': 2 names that differ in case only"),
        ([("images/\u00e9.png", b"1"), ("images/e\u0301.png", b"2")], "2 names that differ in case only"),
        ([("images/" + "n" * 250 + ".png", b"1")], "has a name of 254 bytes, wanted at most 240"),
        ([("images/1\n\x1b[2J.png", b"1")], r"'images/1\n\x1b[2J.png': has a name that cannot be printed"),
        ([("images.zip", b"1")], "it holds another archive: unpack it, and put 'images.zip' in its place"),
        ([("set/images/1.png", b"1")], "wrong archive, holds 'set/images/1.png', wanted images/*.png"),
        ([], "wrong archive, holds nothing"),
    ],
)
def test_names_that_cannot_be_unpacked(tmp_path, members, line):
    """Each is named; nothing is written."""
    assert line in refused(zipped(tmp_path / "a.zip", members), tmp_path / "root")


@pytest.mark.parametrize("method", [9, 93, 98, 99])
def test_a_method_that_python_lacks(tmp_path, method):
    """Deflate64, Zstandard, PPMd, AES: the member, the method, and a way out; other members may be packed so."""
    path = patched(zipped(tmp_path / "a.zip", [("images/1.png", b"1")]), 10, method)
    assert f"is packed by method {method}, which Python lacks; pack it anew" in refused(path, tmp_path / "root")
    path = patched(zipped(path, [("images/1.png", b"1"), ("other.txt", b"1")]), 10, method)
    assert unpack(path, IMAGES, tmp_path / "root").members == 1


def test_other_faults_of_the_directory(tmp_path):
    """A version of the future, a name that is no UTF-8, an encrypted member."""
    path = zipped(tmp_path / "a.zip", [("images/1.png", b"1")])
    assert "a zip archive, not a whole zip archive (zip file version 9.9)" in refused(
        patched(path, 6, 99), tmp_path / "root"
    )
    path = zipped(path, [("images/\u00e9.png", b"1")])
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xfe"))
    assert "codec can't decode" in refused(path, tmp_path / "root")
    assert "is encrypted" in refused(patched(zipped(path, [("images/1.png", b"1")]), 8, 1), tmp_path / "root")


def test_a_member_that_is_shorter_or_longer_than_it_says(tmp_path):
    """By its stored size: one line, and no file."""
    for size in (40, 60):
        path = zipped(tmp_path / "a.zip", [("images/1.png", b"x" * 50)], zipfile.ZIP_DEFLATED)
        content = bytearray(path.read_bytes())
        struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, size)
        path.write_bytes(content)
        assert "member images/1.png " in refused(path, tmp_path / "root")


def test_sizes_beyond_32_bits_are_read(tmp_path):
    """zip64, as archives of more than 4 GiB are."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file, file.open("images/1.png", "w", force_zip64=True) as member:
        member.write(b"one")
    unpack(tmp_path / "a.zip", IMAGES, tmp_path / "root")
    assert (tmp_path / "root/images/1.png").read_bytes() == b"one"


def test_every_pattern_of_the_published_layout_is_wanted(tmp_path):
    """Mapillary 2.0 has images in the same place, and labels in another: not the archive of 1.2."""
    vistas = SOURCES["mapillary"].archives[0]
    parts = ("training/images/a.jpg", "validation/images/b.jpg", "training/v2.0/labels/a.png", "config_v2.0.json")
    line = refused(zipped(tmp_path / "a.zip", [(name, b"1") for name in parts]), tmp_path / "root", vistas)
    assert "wanted training/labels/*.png and validation/labels/*.png and config.json" in line


def whole(compression):
    """A sound archive."""
    out = io.BytesIO()
    zipped(out, CONTENT.items(), compression)
    return out.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@FUZZ
@given(seed=st.integers(0, 10**9), flips=st.integers(1, 3), cut=st.booleans())
def test_flipped_and_cut_archives(compression, seed, flips, cut):
    """The same images, or one AshError; every file that is there is right, and nothing lies outside."""
    draw, content = random.Random(seed), bytearray(whole(compression))
    for _ in range(flips):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    with tempfile.TemporaryDirectory() as away:
        root, path = Path(away) / "in/root", Path(away) / "in/a.zip"
        path.parent.mkdir()
        path.write_bytes(content[: draw.randrange(len(content))] if cut else content)
        with contextlib.suppress(AshError):
            unpack(path, IMAGES, root)
        written = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        assert all(content in CONTENT.values() for content in written.values()), "another image"
        assert {p for p in Path(away).rglob("*") if p.is_file()} == {path, *(root / name for name in written)}


PARTS = st.sampled_from(["images", "1.png", "2.png", "..", ".", "", "a\\b", "C:", "IMAGES", "x" * 300, "\u00e9", "\t"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).flatmap(lambda p: st.sampled_from(["/", "\\"]).map(lambda s: s.join(p)))


@FUZZ
@given(members=st.dictionaries(NAMES, st.binary(max_size=20), max_size=5))
def test_random_trees(members):
    """Whatever the names are: what is unpacked are files of the set's pattern with a member's bytes; or one AshError."""
    with tempfile.TemporaryDirectory() as away:
        root, path = Path(away) / "in/root", Path(away) / "in/a.zip"
        path.parent.mkdir()
        zipped(path, [stored("images/0.png", b"0"), *(stored(name, content) for name, content in members.items())])
        try:
            unpack(path, IMAGES, root)
        except AshError:
            assert not root.exists()
        written = [p for p in Path(away).rglob("*") if p.is_file() and p != path]
        assert all(p.parent == root / "images" and p.suffix == ".png" for p in written)
        assert all(p.read_bytes() in {b"0", *members.values()} for p in written)


@FUZZ
@given(content=st.binary(max_size=200))
def test_random_bytes_are_no_archive(tmp_path, content):
    """One line."""
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + content)
    assert "\n" not in refused(tmp_path / "a.zip", tmp_path / "root")
