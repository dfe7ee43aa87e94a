"""What each named protocol shows and scores, against Pillow and hand arithmetic."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from ash import datasets
from ash.datasets import mapillary, mapillary_b
from ash.datasets._base import UNKNOWN
from ash.errors import ConfigError
from ash.evaluation import conventions

RNG = np.random.default_rng(0)


def test_cityscapes_is_clans():
    """The image at 1024x512, bicubic; the labels as they are."""
    image, label = (
        RNG.integers(0, 256, (1024, 2048, 3), dtype=np.uint8),
        RNG.integers(0, 19, (1024, 2048)).astype(np.uint8),
    )
    protocol = conventions.load("cityscapes")
    resized = Image.fromarray(image).resize((1024, 512), Image.Resampling.BICUBIC)
    assert np.array_equal(protocol.image(image), np.asarray(resized))
    assert protocol.label(label) is label


@pytest.mark.parametrize(
    ("size", "seen"), [((4032, 3024), (682, 512)), ((3024, 4032), (384, 512)), ((1024, 512), (1024, 512))]
)
def test_mapillary_native_keeps_the_aspect(size, seen):
    """Height 512, the width in proportion; the labels in their own size."""
    protocol = conventions.load("mapillary_native")
    image, label = np.zeros((*size[::-1], 3), np.uint8), np.zeros(size[::-1], np.uint8)
    assert protocol.image(image).shape == (*seen[::-1], 3)
    assert protocol.label(label).shape == size[::-1]


def test_mapillary_1536_crops_the_centre_of_image_and_label():
    """Of 4000x2000 the height becomes 1536 and the width 3072, of which columns 768 to 2303 stay."""
    label = np.repeat(np.arange(2000, dtype=np.uint16)[None] // 8, 1000, 0).astype(np.uint8)
    protocol = conventions.load("mapillary_1536")
    resized = np.asarray(Image.fromarray(label).resize((3072, 1536), Image.Resampling.NEAREST))
    assert np.array_equal(protocol.label(label), resized[:, 768 : 768 + 1536])
    image = np.stack([label] * 3, -1)
    wanted = np.asarray(Image.fromarray(image).resize((3072, 1536), Image.Resampling.BICUBIC))[:, 768 : 768 + 1536]
    assert np.array_equal(protocol.image(image), wanted)


def test_mapillary_1536_pads_with_void():
    """Of 750x1000 the width becomes 1152: 192 columns of void at either side, black in the image."""
    protocol = conventions.load("mapillary_1536")
    label = protocol.label(np.full((1000, 750), 13, np.uint8))
    assert label.shape == (1536, 1536)
    assert (label[:, 192:-192] == 13).all()
    assert (label[:, :192] == 255).all()
    assert (label[:, -192:] == 255).all()
    image = protocol.image(np.full((1000, 750, 3), 200, np.uint8))
    assert image.shape == (1536, 1536, 3)
    assert (image[:, 0] == 0).all()
    assert (image[:, 192] == 200).all()


@pytest.mark.parametrize("name", ["mapillary_native", "mapillary_1536"])
def test_mapping_b_shows_and_cuts_as_mapping_a(name):
    """Only the table of the labels differs: image and label of an odd size are the same arrays under both."""
    image, label = RNG.integers(0, 256, (90, 140, 3), dtype=np.uint8), RNG.integers(0, 19, (90, 140)).astype(np.uint8)
    first, second = conventions.load(name), conventions.load(f"{name}_b")
    assert np.array_equal(first.image(image), second.image(image))
    assert np.array_equal(first.label(label), second.label(label))
    differing = {key for key, value in first.record().items() if second.record()[key] != value}
    assert differing == {"name", "labels"}
    assert (first.dataset, second.dataset, second.labels) == ("mapillary", "mapillary", "mapillary_b")


def test_the_two_mappings_differ_where_published():
    """B: lane-like areas are road, curb cut and pedestrian area sidewalk, backs of signs sign; manholes are void."""
    a, b = mapillary.TABLE, mapillary_b.TABLE
    changed = {int(i): (int(a[i]), int(b[i])) for i in np.flatnonzero(a != UNKNOWN) if a[i] != b[i]}
    road, sidewalk, sign = dict.fromkeys((7, 8, 10, 14, 23), (255, 0)), dict.fromkeys((9, 11), (255, 1)), {49: (255, 7)}
    assert changed == {**road, **sidewalk, **sign, 41: (0, 255)}


def test_mapping_b_reads_the_same_files(tmp_path):
    """One file with every id, through both readers."""
    mapillary.DATASET.write(tmp_path, "val", 0, np.zeros((1, 66, 3), np.uint8), np.zeros((1, 66), np.uint8))
    sample = mapillary.DATASET.index(tmp_path, "val", 0)[0]
    Image.fromarray(np.arange(66, dtype=np.uint8)[None]).save(sample.label)
    for name, table in (("mapillary", mapillary.TABLE), ("mapillary_b", mapillary_b.TABLE)):
        assert np.array_equal(datasets.load(name).read_label(sample)[0], table[:66])


def test_every_protocol_says_that_it_neither_mirrors_nor_rescales():
    """And names a data set there is."""
    for protocol in conventions.PROTOCOLS.values():
        assert protocol.record()["mirrored"] is False
        assert protocol.record()["scales"] == [1.0]
        assert {protocol.dataset, protocol.labels} <= {*datasets.names()}


@pytest.mark.parametrize(
    ("name", "size", "seen"),
    [
        ("cityscapes_rein", (256, 128), (1024, 512)),
        ("mapillary_rein", (1200, 900), (683, 512)),
        ("mapillary_rein", (900, 1200), (512, 683)),
        ("mapillary_rein", (800, 300), (1024, 384)),
        ("bdd100k_rein", (1280, 720), (1280, 720)),
        ("acdc_night_rein", (1920, 1080), (960, 540)),
        ("mapillary_tqdm", (800, 600), (1365, 1024)),
        ("acdc_tqdm", (1920, 1080), (1820, 1024)),
        ("acdc_fog_clan", (1920, 1080), (1024, 512)),
        ("mapillary_own", (401, 303), (401, 303)),
    ],
)
def test_each_size_of_the_field(name, size, seen):
    """By hand from mmcv's rule, 2048x1024 or the like for the long and the short edge; labels stay as they are."""
    protocol = conventions.load(name)
    assert protocol.image(np.zeros((*size[::-1], 3), np.uint8)).shape == (*seen[::-1], 3)
    label = np.zeros(size[::-1], np.uint8)
    assert protocol.label(label) is label


@pytest.mark.parametrize("size", [(64, 48), (200, 100), (37, 91)])
def test_within_takes_pixels_as_opencv_does(size):
    """Bilinear between the four nearest, halves of pixels kept, nothing smoothed: torch's interpolation, rounded."""
    image = RNG.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    found = conventions.EvaluationProtocol("x", "x", "x", "within", (96, 40)).image(image)
    values = torch.from_numpy(image).permute(2, 0, 1)[None].double()
    wanted = functional.interpolate(values, found.shape[:2], mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    assert np.abs(found.astype(float) - wanted.numpy()).max() <= 0.51


def test_an_unknown_protocol_is_refused():
    """One line that names those there are."""
    with pytest.raises(ConfigError, match="'kitti' is unknown; known: cityscapes, mapillary_native"):
        conventions.load("kitti")
