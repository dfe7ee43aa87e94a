"""The workflow on a tiny protocol: what is built, what reruns after an edit, what a kill costs."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from safetensors import safe_open

from ash.style.stylizer import load_stylizer
from tests.conftest import ROOT, ash, settle, snakemake
from workflow.bridge.recording import begin
from workflow.closure import closure

pytestmark = pytest.mark.workflow
MODEL, SCORES = "results/models/{}/seed0", "results/scores/{}/seed0"


@pytest.fixture
def copy(built, tmp_path):
    """A copy of the built world that a test may change; contents decide what reruns, so times do not matter."""
    folder = tmp_path / "world"
    shutil.copytree(built, folder)
    return folder


def planned(text: str) -> set[str]:
    """The jobs of a dry run: rule and, for runs and tables, the experiment or table."""
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", text, re.M)
    names = set()
    for rule, body in jobs:
        found = re.search(r"(?:experiment|table|dataset)=(\w+)", body)
        names.add(f"{rule} {found[1]}" if found else rule)
    return names


def test_everything_is_built(built):
    """Runs, tables, figures, metrics and the report."""
    for name in ("source_only", "clan", "ash", "synthia_ash"):
        for file in ("model.safetensors", "players.safetensors", "history.csv", "provenance.json"):
            assert (built / MODEL.format(name) / file).stat().st_size > 0
        for file in ("cityscapes.json", "mapillary.npz"):
            assert (built / SCORES.format(name) / file).stat().st_size > 0
        assert not (built / f"results/resume/{name}/seed0.pt").exists()
    figures = [f"figures/figure{k}.png" for k in (1, 2, 3, 4)]
    for file in ("tables/table1.md", "tables/table2_classes.csv", "figures/figure4.csv", *figures):
        assert (built / "results" / file).stat().st_size > 0
    page = (built / "results/report.html").read_text()
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)
    assert page.count("data:image/png;base64,") == 9
    metrics = json.loads((built / "results/metrics.json").read_text())
    run = json.loads((built / SCORES.format("ash") / "cityscapes.json").read_text())
    assert metrics["ash"]["cityscapes"]["miou19"] == round(100 * run["miou"]["19"], 4)


def test_nothing_is_left_to_do(built):
    """A dry run right after the build, and after every time stamp was changed."""
    assert "Nothing to be done" in snakemake(built, "-n")
    for path in [*built.rglob("*.h5"), *built.rglob("*.safetensors")]:
        path.touch()
    assert "Nothing to be done" in snakemake(built, "-n")


def test_one_changed_setting_reruns_one_experiment(copy):
    """lambda_adv of synthia_ash: its training, its scores, its tables, and what shows all of them."""
    text = (copy / "params.yaml").read_text()
    assert "lambda_adv: 0.2" in text
    (copy / "params.yaml").write_text(text.replace("lambda_adv: 0.2", "lambda_adv: 0.7"))
    jobs = planned(snakemake(copy, "-n"))
    assert jobs == {
        "train synthia_ash", "evaluate synthia_ash", "table table2", "figures", "metrics", "plots", "report", "all",
    }  # fmt: skip
    before = {name: (copy / MODEL.format(name) / "model.safetensors").read_bytes() for name in ("ash", "synthia_ash")}
    snakemake(copy)
    assert (copy / MODEL.format("ash") / "model.safetensors").read_bytes() == before["ash"]
    assert (copy / MODEL.format("synthia_ash") / "model.safetensors").read_bytes() != before["synthia_ash"]
    assert "Nothing to be done" in snakemake(copy, "-n")


def edit(path) -> None:
    """Change the content of a module and nothing of what it does."""
    path.write_text(path.read_text() + "\n# edited\n")


def test_an_edited_method_reruns_its_own_experiments(copy):
    """clan.py: the training of clan, its scores, what shows them, and what a step of it costs."""
    edit(copy / "ash/methods/clan.py")
    assert planned(snakemake(copy, "-n")) == {
        "train clan", "evaluate clan", "table table1", "table table5", "figures", "metrics", "plots", "measure_cost", "cost",
        "answer_claims", "forest", "report", "all",
    }  # fmt: skip


def test_edited_scores_train_nothing(copy):
    """evaluation.py: every run is scored again, none is trained again."""
    edit(copy / "ash/evaluation/scores.py")
    jobs = planned(snakemake(copy, "-n"))
    assert {"evaluate source_only", "evaluate clan", "evaluate ash", "evaluate synthia_ash"} <= jobs
    assert not any(job.startswith(("train", "draw", "prepare", "features", "stylizer")) for job in jobs)


def test_an_edited_dataset_leaves_the_others(copy):
    """synthia.py: SYNTHIA is drawn and prepared again, GTA5 is not."""
    edit(copy / "ash/datasets/synthia.py")
    jobs = planned(snakemake(copy, "-n"))
    assert {"draw_miniature synthia", "prepare synthia", "features synthia", "train synthia_ash"} <= jobs
    assert not {"draw_miniature gta5", "prepare gta5", "features gta5", "train ash"} & jobs


def test_the_command_line_is_no_input(copy):
    """What `ash` prints does not change what was made."""
    edit(copy / "ash/cli/train.py")
    assert "Nothing to be done" in snakemake(copy, "-n")


@pytest.mark.parametrize(
    "step", ["ash.experiment.train", "ash.experiment.evaluate", "ash.preparation.prepare", "ash.report.page"]
)
def test_closures_are_complete(step):
    """All of the package that a step imports is in its closure, but for the settings."""
    script = f"import {step}, sys; print(*[m for m in sys.modules if m.split('.')[0] == 'ash'])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    files = {os.path.abspath(path) for path in closure(step)}
    for module in result.stdout.split():
        if not module.startswith(("ash.config", "ash.cli")):
            base = ROOT.joinpath(*module.split("."))
            assert {str(base.with_suffix(".py")), str(base / "__init__.py")} & files, module


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("lambda_adv: 0.2", "lamda_adv: 0.2", "lamda_adv: unknown key"),
        (
            "table1: ash",
            "table1: ahs",
            "experiments.ash.tables.table1: 'ahs' is not a row of the paper's table1; known: ",
        ),
        (
            "targets: [cityscapes, mapillary]",
            "targets: [cityscapes, mapilary]",
            "targets: 'mapilary' is not a data set of",
        ),
    ],
)
def test_bad_settings_stop_before_any_job(tmp_path, right, wrong, line):
    """A misspelt key, row of the paper or set ends `snakemake -n` with one line about it, and no folder is made."""
    folder = settle(tmp_path)
    text = (folder / "params.yaml").read_text()
    assert right in text
    (folder / "params.yaml").write_text(text.replace(right, wrong, 1))
    output = snakemake(folder, "-n", check=False)
    assert len([text for text in output.splitlines() if line in text]) == 1
    assert "Traceback" not in output
    assert not (folder / "data").exists()


def test_names_are_quoted_and_errors_are_shown(tmp_path):
    """Below a folder with a space, a file name that holds a command is only a name; a job's error is on the terminal."""
    folder = tmp_path / "my projects"
    folder.mkdir()
    settle(folder)
    protocol, weights = folder / "protocols/tiny.yaml", "a $(touch hit) b.safetensors"
    text = protocol.read_text().replace("ash/style/weights/miniature.safetensors", weights)
    protocol.write_text(text)
    (folder / weights).write_text("no weights")
    output = snakemake(folder, "data/networks/stylizer.safetensors", check=False)
    assert f"ash: {weights}: " in output
    shutil.copy(ROOT / "ash/style/weights/miniature.safetensors", folder / weights)
    snakemake(folder, "data/networks/stylizer.safetensors")
    assert (folder / "data/networks/stylizer.safetensors").exists()
    assert not (folder / "hit").exists()


