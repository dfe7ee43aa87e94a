"""Target images: never opened by a row of domain generalisation, and without their labels by a row of adaptation."""

import re
import shutil

import pytest
import torch

from ash import config, methods
from ash.errors import AshError, ConfigError, StoreError
from ash.experiment.build import build_networks
from ash.features.file import FeatureFile
from ash.files.hdf5 import PREPARED_SCHEMA, create_h5, open_h5
from ash.pixels import to_image
from ash.style.rain import statistics_of
from ash.style.stylizer import load_stylizer
from tests.conftest import snakemake
from tests.support.whole import adapting, files_of, generalising, settle_whole, train_here

pytestmark = pytest.mark.workflow
CPU = torch.device("cpu")
TARGETS = ("cityscapes", "mapillary")


@pytest.fixture(scope="module")
def world(built, tmp_path_factory):
    """A copy of the built world from which every trace of the targets is removed, and target images without labels."""
    folder = tmp_path_factory.mktemp("adaptation")
    shutil.copytree(built / "data", folder / "data")
    unlabelled = folder / "unlabelled.h5"
    with open_h5(folder / "data/prepared/cityscapes_val.h5", PREPARED_SCHEMA) as held_out:
        attributes = {name: held_out.attrs[name] for name in ("dataset", "image_size", "label_size")}
        attributes = {name: getattr(value, "tolist", lambda v=value: v)() for name, value in attributes.items()}
        with create_h5(unlabelled, PREPARED_SCHEMA, attributes | {"split": "train"}) as file:
            file.put("image", held_out["image"][:])
    traces = [path for target in TARGETS for path in folder.glob(f"data/**/{target}*")]
    assert len(traces) == 2 * 4  # raw folder, manifest, prepared val and its sidecar, for each target
    for path in traces:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder


def test_generalising_rows_never_open_a_target(world, tmp_path):
    """With all files of the targets gone, every experiment without `target` still trains to its end."""
    settings = settle_whole(tmp_path)
    names = generalising(settings)
    used = {settings.experiment(name).method for name in names}
    assert used >= {
        "source_only", "advent", "maxsquare", "clan", "asm", "domain_randomisation", "ash", "augmentation",
        "random_conv", "advstyle", "gtr", "class_style",
    }  # fmt: skip
    for name in names:
        assert train_here(settings, name, files_of(world / "data", settings, name), tmp_path / name)


@pytest.mark.parametrize("name", ["source_only", "clan", "ash", "synthia_ash"])
def test_runs_without_targets_are_those_with_them(world, built, tmp_path, name):
    """The workflow's own run, made while the targets lay there, has the same weights, history and provenance."""
    settings = config.load(built / "params.yaml")
    train_here(settings, name, files_of(world / "data", settings, name), tmp_path)
    for file in ("model.safetensors", "players.safetensors", "history.csv", "provenance.json"):
        assert (tmp_path / file).read_bytes() == (built / f"results/models/{name}/seed0" / file).read_bytes(), file


def test_adapting_rows_read_no_labels(world, tmp_path):
    """A prepared target file that holds no labels at all trains every experiment that names a target."""
    settings = settle_whole(tmp_path)
    names = adapting(settings)
    assert set(names) >= {"advent_target", "maxsquare_target", "clan_target", "asm_target"}
    for name in names:
        files = files_of(world / "data", settings, name, world / "unlabelled.h5")
        assert train_here(settings, name, files, tmp_path / name)


@pytest.mark.parametrize("name", ["advent_target", "asm_target"])
def test_a_target_file_must_be_given(world, tmp_path, name):
    """Without it, one line that names the experiment and the option."""
    settings = settle_whole(tmp_path)
    with pytest.raises(ConfigError, match=rf"{name}: method \w+ needs --target; give the file"):
        train_here(settings, name, files_of(world / "data", settings, name), tmp_path / name)


def anchor(world, folder, name: str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """ASM's m and q of an experiment and seed."""
    settings = settle_whole(folder)
    files = files_of(world / "data", settings, name, world / "unlabelled.h5")
    experiment = settings.experiment(name)
    method = methods.build(
        experiment, build_networks(experiment, methods.check_experiment(experiment), seed, files, CPU)
    )
    return method, torch.cat([method.mean, method.deviation], 1)


def test_without_a_target_the_anchor_is_a_painting(world, tmp_path):
    """The seed-th one, whatever target file is at hand."""
    for seed in (0, 3):
        method, found = anchor(world, tmp_path, "asm", seed)
        pair = load_stylizer(world / "data/networks/stylizer.safetensors")
        with FeatureFile(world / "data/features/painters.h5", pair.digest) as paintings:
            style = statistics_of(paintings.read([seed]))
        torch.testing.assert_close(found, method.vae.encoder(style))


def test_with_a_target_the_anchor_is_its_first_image(world, tmp_path):
    """Image 0 of the target's file, for every seed."""
    with open_h5(world / "unlabelled.h5", PREPARED_SCHEMA) as file:
        image = to_image(file["image"][:1])
    for seed in (0, 3):
        method, found = anchor(world, tmp_path, "asm_target", seed)
        style = statistics_of(method.stylizer.encode(image))
        torch.testing.assert_close(found, method.vae.encoder(style), rtol=1e-2, atol=1e-3)  # features pass fp16


def test_a_seed_without_a_painting_is_one_line(world, tmp_path):
    """ASM's sixth seed needs a sixth painting."""
    with pytest.raises(StoreError, match=r"painters\.h5: 5 paintings, wanted number 5 for seed 5; cache more"):
        anchor(world, tmp_path, "asm", 5)


def test_a_bank_larger_than_the_paintings_is_one_line(world, tmp_path):
    """K = 15 paintings of 5."""
    settings = settle_whole(tmp_path)
    methods = settings.protocol.methods
    methods["domain_randomisation"]["styles"] = 15
    name = "domain_randomisation"
    with pytest.raises(AshError, match=rf"experiments\.{name}: a bank of 15 paintings, .*painters\.h5 holds 5; lower"):
        train_here(settings, name, files_of(world / "data", settings, name), tmp_path / name)


def test_the_workflow_gives_targets_to_those_that_name_one(tmp_path):
    """Of all files that the rules of training take, none is of a target but for the rows of adaptation.

    Theirs is one, with its sidecar.

    What those files are made from is no target's either: no features of a target are cached, and the VAE and the pair
    come from paintings and weights.
    """
    settings = settle_whole(tmp_path)
    text = snakemake(tmp_path, "-n", "everything")
    inputs = {}
    for rule, body in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", text, re.M):
        files = re.search(r"input: (.*)", body)
        of_targets = (
            {f for f in files[1].split(", ") if any(t in f and "ash/" not in f for t in TARGETS)} if files else set()
        )
        if rule in ("features", "rain", "stylizer"):
            assert not of_targets, body
        if rule == "train":
            inputs[re.search(r"experiment=(\w+)", body)[1]] = of_targets
    assert set(inputs) == set(settings.params.experiments)
    for name in generalising(settings):
        assert inputs[name] == set(), name
    for name in [*adapting(settings), "oracle", "synthia_oracle"]:  # the oracles' source is a target
        assert inputs[name] == {f"data/prepared/cityscapes_train.{kind}" for kind in ("h5", "json")}, name
