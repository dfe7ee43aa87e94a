"""The cache of encoder features."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ash.bench.storage import compare_storages
from ash.errors import StoreError
from ash.features.file import STORAGES, FeatureFile, cache_features, prepared_identity
from ash.files.hdf5 import PREPARED_SCHEMA, create_h5
from ash.style.stylizer import NetworkSettings, Stylizer


@pytest.fixture
def stylizer() -> Stylizer:
    """An unfitted small pair."""
    torch.manual_seed(0)
    return Stylizer(NetworkSettings(width=4, depth="relu3_1", decoder=(8, "up", 4, "up", 3)))


@pytest.fixture
def prepared(tmp_path) -> Path:
    """Five images of noise, 32x16."""
    path = tmp_path / "set.h5"
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 32, 3), np.uint8)
    with create_h5(path, PREPARED_SCHEMA, {"dataset": "gta5", "split": "train"}) as file:
        file.put("image", images)
    return path


def encoded(prepared: Path, stylizer: Stylizer) -> torch.Tensor:
    """Features by a plain loop."""
    import h5py

    with h5py.File(prepared) as file:
        return torch.cat(
            [stylizer.encode(torch.from_numpy(i / 255).float().permute(2, 0, 1)[None]) for i in file["image"]]
        )


@pytest.mark.parametrize("storage", STORAGES)
def test_features_come_back_within_the_stated_error(storage, prepared, stylizer, tmp_path):
    """fp16 is right to 2^-11 relative, uint8 to half of a 255th of the image's and channel's maximum."""
    wanted = encoded(prepared, stylizer)
    out = tmp_path / "features.h5"
    cache_features(prepared, stylizer, out, storage, 2)
    with FeatureFile(out, stylizer.digest, prepared_identity(prepared)) as features:
        assert len(features) == 5
        found = features.read([0, 1, 2, 3, 4])
    assert found.dtype == torch.float32
    if storage.startswith("fp16"):
        bound = wanted.abs() * 2**-11 + 1e-6
    else:
        bound = wanted.amax((2, 3), keepdim=True) / 255 / 2 + 1e-6
    assert ((found - wanted).abs() <= bound).all()


def test_compression_loses_nothing(prepared, stylizer, tmp_path):
    """fp16 and fp16_lz4 give the same numbers, uint8 and uint8_lz4 likewise."""
    read = {}
    for storage in STORAGES:
        path = tmp_path / f"{storage}.h5"
        cache_features(prepared, stylizer, path, storage, 5)
        with FeatureFile(path, stylizer.digest) as features:
            read[storage] = features.read(range(5))
    assert torch.equal(read["fp16"], read["fp16_lz4"])
    assert torch.equal(read["uint8"], read["uint8_lz4"])


def test_order_and_repeats(prepared, stylizer, tmp_path):
    """Images come in the order asked for, as often as asked for, HDF5's own rules notwithstanding."""
    cache_features(prepared, stylizer, tmp_path / "f.h5", "fp16", 2)
    with FeatureFile(tmp_path / "f.h5", stylizer.digest) as features:
        every = features.read(range(5))
        assert torch.equal(features.read(np.array([3, 0, 3])), every[[3, 0, 3]])


@pytest.mark.parametrize("storage", ["fp16_lz4", "uint8_lz4"])
def test_equal_work_gives_equal_bytes(storage, prepared, stylizer, tmp_path):
    """Two caches of one set are the same file."""
    for name in ("a.h5", "b.h5"):
        cache_features(prepared, stylizer, tmp_path / name, storage, 2)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_progress_reaches_the_end(prepared, stylizer, tmp_path):
    """Progress is reported after each batch."""
    seen: list[tuple[int, int]] = []
    cache_features(prepared, stylizer, tmp_path / "f.h5", "fp16", 2, lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_features_of_another_stylizer_are_refused(prepared, stylizer, tmp_path):
    """A file made by other weights is refused, with the remedy."""
    cache_features(prepared, stylizer, tmp_path / "f.h5", "fp16", 2)
    with pytest.raises(StoreError, match=r"f\.h5: made from stylizer \w{12}, wanted 0000.*make it again"):
        FeatureFile(tmp_path / "f.h5", "0" * 64)


def test_features_of_another_set_are_refused(prepared, stylizer, tmp_path):
    """A file made from other images is refused where the reader says which it wants."""
    cache_features(prepared, stylizer, tmp_path / "f.h5", "fp16", 2)
    with pytest.raises(StoreError, match="made from prepared"):
        FeatureFile(tmp_path / "f.h5", stylizer.digest, "0" * 64)


def test_damaged_and_foreign_files_are_refused(prepared, stylizer, tmp_path):
    """A truncated file, a prepared file and a missing one each give one line that names the file."""
    cache_features(prepared, stylizer, tmp_path / "f.h5", "fp16", 2)
    cut = tmp_path / "cut.h5"
    cut.write_bytes((tmp_path / "f.h5").read_bytes()[:-500])
    (tmp_path / "cut.json").write_bytes((tmp_path / "f.json").read_bytes())
    for path in (cut, prepared, tmp_path / "none.h5"):
        with pytest.raises(StoreError, match=path.name) as error:
            FeatureFile(path, stylizer.digest)
        assert "\n" not in str(error.value)


def test_features_beyond_half_floats_are_refused(prepared, stylizer, tmp_path):
    """Half floats end at 65504; larger features are an error, and no file is left."""
    stylizer.encoder[0].weight.data *= 1e8
    with pytest.raises(StoreError, match="beyond float16"):
        cache_features(prepared, stylizer, tmp_path / "f.h5", "fp16", 2)
    assert not list(tmp_path.glob("*f.h5*"))


def test_empty_set_is_refused(stylizer, tmp_path):
    """A prepared file without images is an error, not an empty cache."""
    with create_h5(tmp_path / "empty.h5", PREPARED_SCHEMA, {}) as file:
        file.add("image", (0, 16, 32, 3), np.uint8)
    with pytest.raises(StoreError, match="no images"):
        cache_features(tmp_path / "empty.h5", stylizer, tmp_path / "f.h5", "fp16", 2)


def test_comparison_has_a_row_for_each_storage(prepared, stylizer):
    """Every storage is measured, and the quantised ones are smaller and less exact."""
    rows = {row["storage"]: row for row in compare_storages(prepared, stylizer, 4)}
    assert tuple(rows) == STORAGES
    assert rows["uint8"]["kib"] < rows["fp16"]["kib"]
    assert rows["fp16"]["rms_error"] < rows["uint8"]["rms_error"] < 0.01
