"""What a run reads must be what its settings name."""

from contextlib import ExitStack

import numpy as np
import pytest
import torch

from ash.cli.style import rain
from ash.config import load
from ash.errors import CheckpointError, ConfigError, DataError
from ash.experiment.build import build_feed
from ash.experiment.evaluate import evaluate_file, evaluate_run
from ash.experiment.inputs import RunFiles
from ash.experiment.origin import check_files, check_prepared, digests
from ash.experiment.train import MADE, train_run
from ash.files.hdf5 import FEATURES_SCHEMA, PREPARED_SCHEMA, create_h5
from ash.methods import check_experiment
from tests.conftest import ROOT, settle

SOUND = {"dataset": "gta5", "split": "train", "image_size": (64, 32), "label_size": (64, 32)}


@pytest.fixture
def settings(tmp_path):
    """The tiny protocol."""
    return load(settle(tmp_path) / "params.yaml")


def prepared(path, label=0, **changes):
    """Four images of noise, all of one class, said to be of a set."""
    with create_h5(path, PREPARED_SCHEMA, SOUND | changes) as file:
        file.put("image", np.random.default_rng(0).integers(0, 256, (4, 32, 64, 3), np.uint8))
        file.put("label", np.full((4, 32, 64), label, np.uint8))
        file.put("id", np.array([b"%05d" % k for k in range(4)]))
    return path


OTHERS = [
    ({"dataset": "synthia"}, "dataset synthia, wanted gta5"),
    ({"split": "val"}, "split val, wanted train"),
    ({"image_size": (32, 16)}, r"image_size \[32, 16\], wanted \[64, 32\]"),
    ({"label_size": (640, 320)}, r"label_size \[640, 320\], wanted \[64, 32\]"),
]


@pytest.mark.parametrize(("changes", "told"), OTHERS)
def test_a_training_refuses_another_sets_file(tmp_path, settings, changes, told):
    """Another set, its held-out images, or another protocol's sizes: one line, and nothing is written."""
    files = RunFiles(prepared=prepared(tmp_path / "p.h5", **changes))
    with pytest.raises(DataError, match=rf"p\.h5: {told}; give that set's file"):
        train_run(settings, "source_only", 0, files, tmp_path / "run", tmp_path / "resume.pt")
    assert not (tmp_path / "run").exists()


def test_a_file_that_does_not_say_what_it_is_is_refused(tmp_path, settings):
    """`ash prepare` always says."""
    with create_h5(tmp_path / "p.h5", PREPARED_SCHEMA, {}):
        pass
    with pytest.raises(DataError, match="dataset not stated, wanted gta5"):
        check_prepared(settings, tmp_path / "p.h5", "gta5", "train")


def test_an_evaluation_refuses_another_sets_file(tmp_path, settings):
    """By the name that the target is given, which must be one of the protocol's sets."""
    path = prepared(tmp_path / "p.h5", split="val")
    outs = tmp_path / "model", path, tmp_path / "o.json", tmp_path / "o.npz"
    with pytest.raises(DataError, match="dataset gta5, wanted cityscapes"):
        evaluate_run(settings, "source_only", 0, "cityscapes", *outs)
    with pytest.raises(ConfigError, match="given as data set '../x'; known: gta5"):
        evaluate_run(settings, "source_only", 0, "../x", *outs)
    with pytest.raises(DataError, match="dataset gta5, wanted synthia"):
        evaluate_file(settings, tmp_path / "model", "synthia", *outs[1:])


@pytest.mark.parametrize("name", ["style", "content"])
def test_features_of_another_set_are_refused(tmp_path, settings, name):
    """Features of the source in the place of those of the paintings, and the other way round."""
    given = {"style": "gta5", "content": "painters"}[name]
    with create_h5(tmp_path / "f.h5", FEATURES_SCHEMA, SOUND | {"dataset": given}):
        pass
    experiment = settings.experiment("ash")
    files = RunFiles(prepared=prepared(tmp_path / "p.h5"), **{name: tmp_path / "f.h5"})
    with pytest.raises(DataError, match=rf"f\.h5: dataset {given}, wanted"):
        check_files(settings, experiment, check_experiment(experiment), files)


