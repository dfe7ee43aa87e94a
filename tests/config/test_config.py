"""What is wrong with settings is said in one line each, before anything runs."""

import shutil
from pathlib import Path

import pytest
import yaml

from ash import config, methods
from ash.errors import ConfigError
from ash.weights.model import run_digest
from tests.conftest import ROOT, ash, settle


@pytest.fixture
def folder(tmp_path):
    """The tiny settings, to be spoilt."""
    return settle(tmp_path)


def change(path: Path, edit) -> None:
    """Apply a function to a YAML file."""
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(yaml.safe_dump(content))


FAULTS = [
    ("params.yaml", lambda c: c.update(seed=[0]), "seed: unknown key; check its spelling"),
    ("params.yaml", lambda c: c.update(seeds="zero"), "seeds: found 'zero'"),
    ("params.yaml", lambda c: c.update(seeds=[-1]), "seeds.0: found -1"),
    (
        "params.yaml",
        lambda c: c["experiments"]["ash"].update(source="kitti"),
        "experiments.ash.source: 'kitti' is not a data set of protocols/tiny.yaml; known: ",
    ),
    (
        "params.yaml",
        lambda c: c["experiments"]["ash"].update(target="kitti"),
        "experiments.ash.target: 'kitti' is not a data set of protocols/tiny.yaml; known: ",
    ),
    (
        "params.yaml",
        lambda c: c["experiments"]["ash"].update(tables={"table9": None}),
        "'table9' is unknown; known: table1",
    ),
    (
        "params.yaml",
        lambda c: c.update(more_experiments={"ash": c["experiments"]["ash"]}),
        "more_experiments: ash also in experiments; keep one of the two",
    ),
    (
        "params.yaml",
        lambda c: c.update(more_experiments={"far": {**c["experiments"]["ash"], "tables": {"table1": None}}}),
        "more_experiments.far: in table1, which the default target builds; move it to `experiments`",
    ),
    (
        "params.yaml",
        lambda c: c.update(more_experiments={"far": c["experiments"].pop("synthia_ash") | {"tables": {}}}),
        "figures.figure3: 'synthia_ash' is unknown",
    ),
    ("params.yaml", lambda c: c["figures"].update(figure3={"ASH": "aash"}), "figures.figure3: 'aash' is unknown"),
    ("params.yaml", lambda c: c["tables"]["table1"].update(reference="source_only"), "tables.table1.reference"),
    (
        "params.yaml",
        lambda c: c.update(targets=["cityscapes", "kitti"]),
        "targets: 'kitti' is not a data set of protocols/tiny.yaml; known: gta5",
    ),
    (
        "protocols/tiny.yaml",
        lambda c: c["datasets"].pop("mapillary"),
        "targets: 'mapillary' is not a data set of protocols/tiny.yaml; known: cityscapes, gta5",
    ),
    (
        "protocols/tiny.yaml",
        lambda c: c.update(targets=["kitti"]),
        "targets: 'kitti' is not a data set of protocols/tiny.yaml; known: cityscapes, gta5",
    ),
    (
        "params.yaml",
        lambda c: c["tables"]["table2"].update(targets=["gta5"]),
        "tables.table2.targets: 'gta5' is unknown; known: cityscapes, mapillary, source",
    ),
    ("params.yaml", lambda c: c.update(protocol="huge"), "huge.yaml: missing"),
    ("protocols/tiny.yaml", lambda c: c["training"].update(iterations=0), "training.iterations: found 0"),
    ("protocols/tiny.yaml", lambda c: c["training"].pop("batch"), "training.batch: missing; state it"),
    ("protocols/tiny.yaml", lambda c: c["segmenter"].update(kind="large"), "segmenter.kind: found 'large'"),
    ("protocols/tiny.yaml", lambda c: c["stylizer"].update(storage="gzip"), "stylizer.storage: found 'gzip'"),
]


@pytest.mark.parametrize(("file", "edit", "line"), FAULTS, ids=[line for _, _, line in FAULTS])
def test_faults_of_sections(folder, file, edit, line):
    """Unknown key, wrong type, out of range, unknown name: found by `load`, one line that names the key."""
    change(folder / file, edit)
    with pytest.raises(ConfigError) as error:
        config.load(folder / "params.yaml")
    assert [text for text in str(error.value).splitlines() if line in text]


