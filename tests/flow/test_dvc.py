"""Snakemake and DVC share one pipeline: each test is a story of docs/guide/dvc.md, in a throw-away repository.

A built repository is made once; tests that change it work on a copy.
"""

import json
import shutil
import subprocess
import sys
import time

import psutil
import pytest
import yaml

from tests.conftest import ROOT
from tests.flow.test_workflow import planned
from tests.support.repository import DRY, Repository, create, ran
from workflow.bridge.records import record_of

pytestmark = pytest.mark.dvc
MODEL = "results/models/{}/seed0/model.safetensors"
DOWNSTREAM = {"evaluate@ash", "tables", "figures", "report"}  # of train@ash


@pytest.fixture
def copy(recorded, tmp_path):
    """A copy of the built repository, its history and its cache."""
    original, _ = recorded
    shutil.copytree(original.folder, tmp_path / "checkout")
    return Repository(tmp_path / "checkout", tmp_path / "home")


def test_a_fresh_build_is_recorded(recorded):
    """`snakemake` builds all; its end hook records every stage; then neither engine has work, nor has git."""
    repository, output = recorded
    assert f"recorded in dvc.lock: {len(repository.stages())} stage(s)" in output
    repository.assert_clean()
    assert repository.run("git", "status", "--porcelain") == ""


def test_every_stage_bundles_its_records(recorded):
    """A bundle for each stage holds Snakemake's record of each of its files, and no stage depends on a bundle."""
    repository, _ = recorded
    stages = repository.lock()
    for name, stage in stages.items():
        files = {str(f) for out in stage["outs"] for f in files_of(repository, out["path"])}
        if name != "settings":
            bundle = f"results/records/{name}.json"
            records = json.loads((repository / bundle).read_text())
            assert set(records) == files - {bundle}
            assert all(
                json.loads((repository / record_of(output)).read_text()) == records[output] for output in records
            )
        assert not any(dep["path"].startswith("results/records") for dep in stage.get("deps", []))


def files_of(repository, path):
    """A file, or those in a folder, relative to the repository."""
    whole = repository / path
    return [p.relative_to(repository.folder) for p in ([whole] if whole.is_file() else whole.rglob("*")) if p.is_file()]


def test_recording_twice_changes_nothing(copy):
    """No bundle is written again, and dvc.lock keeps its bytes."""
    bundles = {path: path.stat().st_mtime_ns for path in (copy / "results/records").iterdir()}
    lock = (copy / "dvc.lock").read_bytes()
    assert "recorded in dvc.lock: 0 stage(s)" in copy.run("ash", "dvc-record")
    assert {path: path.stat().st_mtime_ns for path in (copy / "results/records").iterdir()} == bundles
    assert (copy / "dvc.lock").read_bytes() == lock


def test_newer_records_are_not_overwritten(copy):
    """What a run of Snakemake left without DVC stays when the Snakefile is read again, and also after `git checkout`."""
    copy.edit("params.yaml", "lambda_adv: 0.2", "lambda_adv: 0.7")
    (copy / ".dvc").rename(copy / "aside")  # so that nothing is recorded
    copy.run("snakemake", "--nocolor")
    (copy / "aside").rename(copy / ".dvc")
    copy.run("git", "commit", "--quiet", "--all", "--message", "another weight")
    copy.run("git", "checkout", "--quiet", "HEAD~1")
    assert {job for job in planned(copy.run("snakemake", *DRY)) if job.startswith("train")} == {"train ash"}
    copy.run("git", "checkout", "--quiet", "main")
    assert "Nothing to be done" in copy.run("snakemake", *DRY)
    copy.run("ash", "dvc-record")
    copy.assert_clean()


def test_a_part_is_recorded_when_the_whole_is_there(tmp_path):
    """One prepared file from nothing: its folder is not whole, so nothing made from it is recorded, and nothing fails."""
    repository = create(tmp_path / "checkout", tmp_path / "home")
    output = repository.run("snakemake", "--nocolor", "data/prepared/gta5_train.h5")
    assert "recorded in dvc.lock: 1 stage(s)" in output  # `settings`, which the hook itself has written
    assert "not recorded, because stale or made from what is: sets, prepare, " in output
    assert "after the remedy" not in output
    assert set(yaml.safe_load((repository / "dvc.lock").read_text())["stages"]) == {"settings"}


def test_an_edit_and_dvc_repro(copy):
    """lambda_adv of `ash`: that experiment is trained, no other; diffs show it and nothing else."""
    before = (copy / MODEL.format("source_only")).read_bytes()
    copy.edit("params.yaml", "lambda_adv: 0.2", "lambda_adv: 0.7")
    assert ran(copy.run("dvc", "repro")) == {"settings", "train@ash", *DOWNSTREAM}
    copy.assert_clean()
    assert (copy / MODEL.format("source_only")).read_bytes() == before
    params = copy.json("dvc", "params", "diff")
    (name, values), *others = params["params.yaml"].items()
    assert (name, values["old"], values["new"], others) == ("experiments.ash.lambda_adv", 0.2, 0.7, [])
    metrics = copy.json("dvc", "metrics", "diff")["results/metrics.json"]
    assert metrics
    assert all(name.startswith("ash.") for name in metrics)
    copy.run("dvc", "plots", "diff", "--out", "plots")
    page = (copy / "plots/index.html").read_text()
    assert all(
        title in page for title in ("results_plots_loss_ash_csv", "results_plots_iou_source_only_cityscapes_csv")
    )


