"""What `ash stylisation` writes for Figures 1, 2 and 4, against the method's own functions."""

import numpy as np
import pytest
import torch

from ash.config import load
from ash.errors import DataError
from ash.experiment.hallucinated import load_run
from ash.experiment.pictures import to_pixels
from ash.experiment.stylisation import SEED, write_stylisation
from ash.files.hdf5 import PREPARED_SCHEMA, create_h5
from ash.report.records import read_stylisation
from ash.style.view import stylise
from tests.conftest import settle
from tests.experiment.test_hallucinated import trained
from tests.support.world import WEIGHTS

COUNTS = {"gta5": 7, "painters": 6, "cityscapes": 4}


@pytest.fixture
def world(tmp_path):
    """The tiny settings, a run with H, and prepared sets of noise; the third source image has the most classes."""
    rng, settings = np.random.default_rng(1), load(settle(tmp_path) / "params.yaml")
    sets = {}
    for name, count in COUNTS.items():
        split = "val" if name == "cityscapes" else "train"
        said = {"dataset": name, "split": split, "image_size": (64, 32), "label_size": (64, 32)}
        sets[name] = rng.integers(0, 256, (count, 32, 64, 3), np.uint8)
        with create_h5(tmp_path / f"{name}.h5", PREPARED_SCHEMA, said) as file:
            file.put("image", sets[name])
            file.put("label", np.stack([np.full((32, 64), k, np.uint8) for k in range(count)]))
    sets["label"] = np.stack([np.full((32, 64), k, np.uint8) for k in range(7)])
    sets["label"][2, :, 5:] = np.arange(59) % 19
    with create_h5(tmp_path / "gta5.h5", PREPARED_SCHEMA, said | {"dataset": "gta5", "split": "train"}) as file:
        file.put("image", sets["gta5"])
        file.put("label", sets["label"])
    trained(tmp_path)
    return settings, sets


def written(settings, folder, **changes):
    """The arrays."""
    files = {"prepared": "gta5.h5", "paintings": "painters.h5", "target": "cityscapes.h5"} | changes
    paths = {name: folder / file for name, file in files.items()}
    write_stylisation(settings, "ash", folder, WEIGHTS, out=folder / "stylisation.npz", **paths)
    return read_stylisation(folder / "stylisation.npz")


def pixels(image: torch.Tensor) -> np.ndarray:
    """As a PNG would hold it."""
    return to_pixels(image[0]).permute(1, 2, 0).numpy()


def test_each_step_is_the_methods_own(world, tmp_path):
    """Images, paintings, AdaIN and noise as in a method without H, ASH as the training step, maps and prediction of G and H."""
    settings, sets = world
    steps, run = written(settings, tmp_path), load_run(tmp_path, WEIGHTS)
    chosen, paintings = (2, 4, 6), (0, 1, 2, 3, 5)
    np.testing.assert_array_equal(steps["image"], sets["gta5"][list(chosen)])
    np.testing.assert_array_equal(steps["label"], sets["label"][list(chosen)])
    np.testing.assert_array_equal(steps["painting"], sets["painters"][list(paintings)])
    np.testing.assert_array_equal(steps["target"], sets["cityscapes"][[0, 1, 3]])
    pair, s = run.method.stylizer, run.method.settings
    for k, index in enumerate(chosen):
        for j, painting in enumerate(paintings):
            batch = run.batch(sets["gta5"][index], sets["painters"][painting], SEED)
            heads = run.heads(sets["gta5"][index])
            with torch.no_grad():
                x, _ = run.method.hallucinate(batch, run.method.condition(heads, batch))
            np.testing.assert_array_equal(steps["ash"][k, j], pixels(x))
            if j == k:
                for name, form in (("adain", "none"), ("noise", "elementwise_svd")):
                    again = run.batch(sets["gta5"][index], sets["painters"][painting], SEED)
                    np.testing.assert_array_equal(steps[name][k], pixels(stylise(pair, again, s.alpha, form)))
                with torch.no_grad():
                    maps = run.method.hallucinator(run.method.condition(heads, batch), batch.style.shape[2:])
                for name, values in zip(("gamma", "beta"), maps, strict=True):
                    np.testing.assert_allclose(steps[name][k], values[0].abs().mean(0), rtol=1e-5)
                size = (32, 64)
                p = sum(torch.nn.functional.interpolate(h, size, mode="bilinear", align_corners=True) for h in heads)
                assert (steps["prediction"][k] == p.argmax(1)[0].numpy()).mean() > 0.999
    assert len({steps[name][0].tobytes() for name in ("adain", "noise")} | {steps["ash"][0, 0].tobytes()}) == 3


def test_another_sets_images_are_refused(world, tmp_path):
    """The source's held-out images, and paintings in the place of the source."""
    settings, _ = world
    with pytest.raises(DataError, match=r"painters\.h5: dataset painters, wanted gta5"):
        written(settings, tmp_path, prepared="painters.h5")
    with pytest.raises(DataError, match=r"cityscapes\.h5: dataset cityscapes, wanted painters"):
        written(settings, tmp_path, paintings="cityscapes.h5")


@pytest.mark.parametrize("name", ["gta5.h5", "cityscapes.h5", "players.safetensors"])
def test_a_result_is_written_over_none_of_its_inputs(world, tmp_path, name):
    """A slip in --out costs no prepared set and no trained network: one line, and the file stays as it is."""
    before = (tmp_path / name).read_bytes()
    paths = {
        "prepared": tmp_path / "gta5.h5",
        "paintings": tmp_path / "painters.h5",
        "target": tmp_path / "cityscapes.h5",
    }
    with pytest.raises(DataError, match=f"{name}: is the .* itself, wanted another file to write"):
        write_stylisation(world[0], "ash", tmp_path, WEIGHTS, out=tmp_path / name, **paths)
    assert (tmp_path / name).read_bytes() == before