def test_more_experiments_are_known_and_not_standard(folder):
    """An entry of `more_experiments` is resolved like any other; the default target does not train it."""
    change(folder / "params.yaml", lambda c: c.update(more_experiments={"far": {"recipe": "ash", "source": "gta5"}}))
    settings = config.load(folder / "params.yaml")
    assert settings.experiment("far").source == "gta5"
    assert set(settings.params.standard) == {"source_only", "clan", "ash", "synthia_ash"}


def test_all_faults_are_listed(folder):
    """Two misspelt keys are two lines."""
    change(folder / "params.yaml", lambda c: c.update(sed=1, targts=2))
    with pytest.raises(ConfigError) as error:
        config.load(folder / "params.yaml")
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            {"recipe": "clan", "against": "target"},
            "experiments.clan: method clan needs images of a target, none is named",
        ),
        ({"recipe": "clan", "target": "cityscapes"}, "target 'cityscapes' is never used by method clan"),
        ({"recipe": "source_only", "target": "cityscapes"}, "is never used by method source_only; remove it"),
    ],
)
def test_targets_are_named_where_they_are_used(folder, edit, line):
    """A method of adaptation without a target, and a target that no method looks at, stop before any job."""
    change(folder / "params.yaml", lambda c: c["experiments"]["clan"].update(edit))
    settings = config.load(folder / "params.yaml")
    with pytest.raises(ConfigError) as error:
        methods.check_experiment(settings.experiment("clan"))
    assert line in str(error.value)


def test_a_training_of_ones_own(folder):
    """`training` of an experiment changes what it names, deep down, and leaves the rest as the protocol has it."""
    edit = {"training": {"optimisers": {"segmenter": {"backbone_multiplier": 3.0}}}}
    change(folder / "params.yaml", lambda c: c["experiments"]["ash"].update(edit))
    settings = config.load(folder / "params.yaml")
    own, plain = settings.experiment("ash").training, settings.experiment("clan").training
    assert own.optimisers["segmenter"].backbone_multiplier == 3.0
    assert own.optimisers["segmenter"].lr == plain.optimisers["segmenter"].lr
    assert own.optimisers["discriminator"] == plain.optimisers["discriminator"]
    assert own.iterations == plain.iterations


def test_a_misspelt_training_key_is_named(folder):
    """With the experiment that holds it."""
    change(folder / "params.yaml", lambda c: c["experiments"]["ash"].update(training={"iteratons": 3}))
    with pytest.raises(ConfigError, match=r"experiments\.ash\.training: 1 fault\(s\)\n  iteratons: unknown key"):
        config.load(folder / "params.yaml").experiment("ash")


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ({"lamda_adv": 0.1}, "experiments.ash: method ash: 1 fault(s)\n  lamda_adv: unknown key"),
        ({"alpha": 2}, "alpha: found 2"),
        ({"recipe": "ahs"}, "method 'ahs' is not a file in ash/methods; known: advent, advstyle, ash"),
        ({"condition": "guess"}, "condition: found 'guess'"),
    ],
)
def test_faults_of_methods(folder, edit, line):
    """A method's own settings are checked too, and the message names the experiment."""
    change(folder / "params.yaml", lambda c: c["experiments"]["ash"].update(edit))
    settings = config.load(folder / "params.yaml")
    with pytest.raises(ConfigError) as error:
        methods.check_experiment(settings.experiment("ash"))
    assert line in str(error.value)


def test_other_iterations_are_another_run(folder):
    """All else is as stated, the other experiments too; the digest tells a short run from the stated one."""
    settings = config.load(folder / "params.yaml")
    short = settings.with_iterations("ash", 5)
    stated, changed = settings.experiment("ash"), short.experiment("ash")
    assert changed.training == stated.training.model_copy(update={"iterations": 5})
    assert changed.model_copy(update={"training": stated.training}) == stated
    assert short.experiment("clan") == settings.experiment("clan")
    assert run_digest(changed, 0) != run_digest(stated, 0)
    with pytest.raises(ConfigError, match="'assh' is not in params.yaml"):
        settings.with_iterations("assh", 5)


