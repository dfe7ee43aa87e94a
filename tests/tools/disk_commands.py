"""The commands that `tests.tools.full_disk` tries, and what they read that no command before them makes.

In a command `{out}` is the folder that it writes into, `{in}` holds a folder for each command that ended undisturbed, with
its name, `{folder}` is where the inputs lie that are made here, and `{url}` serves its folder `served`.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from ash.config import load
from ash.files.atomic import write_json
from ash.report.answers import write_claims
from ash.report.claims import load_claims
from ash.report.cost import write_cost
from ash.report.figures import write_figures
from ash.report.paper import load_paper
from ash.report.tables import write_tables
from ash.report.verdicts import World
from tests.conftest import ROOT, settle
from tests.fitting.test_decoder import FIT
from tests.report.conftest import invent
from tests.support import fakes, paper
from tests.support.repository import Repository, create

TARGET = "--target cityscapes={in}/target/cityscapes.h5"
PAIR = "--stylizer {in}/stylizer/pair.safetensors"
CROPS = "--content {in}/prepare/gta5.h5 --paintings {in}/paintings/painters.h5"
FITTED = f"fit-decoder --params {{folder}}/decoder/params.yaml {CROPS}"
PAPER = "--params {folder}/paper/params.yaml"
RESULTS = "--results {folder}/results"
LABELS = "{folder}/data/miniature/cityscapes/gtFine/val"
COMMANDS: dict[str, str] = {
    "draw": "draw gta5 --params {folder}/params.yaml --workers 2 --out gta5.json",
    "manifest": "manifest gta5 --out {out}/gta5.json",
    "prepare": "prepare gta5 train --manifest {in}/manifest/gta5.json --out {out}/gta5.h5",
    "stylizer": f"stylizer {ROOT}/ash/style/weights/miniature.safetensors --out {{out}}/pair.safetensors",
    "paintings": "prepare painters train --manifest painters.json --out {out}/painters.h5",
    "target": "prepare cityscapes val --manifest cityscapes.json --out {out}/cityscapes.h5",
    "features": f"features --prepared {{in}}/prepare/gta5.h5 {PAIR} --out {{out}}/gta5.h5",
    "style": f"features --prepared {{in}}/paintings/painters.h5 {PAIR} --out {{out}}/p.h5",
    "rain": f"rain --style {{in}}/style/p.h5 {PAIR} --out {{out}}/rain.safetensors",
    "train": "train source_only --seed 0 --prepared {in}/prepare/gta5.h5 --out {out}",
    "train ash": f"train ash --seed 0 --prepared {{in}}/prepare/gta5.h5 {PAIR} --style {{in}}/style/p.h5"
    " --content {in}/features/gta5.h5 --out {out}",
    "evaluate": f"evaluate source_only --seed 0 --model {{in}}/train/model.safetensors {TARGET} --out {{out}}",
    "evaluate-as": "evaluate-as cityscapes source_only --seed 0 --model {in}/train/model.safetensors"
    " --manifest cityscapes.json --out {out}/cityscapes.json",
    "evaluate-model": f"evaluate-model {{in}}/train/model.safetensors {TARGET} --out {{out}}",
    "score": f"score {LABELS} {LABELS} --dataset cityscapes --out {{out}}/scores.json",
    "montage": f"montage {PAIR} --prepared {{in}}/prepare/gta5.h5 --paintings {{in}}/paintings/painters.h5 --alpha 1"
    " --out {out}/m.png",
    "matrix": "matrix {in}/train/model.safetensors --data cityscapes={folder}/data/miniature/cityscapes --family native"
    " --out {out}",
    "stylisation": f"stylisation ash --run '{{in}}/train ash' {PAIR} --prepared {{in}}/prepare/gta5.h5"
    " --paintings {in}/paintings/painters.h5 --target {in}/target/cityscapes.h5 --out {out}/s.npz",
    "predict": "predict {image} --model {in}/train/model.safetensors --size 64x32 --out {out}/o.png",
    "stylise": f"stylise {{image}} {{image}} {PAIR} --out {{out}}/s.png",
    "export": "import-checkpoint {in}/train/model.safetensors {out}/model.pth --export",
    "import-checkpoint": "import-checkpoint {folder}/served/DeepLab_resnet_pretrained_init-f81d91e8.pth"
    " {out}/m.safetensors --backbone",
    "import-stylizer": "import-stylizer {folder}/served/vgg_normalised.pth {folder}/served/decoder.pth"
    " {out}/pair.safetensors",
    "fit-decoder": f"{FITTED} --out {{out}}/pair.safetensors --log {{out}}/pair.json",
    "acquire gta5": f"acquire gta5 {PAPER} --mirror {{url}}",
    "acquire cityscapes": f"acquire cityscapes {PAPER}",
    "acquire painters": f"acquire painters {PAPER}",
    "acquire weights": f"acquire weights {PAPER} --mirror {{url}}",
    "table": f"table table1 {RESULTS} --out {{out}}",
    "cost": "cost --measured {folder}/cost.json --out {out}",
    "metrics": f"metrics --group paper {RESULTS} --out {{out}}/metrics.json --iou {{out}}/iou.csv",
    "plots": f"plots --group paper {RESULTS} --out {{out}}",
    "figures": f"figures {RESULTS} --out {{out}}",
    "claims": f"claims --claims {{folder}}/claims.yaml --cost {{folder}}/cost.json {RESULTS} --out {{out}}",
    "forest": "forest --contrasts {folder}/tables/contrasts.csv --out {out}/forest.png",
    "report": f"report --group paper {RESULTS} --tables {{folder}}/tables --figures {{folder}}/figures"
    " --claims {folder}/tables/claims.table.json --forest {folder}/figures/forest.png --out {out}/report.html",
    "method-pages": f"method-pages --params {ROOT}/params.yaml --out {{out}}",
    "dvc-record": "dvc-record",
}


def _settings(folder: Path) -> None:
    """The protocol with a decoder that is fitted, to an encoder in the published layout."""
    path = settle(_new(folder / "decoder")) / "protocols/tiny.yaml"
    protocol = yaml.safe_load(path.read_text())
    fit = FIT | {"iterations": 6, "checkpoint_every": 2, "log_every": 2}
    protocol["decoder"] = {"encoder": str(folder / "served/vgg_normalised.pth"), **fit}
    path.write_text(yaml.safe_dump(protocol, sort_keys=False))


def _published(folder: Path) -> None:
    """What publishers and users have: weights in their authors' formats, archives of sets of a few files."""
    _new(folder / "paper")
    paper.settle_paper(folder / "paper")
    paper.publish(folder, "served")
    made = {name: fakes.fill(name, folder / "made" / name, paper.COUNT) for name in paper.SETS}
    fakes.gta5_archives(folder / "served", made["gta5"])
    fakes.cityscapes_archives(_new(folder / "archives/cityscapes"), made["cityscapes"])
    fakes.painters_archives(_new(folder / "archives/painters"), made["painters"])


