"""Files of ids: read as stored, or refused in one line; never by a wrong index."""

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ash.datasets import gta5, mapillary
from ash.errors import AshError, DataError
from ash.files.id_maps import read_id_map, refuse_clashes
from ash.labels import PALETTE, colourise

IDS = np.resize(np.array([7, 8, 11, 17, 21, 23, 26, 34], np.uint8), (6, 8))
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def indexed(ids, palette):
    """A palette image."""
    picture = Image.fromarray(ids)
    picture.putpalette(palette)
    return picture


def saved(path, picture, form="PNG", **options):
    """The picture as a file."""
    picture.save(path, form, **options)
    return path


def reindexed(ids, table):
    """The same colours by a palette in the order of their use from the last, as tools write that compact it."""
    used = np.unique(ids)[::-1]
    order = np.zeros(256, np.uint8)
    order[used] = np.arange(len(used))
    return indexed(order[ids], colourise(table)[used].tobytes())


def clashes(path, module=gta5):
    """The ids of a file whose colour is another class's."""
    return read_id_map(path).clashes(module.TABLE, module.DATASET.borrowed)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_of_few_bits_are_indices(tmp_path, bits):
    """What an optimiser of PNG files makes of a palette image of few ids is read as the same ids."""
    ids = np.minimum(IDS % 3, 2**bits - 1)
    path = saved(tmp_path / "x.png", indexed(ids, colourise(gta5.TABLE).tobytes()[:48]), bits=bits)
    assert np.array_equal(read_id_map(path).ids, ids)