def test_held_out_images_train_where_all_do(tmp_path, settings):
    """`images: all` asks for their file, which must be of the split val, and adds them to the others."""
    experiment = settings.experiment("source_only")
    every = experiment.model_copy(update={"training": experiment.training.model_copy(update={"images": "all"})})
    train, val = prepared(tmp_path / "t.h5"), prepared(tmp_path / "v.h5", 1, split="val")
    counts = []
    for chosen, files in (
        (experiment, RunFiles(prepared=train, withheld=val)),
        (every, RunFiles(prepared=train, withheld=val)),
    ):
        needs = check_experiment(chosen)
        check_files(settings, chosen, needs, files)
        assert ("withheld" in digests(chosen, needs, files)) == needs.withheld
        with ExitStack() as stack:
            feed = build_feed(chosen, needs, 0, files, None, torch.device("cpu"), stack)
            counts.append([int(label[0, 0]) for label in feed.labels])
    assert counts == [[0] * 4, [0] * 4 + [1] * 4]
    with pytest.raises(ConfigError, match="needs --withheld"), ExitStack() as stack:
        build_feed(every, check_experiment(every), 0, RunFiles(prepared=train), None, torch.device("cpu"), stack)
    with pytest.raises(DataError, match="split train, wanted val"):
        check_files(settings, every, check_experiment(every), RunFiles(prepared=train, withheld=train))


class Kill(Exception):
    """Raised in the place of a kill."""


@pytest.mark.parametrize("change", ["labels", "nothing"])
def test_a_killed_training_goes_on_over_the_same_data_only(tmp_path, settings, change):
    """Labels made anew meanwhile are refused in one line; the same file made anew is the same data."""

    def stop(done, total):
        if done == 2:
            raise Kill

    files = RunFiles(prepared=prepared(tmp_path / "p.h5"))
    told = settings.with_iterations("source_only", 3), "source_only", 0, files, tmp_path / "run", tmp_path / "resume.pt"
    with pytest.raises(Kill):
        train_run(*told, stop)
    prepared(tmp_path / "p.h5", label=3 if change == "labels" else 0)
    if change == "labels":
        with pytest.raises(CheckpointError, match="written by a training with another prepared; delete it"):
            train_run(*told)
    else:
        train_run(*told)
        assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
            "history.csv",
            "model.safetensors",
            "players.safetensors",
            "provenance.json",
        ]


@pytest.mark.parametrize("name", MADE)
def test_a_resume_file_has_the_name_of_no_result(tmp_path, name):
    """The file is removed at the end of a training, which would be left without that result: one line at once."""
    files = RunFiles(prepared=tmp_path / "none.h5")
    with pytest.raises(ConfigError, match=f"{name}: is the name of a result"):
        train_run(load(ROOT / "params.yaml"), "source_only", 0, files, tmp_path / "run", tmp_path / "run" / name)
    assert list(tmp_path.iterdir()) == []


def test_the_vae_of_styles_is_fitted_on_paintings_alone(tmp_path, settings):
    """Features of the source would give ASM a VAE of another world's styles: one line, and no file."""
    with create_h5(
        tmp_path / "gta5.h5", FEATURES_SCHEMA, {"dataset": "gta5", "split": "train", "image_size": (64, 32)}
    ):
        pass
    files = {"style": tmp_path / "gta5.h5", "stylizer": tmp_path / "none", "out": tmp_path / "rain.safetensors"}
    with pytest.raises(DataError, match="features of gta5, wanted those of painters"):
        rain(**files, params=tmp_path / "params.yaml")
    assert not files["out"].exists()