def test_a_protocol_adds_targets_of_its_own(folder):
    """They follow those of params.yaml, one that stands in both counts once, and a table may name them."""
    change(folder / "protocols/tiny.yaml", lambda c: c.update(targets=["synthia", "mapillary"]))
    change(folder / "params.yaml", lambda c: c["tables"]["table2"].update(targets=["synthia"]))
    settings = config.load(folder / "params.yaml")
    assert settings.targets == ("cityscapes", "mapillary", "synthia")


def test_targets_of_one_protocol_are_not_those_of_another(folder):
    """A second protocol without `targets` has those of params.yaml alone."""
    shutil.copy(folder / "protocols/tiny.yaml", folder / "protocols/other.yaml")
    change(folder / "protocols/tiny.yaml", lambda c: c.update(targets=["synthia"]))
    assert config.load(folder / "params.yaml", "other").targets == ("cityscapes", "mapillary")


def test_an_unknown_experiment_is_refused(folder):
    """One line that names those there are."""
    with pytest.raises(ConfigError, match="'assh' is not in params.yaml; known: source_only, clan, ash"):
        config.load(folder / "params.yaml").experiment("assh")


def test_the_command_line_says_it_in_one_line(folder):
    """Exit code 2, the message, and no traceback."""
    change(folder / "params.yaml", lambda c: c["experiments"]["ash"].update(lamda_adv=0.1))
    result = ash(folder, "check", check=False)
    assert result.returncode == 2
    assert "lamda_adv: unknown key" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [("check",), ("table", "table1", "--results", ".", "--out", "made")])
def test_a_row_that_the_paper_lacks_stops_a_command(folder, command):
    """`ash check` and `ash table` name the experiment, the table and the row in one line, and write nothing."""
    change(folder / "params.yaml", lambda c: c["experiments"]["ash"]["tables"].update(table1="ahs"))
    result = ash(folder, *command, check=False)
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if "'ahs' is not a row of the paper's table1; known: " in line]
    assert len(lines) == 1
    assert lines[0].strip().startswith("experiments.ash.tables.table1: ")
    assert not (folder / "made").exists()


def test_numbers_are_looked_up_in_order(folder):
    """The experiment's own value, then the protocol's, then params.yaml's."""
    change(folder / "protocols/tiny.yaml", lambda c: c.update(methods={"ash": {"lambda_adv": 0.3, "alpha": 0.9}}))
    settings = config.load(folder / "params.yaml")
    assert settings.experiment("synthia_ash").settings["lambda_adv"] == 0.2
    assert settings.experiment("ash").settings["lambda_adv"] == 0.3
    assert settings.experiment("ash").settings["alpha"] == 0.9
    assert settings.experiment("ash").settings["epsilon"] == 0.4


@pytest.mark.parametrize("protocol", ["miniature", "paper"])
def test_both_protocols_serve_every_experiment(tmp_path, protocol):
    """One word in params.yaml switches scale, and every method finds all of its settings."""
    (tmp_path / "protocols").symlink_to(ROOT / "protocols")
    text = (ROOT / "params.yaml").read_text().replace("protocol: miniature", f"protocol: {protocol}")
    (tmp_path / "params.yaml").write_text(text)
    settings = config.load(tmp_path / "params.yaml")
    assert settings.params.protocol == protocol
    for name in settings.params.experiments:
        methods.check_experiment(settings.experiment(name))


def test_a_map_is_as_large_as_the_source():
    """D's maps of GTA5 and SYNTHIA at the paper's scale; a stated size is that of every source."""
    paper, miniature = (config.load(ROOT / "params.yaml", name) for name in ("paper", "miniature"))
    assert paper.experiment("ash").discriminator.map_size == (1280, 720)
    assert paper.experiment("synthia_ash").discriminator.map_size == (1280, 760)
    assert miniature.experiment("ash").discriminator == miniature.experiment("synthia_ash").discriminator