OTHERS = {
    "grey in three channels": (lambda: Image.fromarray(np.stack([IDS] * 3, 2)), "pixels are RGB,"),
    "alpha": (lambda: Image.fromarray(IDS).convert("RGBA"), "pixels are RGBA,"),
    "grey and alpha": (lambda: Image.fromarray(IDS).convert("LA"), "pixels are LA,"),
    "one bit": (lambda: Image.fromarray(IDS > 9), "pixels are 1,"),
    "16 bits": (lambda: Image.fromarray(IDS.astype(np.uint16)), "pixels are I;16B,"),
    "32 bits in a TIFF": (lambda: Image.fromarray(IDS.astype(np.int32)), "is TIFF, wanted PNG"),
    "a JPEG under the name of a PNG": (lambda: Image.fromarray(IDS), "is JPEG, wanted PNG"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_not_one_channel_of_8_bits_is_refused(tmp_path, case):
    """What was found, what was wanted, in one line with the file."""
    make, line = OTHERS[case]
    form = next((name for name in ("TIFF", "JPEG") if name in case), "PNG")
    path = saved(tmp_path / "x.png", make(), form)
    with pytest.raises(DataError) as error:
        read_id_map(path)
    assert f"{path}: {line}" in str(error.value) and "\n" not in str(error.value)


def test_grey_of_four_bits_is_refused(tmp_path):
    """Pillow would stretch its 16 greys to 0-255, and 7 would become 119."""
    import png

    with (tmp_path / "x.png").open("wb") as file:
        png.Writer(8, 6, greyscale=True, bitdepth=4).write(file, (IDS % 16).tolist())
    with pytest.raises(DataError, match="pixels are L;4, wanted one channel of 8 bits"):
        read_id_map(tmp_path / "x.png")


def test_labels_that_exif_turns_are_refused(tmp_path):
    """A PNG can have EXIF too."""
    exif = Image.Exif()
    exif[0x0112] = 8
    with pytest.raises(DataError, match="EXIF orientation 8"):
        read_id_map(saved(tmp_path / "x.png", Image.fromarray(IDS), exif=exif))


@pytest.mark.parametrize("module", [gta5, mapillary])
def test_a_palette_in_another_order_clashes(tmp_path, module):
    """Every colour is the right one, and no index: refused with the file, while the set's own palette passes."""
    ids = IDS if module is gta5 else np.resize(np.array([13, 15, 17, 27, 30, 55], np.uint8), (6, 8))
    good = saved(tmp_path / "good.png", indexed(ids, colourise(module.TABLE).tobytes()))
    assert clashes(good, module) == []
    bad = saved(tmp_path / "bad.png", reindexed(ids, module.TABLE))
    with pytest.raises(DataError, match=r"bad\.png: its palette is in another order: index \d+, \d+"):
        refuse_clashes(bad, clashes(bad, module))


def greyed(ids, greys):
    """A grey image as an optimiser indexes it: the values that occur, in an order of its own."""
    order = np.zeros(256, np.uint8)
    order[greys] = np.arange(len(greys))
    return indexed(order[ids], np.repeat(np.array(greys, np.uint8), 3).tobytes())


@pytest.mark.parametrize("greys", [[7, 8, 11, 17, 21, 23, 26, 34], [34, 7, 26, 8, 23, 11, 21, 17]])
def test_grey_labels_that_a_tool_has_indexed_clash(tmp_path, greys):
    """Optimisers of PNG files keep what is seen: the grey is the id, and the index its place in the palette."""
    path = saved(tmp_path / "x.png", greyed(IDS, greys), bits=4)
    assert np.array_equal(np.asarray(Image.open(path).convert("L")), IDS)
    with pytest.raises(DataError, match=r"x\.png: its palette is in another order: index \d+, \d+"):
        refuse_clashes(path, clashes(path))


def test_greys_that_are_no_ids_only_show_them(tmp_path):
    """A ramp that spreads the ids over all greys, a blank palette, and one that has the greys at their own index."""
    ramp = np.repeat((np.arange(256) * 7 % 256).astype(np.uint8), 3)
    for name, palette in (
        ("ramp", ramp),
        ("blank", bytes(768)),
        ("same", np.repeat(np.arange(256, dtype=np.uint8), 3)),
    ):
        assert clashes(saved(tmp_path / f"{name}.png", indexed(IDS, bytes(palette)))) == []


def test_a_palette_that_means_nothing_passes(tmp_path):
    """Greys, and the colours of Pascal VOC, among which road's stands at index 21."""
    voc = np.zeros((256, 3), np.uint8)
    for k in range(256):
        for bit in range(8):
            voc[k, bit % 3] |= (k >> bit & 1) << (7 - bit // 3)
    assert tuple(voc[21]) == tuple(PALETTE[0])
    for name, palette in (("grey", np.repeat(np.arange(256, dtype=np.uint8), 3)), ("voc", voc)):
        assert clashes(saved(tmp_path / f"{name}.png", indexed(IDS, palette.tobytes()))) == []


def test_the_licence_plate_has_the_colour_of_a_car(tmp_path):
    """Published so: id 34 of GTA5 is void."""
    colours = colourise(gta5.TABLE)
    colours[34] = PALETTE[13]
    assert clashes(saved(tmp_path / "x.png", indexed(IDS, colours.tobytes()))) == []


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), colourful=st.booleans())
def test_damaged_files_of_ids_are_the_same_ids_or_one_line(tmp_path, data, colourful):
    """Bits flipped and the end cut off."""
    file = io.BytesIO()
    picture = indexed(IDS, colourise(gta5.TABLE).tobytes()) if colourful else Image.fromarray(IDS)
    picture.save(file, "PNG")
    content = bytearray(file.getvalue())
    for place in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), max_size=3, unique=True)):
        content[place // 8] ^= 1 << place % 8
    (tmp_path / "x.png").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        assert np.array_equal(read_id_map(tmp_path / "x.png").ids, IDS)
    except AshError as error:
        assert "\n" not in str(error)


def test_a_group_of_poles_has_the_colour_of_a_pole(tmp_path):
    """The palette of Cityscapes, which GTA5 has, shows id 18 so, and it is void: the file is sound."""
    colours = colourise(gta5.TABLE)
    colours[18] = PALETTE[5]
    path = tmp_path / "1.png"
    picture = Image.fromarray(np.where(IDS == 34, 18, IDS).astype(np.uint8))
    picture.putpalette(colours.tobytes())
    picture.save(path)
    assert read_id_map(path).clashes(gta5.TABLE, gta5.DATASET.borrowed) == []