def tensors(path) -> dict[str, bytes]:
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118  not a mapping


def train_command(name: str) -> list[str]:
    return [
        "train", name, "--seed", "0", "--prepared", "data/prepared/gta5_train.h5", "--stylizer",
        "data/networks/stylizer.safetensors", "--style", "data/features/painters.h5", "--content", "data/features/gta5.h5",
        "--out", "again", "--resume", "again.pt",
    ]  # fmt: skip


def test_training_twice_gives_the_same_bytes(copy):
    """The same settings and seed: equal model, history and provenance files."""
    ash(copy, *train_command("ash"))
    for file in ("model.safetensors", "players.safetensors", "history.csv", "provenance.json"):
        assert (copy / "again" / file).read_bytes() == (copy / MODEL.format("ash") / file).read_bytes()


def test_encoding_on_the_fly_gives_the_same_run(copy):
    """Without cached content features the source is encoded in every step, with the same history."""
    command = train_command("clan")
    cut = command.index("--content")
    ash(copy, *command[:cut], *command[cut + 2 :])
    histories = [(copy / folder / "history.csv").read_text() for folder in ("again", MODEL.format("clan"))]
    rows = [[float(value) for value in text.splitlines()[1].split(",")] for text in histories]
    assert rows[0] == pytest.approx(rows[1], rel=1e-3)


