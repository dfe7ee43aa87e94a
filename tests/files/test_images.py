"""Image files of all kinds and in every state end in their pixels or in one line."""

import io
import os
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ash.errors import AshError, DataError
from ash.files import images
from ash.files.images import look, open_image, read_picture, read_rgb

WIDTH, HEIGHT = 23, 17
RNG = np.random.default_rng(5)
PIXELS = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
EXAMPLES = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest takes away the filter of ash.files.images


def turned(tag):
    """EXIF whose orientation is `tag`, with some text before it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "maker", tag
    return exif


def encoded(form, pixels=PIXELS, mode="RGB", **options):
    """The bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, form, **options)
    return file.getvalue()


def chunk(name, content, checksum=None):
    """One chunk of a PNG."""
    given = zlib.crc32(name + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", given)


def header(width, height, depth=8, colour=2):
    """A PNG that states a size and ends before its pixels."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def refused(path, read=read_picture):
    """The one line with which a file is refused."""
    with pytest.raises(DataError) as error:
        read(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text


def upright(path):
    """The reader of images that have labels."""
    return read_rgb(path, turn=False)


FRAMES = {"save_all": True, "append_images": [Image.fromarray(255 - PIXELS)]}
NOT_PICTURES = {
    "nothing in it": (b"", "it is empty"),
    "a web page": (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
    "an answer of a server": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "AppleDouble": (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "AppleDouble"),
    "PostScript, which a library would run": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
    "a zip": (b"PK\x03\x04" + bytes(60), "a zip archive"),
    "no pixels": (header(WIDTH, HEIGHT)[:33], "not a readable image"),
    "a moving GIF": (encoded("GIF", mode="P", **FRAMES), "GIF of several frames, wanted a still image"),
    "a moving PNG": (encoded("PNG", **FRAMES), "PNG of several frames, wanted a still image"),
    "a bomb of 10^10 pixels": (header(100_000, 100_000), "100000x100000 are 10000000000 pixels, wanted 1 to"),
    "a bomb of 4 x 10^8 pixels": (header(20_000, 20_000), "wanted at most 268435456; give a smaller image"),
    "no columns": (header(0, 5), "x.png: "),
}


@pytest.mark.parametrize("case", NOT_PICTURES)
def test_what_is_no_still_picture_is_told(tmp_path, case):
    """Whatever it is called, one line says what it is; nothing of its size is decoded."""
    content, line = NOT_PICTURES[case]
    (tmp_path / "x.png").write_bytes(content)
    assert line in refused(tmp_path / "x.png")
    if case != "a moving GIF":  # no set is published in GIF, moving or not
        assert line in refused(tmp_path / "x.png", upright)


def test_a_broken_checksum_is_refused(tmp_path):
    """A PNG whose pixels decode, but whose last chunk of them has another checksum; and one without its end."""
    good = encoded("PNG")
    place = good.rindex(b"IDAT") - 4
    length = struct.unpack(">I", good[place : place + 4])[0]
    content = good[place + 8 : place + 8 + length]
    for name, tail in (("sum", chunk(b"IDAT", content, 7) + chunk(b"IEND", b"")), ("end", chunk(b"IDAT", content))):
        path = tmp_path / f"{name}.png"
        path.write_bytes(good[:place] + tail)
        assert "not a readable image" in refused(path)


def test_what_is_no_file_is_told_and_nothing_hangs(tmp_path):
    """A folder, a pipe that nobody writes to, a link to nothing, a link to itself."""
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "away.png").symlink_to("gone.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name, line in (
        ("folder", "is a folder, wanted a file"),
        ("pipe", "is a pipe, wanted a file"),
        ("away", "a link to gone.png, which is missing"),
        ("loop", "cannot be read (Too many levels of symbolic links)"),
    ):
        for read in (read_picture, upright, look):
            assert line in refused(tmp_path / f"{name}.png", read)


def test_a_forbidden_file_is_not_called_damaged(tmp_path, monkeypatch):
    """The remedy names permissions."""

    def forbid(self, *args):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x.png").write_bytes(encoded("PNG"))
    monkeypatch.setattr(type(tmp_path), "open", forbid)
    assert "cannot be read (Permission denied); give a PNG or JPEG, or its permissions" in refused(tmp_path / "x.png")


def test_a_name_with_a_line_break_stays_one_line(tmp_path):
    """The break is escaped in the message."""
    with pytest.raises(DataError, match=r"a\\nb\.png: missing") as error:
        read_picture(tmp_path / "a\nb.png")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("tag", [2, 3, 6, 8])
def test_exif_turns_pictures_and_stops_sets(tmp_path, form, tag):
    """A picture comes as a viewer shows it; an image that has labels is refused, for nothing says how they are turned."""
    path = tmp_path / "x.bin"
    path.write_bytes(encoded(form, exif=turned(tag)))
    plain = tmp_path / "plain.bin"
    plain.write_bytes(encoded(form))
    stored = read_picture(plain)
    shown = {2: stored[:, ::-1], 3: stored[::-1, ::-1], 6: np.rot90(stored, -1), 8: np.rot90(stored)}[tag]
    assert np.array_equal(read_picture(path), shown)
    assert np.array_equal(read_rgb(path, turn=True), shown)
    assert f"EXIF orientation {tag} turns or mirrors it" in refused(path, upright)


def test_exif_after_the_pixels_counts_too(tmp_path):
    """A PNG may have its EXIF behind its pixels, where some editors write it."""
    good = encoded("PNG")
    block = turned(3).tobytes().removeprefix(b"Exif\0\0")
    end = good.rindex(b"IEND") - 4
    (tmp_path / "x.png").write_bytes(good[:end] + chunk(b"eXIf", block) + good[end:])
    assert np.array_equal(read_picture(tmp_path / "x.png"), PIXELS[::-1, ::-1])
    assert "EXIF orientation 3" in refused(tmp_path / "x.png", upright)


@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish", turned(0).tobytes(), turned(9)])
def test_exif_that_says_nothing_turns_nothing(tmp_path, exif):
    """Broken EXIF and orientations that do not exist: the pixels as stored, for images with labels too."""
    (tmp_path / "x.jpg").write_bytes(encoded("JPEG", exif=exif))
    (tmp_path / "y.jpg").write_bytes(encoded("JPEG"))
    assert np.array_equal(upright(tmp_path / "x.jpg"), upright(tmp_path / "y.jpg"))


def test_a_jpeg_under_another_name_is_read(tmp_path):
    """The content counts; and a set takes PNG and JPEG alone."""
    (tmp_path / "x.png").write_bytes(encoded("JPEG"))
    assert upright(tmp_path / "x.png").shape == PIXELS.shape
    assert (look(tmp_path / "x.png").format, look(tmp_path / "x.png").size) == ("JPEG", (WIDTH, HEIGHT))
    (tmp_path / "y.png").write_bytes(encoded("WEBP"))
    assert "is WEBP, wanted PNG or JPEG" in refused(tmp_path / "y.png", upright)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_images_of_sets_of_any_mode_are_rgb(tmp_path, mode):
    """Equal to Pillow's own conversion, but for 16 bits, which it clips and we scale."""
    if mode == "I;16":
        picture = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
        wanted = np.repeat(PIXELS[..., :1], 3, 2)
    else:
        picture = Image.fromarray(PIXELS).convert(mode)
        wanted = np.asarray(picture.convert("RGB"))
    picture.save(tmp_path / "x.png")
    assert np.array_equal(upright(tmp_path / "x.png"), wanted)


@pytest.mark.parametrize("values", [[np.nan], [-1.0], [70_000.0]])
def test_floats_that_are_no_picture_are_refused(tmp_path, values):
    """NaN, below 0, above 16 bits."""
    Image.fromarray(np.resize(np.array(values, np.float32), (4, 4))).save(tmp_path / "x.tif")
    assert "wanted 0 to 65535" in refused(tmp_path / "x.tif")


def test_floats_between_0_and_1_are_brightness(tmp_path):
    """They do not become black."""
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "x.tif")
    assert (read_picture(tmp_path / "x.tif") == 127).all()