def _results(folder: Path) -> None:
    """Made-up runs of every experiment, and the tables and figures of their report."""
    settings = load(folder / "params.yaml")
    runs = invent(settings, folder / "results")
    row = {"experiment": "ash", "recipe": "ash", "forward": 2.0, "backward": 2.0, "ms": 9.0, "least_ms": 8.0}
    write_json(folder / "cost.json", [{**row, "clock": "processor", "precision": "fp32"}])
    write_cost(settings, folder / "cost.json", folder / "tables")
    for name in settings.params.tables:
        write_tables(settings, name, runs, load_paper(), folder / "tables")
    write_figures(settings, runs, folder / "figures")
    for name in ("stylised", "forest"):
        shutil.copy(folder / "figures/iou.png", folder / f"figures/{name}.png")
    claims = load_claims(folder / "claims.yaml", settings)
    write_claims(claims, World(settings, runs, settings.params.standard, folder / "cost.json"), folder / "tables")


def _built(folder: Path) -> None:
    """A repository that Snakemake built, of which DVC has recorded nothing."""
    repository = create(_new(folder / "repository"), _new(folder / "home"))
    repository.run("snakemake", "--nocolor")
    (repository / "dvc.lock").unlink()
    for made in ("results/records", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(repository / made, ignore_errors=True)


INPUTS: dict[str, tuple[Callable[[Path], None], ...]] = {
    "import-checkpoint": (_published,),
    "import-stylizer": (_published,),
    "fit-decoder": (_published, _settings),
    "acquire gta5": (_published,),
    "acquire cityscapes": (_published,),
    "acquire painters": (_published,),
    "acquire weights": (_published,),
    **dict.fromkeys(("table", "cost", "metrics", "plots", "figures", "claims", "forest", "report"), (_results,)),
    "dvc-record": (_built,),
}
THERE = ("draw", "acquire gta5", "acquire cityscapes", "acquire painters", "acquire weights", "dvc-record")
"""The commands that are started in the folder that they write into."""


def put(name: str, folder: Path, out: Path) -> None:
    """Lay into `out` what lies there before a command starts: archives brought by hand, the repository."""
    if name in ("acquire cityscapes", "acquire painters"):
        source = name.removeprefix("acquire ")
        archives = _new(out / "data/raw" / source / "archives")
        for path in (folder / "archives" / source).iterdir():
            (archives / path.name).symlink_to(path)
    if name == "dvc-record":
        shutil.copytree(folder / "repository", out, symlinks=True, dirs_exist_ok=True)


def environment(name: str, out: Path) -> dict[str, str]:
    """The environment of a command; DVC's own files go to the disk too."""
    if name != "dvc-record":
        return {}
    return Repository(out, out / ".home").environment | {"PYTHONDONTWRITEBYTECODE": "1"}


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