def test_a_killed_run_ends_as_if_never_stopped(copy):
    """SIGKILL at several random moments, then on to the end: the same weights and history, bit for bit.

    A kill leaves at most one temporary file behind, a run that ends by itself none.
    The tiny protocol saves after every step, so each kill may also hit the middle of a write.
    """
    rng, kills = random.Random(0), 0
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ash.cli", *train_command("ash")]
    for _ in range(4):
        process = subprocess.Popen(
            command, cwd=copy, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        resume, seen = copy / "again.pt", None
        while process.poll() is None and (not resume.exists() or resume.stat().st_mtime_ns == seen):
            seen = seen or (resume.stat().st_mtime_ns if resume.exists() else None)
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.15))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 2
    ash(copy, *train_command("ash"))
    expected = copy / MODEL.format("ash")
    assert tensors(copy / "again/model.safetensors") == tensors(expected / "model.safetensors")
    assert (copy / "again/history.csv").read_text() == (expected / "history.csv").read_text()
    assert len(list((copy / "again").glob(".*.tmp"))) <= kills


def test_a_model_of_other_settings_is_refused(copy):
    """Scoring clan's model as ash's stops with one line."""
    shutil.copy(copy / MODEL.format("clan") / "model.safetensors", copy / MODEL.format("ash"))
    target = "cityscapes=data/prepared/cityscapes_val.h5"
    model = MODEL.format("ash") + "/model.safetensors"
    command = ("evaluate", "ash", "--seed", "0", "--model", model, "--out", "scores", "--target", target)
    result = ash(copy, *command, check=False)
    assert result.returncode == 2
    assert re.search(r"model\.safetensors: trained under settings \w{12}, wanted \w{12}", result.stderr)
    assert "Traceback" not in result.stderr


def test_features_of_another_stylizer_are_refused(copy):
    """A feature file remembers the pair that made it."""
    path = copy / "data/networks/stylizer.safetensors"
    pair = load_stylizer(path)
    next(pair.encoder.parameters()).data.add_(1e-3)
    pair.save(path)
    result = ash(copy, *train_command("clan"), check=False)
    assert result.returncode == 2
    assert "made from stylizer" in result.stderr


def test_pictures_of_ones_own(copy):
    """`ash stylise`, with and without a run, and `ash predict` write a PNG of the image's size."""
    from PIL import Image

    image, painting = copy / "data/miniature/gta5/images/00001.png", copy / "data/miniature/painters/train/1.jpg"
    pair = str(copy / "data/networks/stylizer.safetensors")
    ash(copy, "stylise", str(image), str(painting), "--stylizer", pair, "--out", "stylised.png")
    run = copy / MODEL.format("ash")
    ash(copy, "stylise", str(image), str(painting), "--run", str(run), "--stylizer", pair, "--out", "hallucinated.png")
    ash(copy, "predict", str(image), "--model", str(run / "model.safetensors"), "--out", "predicted.png")
    assert (copy / "hallucinated.png").read_bytes() != (copy / "stylised.png").read_bytes()
    for name in ("stylised.png", "hallucinated.png", "predicted.png"):
        with Image.open(copy / name) as picture:
            assert picture.size == (64, 32)


def test_a_text_file_is_not_an_image(copy):
    """One line, exit code 2."""
    result = ash(
        copy,
        "predict",
        "params.yaml",
        "--model",
        str(copy / MODEL.format("ash") / "model.safetensors"),
        "--out",
        "x.png",
        check=False,
    )
    assert result.returncode == 2
    assert "params.yaml: not a readable image" in result.stderr


@pytest.mark.parametrize(("name", "link"), [("results", False), ("data", True), ("logs", True), ("benchmarks", False)])
def test_a_file_in_the_place_of_a_folder(tmp_path, name, link):
    """A file, or a link to nothing: one line names it, and nothing is made."""
    folder = settle(tmp_path)
    (folder / name).symlink_to("nowhere") if link else (folder / name).touch()
    output = snakemake(folder, "-n", check=False)
    what = "a link to nothing" if link else "a file"
    assert f"ash: {name}: {what}, and the workflow makes a folder of that name; move it away" in output.splitlines()
    assert "Traceback" not in output


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    """Before the first job: one line, no traceback of Snakemake's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: path != "logs")
    with pytest.raises(SystemExit, match="ash: logs: cannot be written; fix permissions"):
        begin("params.yaml")