SOUND = {
    "png": encoded("PNG"),
    "png, palette": encoded("PNG", mode="P"),
    "png, alpha": encoded("PNG", mode="RGBA"),
    "png, exif": encoded("PNG", exif=turned(1)),
    "jpeg": encoded("JPEG"),
    "jpeg, exif": encoded("JPEG", exif=turned(1)),
    "jpeg, progressive": encoded("JPEG", progressive=True),
    "jpeg, cmyk": encoded("JPEG", mode="CMYK"),
}


def outcome(path, content, read):
    """Pixels, or None for one line; whatever else is raised fails the test."""
    path.write_bytes(content)
    try:
        return read(path)
    except AshError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return None


@EXAMPLES
@given(name=st.sampled_from(sorted(SOUND)), data=st.data())
def test_a_cut_file_is_never_another_picture(tmp_path, name, data):
    """Cut anywhere, a PNG or JPEG gives one line, or the pixels that it has whole."""
    whole = SOUND[name]
    for read in (read_picture, upright):
        cut = outcome(tmp_path / "x", whole[: data.draw(st.integers(0, len(whole) - 1))], read)
        assert cut is None or np.array_equal(cut, outcome(tmp_path / "y", whole, read))


@EXAMPLES
@given(name=st.sampled_from(sorted(SOUND)), data=st.data())
def test_flipped_bits_are_pixels_or_one_line(tmp_path, name, data):
    """In a PNG, which has checksums, they are one line or the same pixels; a JPEG has none, and may give others."""
    content = bytearray(SOUND[name])
    for place in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=4, unique=True)):
        content[place // 8] ^= 1 << place % 8
    for read in (read_picture, upright):
        found = outcome(tmp_path / "x", bytes(content), read)
        if found is not None and name.startswith("png"):
            assert np.array_equal(found, outcome(tmp_path / "y", SOUND[name], read))


@EXAMPLES
@given(
    head=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"BM", b"P6 "]),
    tail=st.binary(),
)
def test_random_bytes_are_one_line(tmp_path, head, tail):
    """Whatever format they seem to begin; a picture that they happen to be is one of eight bits."""
    for read in (read_picture, upright):
        found = outcome(tmp_path / "x", head + tail, read)
        assert found is None or found.dtype == np.uint8