def test_the_same_edit_and_snakemake_then_branches(copy):
    """`snakemake` runs the same jobs and records them; switching branches with `dvc checkout` leaves no work."""
    copy.run("git", "checkout", "--quiet", "-b", "other")
    copy.edit("params.yaml", "lambda_adv: 0.2", "lambda_adv: 0.7")
    output = copy.run("snakemake", "--nocolor")
    assert {job for job in planned(output) if job.startswith("train")} == {"train ash"}
    copy.assert_clean()
    copy.commit("another weight")
    models = {}
    for branch in ("main", "other"):
        copy.run("git", "checkout", "--quiet", branch)
        copy.run("dvc", "checkout")
        copy.assert_clean()
        models[branch] = (copy / MODEL.format("ash")).read_bytes()
    assert models["main"] != models["other"]


def test_push_clone_pull(copy, tmp_path):
    """In a fresh clone after `dvc pull` neither engine has work; what is missing or foreign there is one line each."""
    copy.run("dvc", "push")
    copy.run("git", "clone", "--quiet", str(copy.folder), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone", tmp_path / "home")
    clone.run("dvc", "pull")
    clone.assert_clean()
    assert clone.run("git", "status", "--porcelain") == ""
    assert "are as they should be" in clone.run("ash", "dvc-check")

    options = ("--manifest", "data/manifests/gta5.json", "--out", "again.h5")
    assert not (clone / "data/miniature").exists()
    assert "data/miniature/gta5: drawn again, because: " in clone.run("ash", "prepare", "gta5", "val", *options)
    drawn, pulled = (json.loads((clone / f).read_text()) for f in ("again.json", "data/prepared/gta5_val.json"))
    assert drawn == pulled

    (clone / "data/prepared/gta5_val.h5").unlink()
    bundle = clone / "results/records/networks.json"
    bundle.write_text(bundle.read_text().replace('"record_format_version": 6', '"record_format_version": 5'))
    clone.run("dvc", "remote", "modify", "--local", "store", "url", str(tmp_path / "nowhere"))
    lines = clone.run("ash", "dvc-check", code=2)
    assert "gta5_val.h5: recorded in dvc.lock, but missing here; fetch with `dvc pull`" in lines
    assert "results/records/networks.json: record format 5, and 0 more; the Snakemake" in lines
    assert "nowhere: no such folder; the first `dvc push` makes a local folder" in lines
    assert "Traceback" not in lines
    assert "ash: warning: results/records/networks.json: record format 5" in clone.run("snakemake", *DRY)


def test_an_edited_method_names_its_runs(copy):
    """ash/methods/ash/__init__.py: both engines name the run that uses it, and the figures that run its H; not the other."""
    path = copy / "ash/methods/ash/__init__.py"
    path.write_text(path.read_text() + "\n# edited\n")
    assert {job for job in planned(copy.run("snakemake", *DRY)) if job.startswith("train")} == {"train ash"}
    assert copy.changed() == {"settings"}
    copy.run("ash", "dvc-settings")
    assert copy.changed() == {"settings", "train@ash", "figures"}


def test_times_do_not_matter(copy):
    """Every file touched: no work."""
    for path in copy.folder.rglob("*"):
        if path.is_file() and not {".git", ".dvc"} & set(path.parts):
            path.touch()
    copy.assert_clean()


def test_what_is_changed_by_hand_is_noticed(copy):
    """A table and a prepared file: `dvc status` names both, recording leaves them alone, `dvc repro` makes them again.

    Snakemake sees neither: it does not look at final results, and hashes no HDF5 file.
    """
    table, prepared = copy / "results/tables/table1.md", copy / "data/prepared/cityscapes_val.h5"
    right = table.read_bytes(), prepared.read_bytes()
    table.write_text("| ash | 99.9 |\n")
    prepared.write_bytes(right[1][:-1] + b"?")
    assert {"tables", "prepare"} <= copy.changed()
    assert "Nothing to be done" in copy.run("snakemake", *DRY)
    report = copy.run("ash", "dvc-record")
    assert "changed by hand: data/prepared/cityscapes_val.h5, results/tables/table1.md" in report
    assert {"tables", "prepare"} <= copy.changed()
    copy.run("dvc", "repro", "tables", "prepare")
    assert (table.read_bytes(), prepared.read_bytes()) == right
    copy.assert_clean()


def test_kills_in_training(copy):
    """SIGKILL of the training alone, then of DVC and all below it: each time `dvc repro` goes on from the last step."""
    copy.edit("protocols/tiny.yaml", "iterations: 12", "iterations: 150")
    resume, log = copy / "results/resume/ash/seed0.pt", copy / "logs/train/ash_seed0.log"
    repro = copy.command("dvc", "repro", "train@ash")
    for everything in (False, True):
        process = psutil.Popen(
            repro, cwd=copy.folder, env=copy.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        seen = resume.stat().st_mtime_ns if resume.exists() else None
        while process.poll() is None and (not resume.exists() or resume.stat().st_mtime_ns == seen):
            time.sleep(0.002)
        below = process.children(recursive=True)
        training = [child for child in below if "train" in child.cmdline() and not child.children()]
        for victim in [process, *below] if everything else training:
            victim.kill()
        assert process.wait() != 0
        psutil.wait_procs(below)
        assert resume.exists()
        assert not (copy / MODEL.format("ash")).exists()
    copy.run("dvc", "repro", "train@ash")
    assert "resumed after step" in log.read_text()
    assert not resume.exists()
    assert "train@ash" not in copy.changed()


def test_adding_and_removing_an_experiment(copy):
    """`dvc repro` trains the new one and no other, with no edit of dvc.yaml; taken out again it leaves nothing stale."""
    before, models = (copy / "params.yaml").read_text(), [copy / MODEL.format(n) for n in ("source_only", "ash")]
    state = [path.stat().st_mtime_ns for path in models]
    entry = "  more: {recipe: source_only, source: gta5, tables: {table5: null}}\n"
    copy.edit("params.yaml", "experiments:\n", f"experiments:\n{entry}")
    assert ran(copy.run("dvc", "repro")) == {"settings", "train@more", "evaluate@more", "tables", "figures", "report"}
    assert "more" in (copy / "results/tables/table5.md").read_text()
    assert [path.stat().st_mtime_ns for path in models] == state
    copy.assert_clean()
    (copy / "params.yaml").write_text(before)
    copy.run("dvc", "repro")
    assert [path.stat().st_mtime_ns for path in models] == state
    assert not (copy / "results/scores/more").exists()
    copy.assert_clean()
    assert copy.run("git", "diff", "HEAD", "--", "dvc.yaml") == ""


def test_more_experiments_are_snakemakes_alone(copy):
    """An entry of `more_experiments` is trained by `snakemake everything`, not by default, and DVC stays clean."""
    copy.edit(
        "params.yaml",
        "tables:\n  alone",
        "more_experiments:\n  extra: {recipe: source_only, source: gta5, tables: {far: null}}\n"
        "tables:\n  far: {title: Far, classes: 19, targets: [cityscapes], reference: extra, group: beyond}\n  alone",
    )
    copy.run("snakemake", "--nocolor")
    copy.assert_clean()
    assert not (copy / "results/more").exists()
    assert "train extra" in planned(copy.run("snakemake", "--nocolor", "everything"))
    assert (copy / "results/more/scores/extra/seed0/cityscapes.json").exists()
    assert "Nothing to be done" in copy.run("snakemake", *DRY, "everything")
    copy.assert_clean()


def test_experiments(copy):
    """`dvc exp run -S` here, in a temporary copy, and from the queue; each runs the code of its own checkout."""
    copy.edit("ash/report/template.html", '"lead">Protocol', '"lead">Scale')
    what = "protocols/tiny.yaml:description"
    copy.run("dvc", "exp", "run", "--temp", "--name", "apart", "-S", f"{what}=apart")
    copy.run("dvc", "exp", "run", "--queue", "--name", "queued", "-S", f"{what}=queued")
    copy.run("dvc", "exp", "run", "--run-all")
    copy.run("dvc", "exp", "run", "--name", "here", "-S", f"{what}=here")
    for name in ("here", "apart", "queued"):
        copy.run("dvc", "exp", "apply", name)
        assert f"Scale <b>tiny</b>: {name};" in (copy / "results/report.html").read_text()
        copy.assert_clean()


def test_training_again_gives_the_recorded_hashes(copy):
    """`dvc repro --force` of one training on the same machine: the hashes of model, history and provenance in dvc.lock."""

    def outputs():
        stage = copy.lock()["train@source_only"]
        return {o["path"]: o["md5"] for o in stage["outs"] if not o["path"].startswith("results/records")}

    before = outputs()
    output = copy.run("dvc", "repro", "--force", "--single-item", "train@source_only")
    assert ran(output) == {"train@source_only"}
    assert list(before) == ["results/models/source_only"]
    assert outputs() == before


def test_training_needs_neither_engine():
    """The package imports without Snakemake and DVC, and `ash dvc-settings` then says what is missing."""
    script = (
        "import sys; sys.modules |= dict.fromkeys(('snakemake', 'dvc'));"
        "import ash.experiment.train; from ash.cli import main; main()"
    )
    command = [sys.executable, "-c", script, "dvc-settings"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "is not installed; `make check` sets up .venv" in result.stderr


def test_dvc_commands_need_a_checkout(tmp_path):
    """Elsewhere they end with one line."""
    result = subprocess.run(
        [sys.executable, "-m", "ash.cli", "dvc-record"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == f"ash: {tmp_path}: no Snakefile; run this in a checkout of the project\n"