@EXAMPLES
@given(block=st.binary(max_size=200))
def test_random_exif_leaves_the_pixels_alone(tmp_path, block):
    """No EXIF block makes an image with labels another: the same pixels, or one line."""
    found = outcome(tmp_path / "x", encoded("JPEG", exif=b"Exif\0\0" + block), upright)
    assert found is None or np.array_equal(found, outcome(tmp_path / "y", SOUND["jpeg"], upright))


def test_an_error_of_the_reader_itself_is_not_called_damage(tmp_path):
    """What the caller raises while a picture is open passes unchanged: a defect keeps its traceback."""
    (tmp_path / "x.png").write_bytes(encoded("PNG"))
    with pytest.raises(ValueError, match="mine"), open_image(tmp_path / "x.png"):
        raise ValueError("mine")


def test_the_limits_leave_room_for_the_largest_paintings():
    """200 million pixels are decoded, and a JPEG of a thousand million may state them, to be decoded at an eighth."""
    assert images.DECODED >= 200_000_000
    assert images.LARGEST >= 1_000_000_000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\x1a\nnothing of the kind", "it begins as a PNG image, and what follows is none"),
        (b"\xff\xd8\xff and no more", "it begins as a JPEG image, and what follows is none"),
        (bytes(range(200, 256)), r"of an unknown format \(begins b'\\xc8"),
        (b"RIFF....WEBP", r"text \(begins 'RIFF....WEBP'\)"),
        (bytes(64), "nothing but zeros"),
    ],
)
def test_a_file_that_no_decoder_knows(tmp_path, content, told):
    """Whoever reads it names the file and what was found in it, not the buffer that Pillow was given."""
    path = tmp_path / "00001.png"
    path.write_bytes(content)
    for read in (read_picture, lambda path: read_rgb(path, turn=True), look):
        line = refused(path, read)
        assert re.search(rf"not a readable image \({told}", line) and "<_io" not in line
