"""results/report.html: one file that shows everything and needs no network."""

import base64
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

import jinja2
import yaml

from ash.config import Settings
from ash.errors import StoreError
from ash.files.atomic import write_text
from ash.report.html import html
from ash.report.records import read_provenance
from ash.report.runs import Runs
from ash.report.table import read

CAPTIONS = {
    "figure1": "Figure 1. Source images in the styles of paintings, as ASH stylises them at the end of its training (first "
    "seed), beside images of the target, which this run has never seen.",
    "figure2": "Figure 2. How ASH stylises an image, step by step, at the end of its training (first seed): what G predicts, "
    "the means of |gamma| and |beta| over channels that H makes of it, the painting, AdaIN alone, AdaIN with the noise, and "
    "with noise and H, as in training. The last column shows the difference that H makes, eight times as strong.",
    "figure3": "Figure 3. Target images and predictions of networks trained on {sources} (first seed).",
    "figure4": "Figure 4. What each class adds to the L1 norm of gamma and beta while ASH trains: the change when its channel "
    "of the condition is set to zero, for one source image that stays the same, and by pixel predicted as that class. The "
    "prediction is that of the end. "
    "figures/figure4.csv has the numbers of each seed.",
    "stylised": "Stylised samples: content images on the left, paintings on top.",
    "iou": "IoU of each class (mean over seeds).",
    "contrasts": "mIoU of every experiment; a dot is a seed.",
    "curves": "Training curves: means over the steps between two log lines (first seed).",
}


def build_report(
    settings: Settings,
    groups: Collection[str],
    runs: Runs,
    tables: Path,
    figures: Path,
    claims: Path,
    forest: Path,
    out: Path,
) -> None:
    """Write the report on groups of tables, from the tables' files, the cost table, the figures and the provenance.

    `claims` is the JSON of the table of claims, which comes first, and `forest` the plot below it.
    """
    names = settings.tables(groups)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(_own("template.html"))
    page = template.render(
        style=_own("page.css"),
        script=_own("page.js"),
        protocol=settings.params.protocol,
        description=settings.protocol.description,
        seeds=settings.params.seeds,
        miniature=any(settings.protocol.datasets[entry.source].draw for entry in settings.params.experiments.values()),
        of_paper=settings.params.claims is not None,
        claims=html(read(claims)),
        forest=_image(forest),
        forest_caption=forest_caption(len(settings.params.seeds)),
        tables={name: html(read(tables / f"{name}.table.json")) for name in names},
        cost=html(read(tables / "cost.table.json")),
        classes=[html(read(tables / f"{name}_classes.table.json")) for name in names],
        figures=[
            (name, caption.format(sources=_shown(settings)), _image(figures / f"{name}.png"))
            for name, caption in CAPTIONS.items()
        ],
        machine=machine(settings.experiments(groups), runs),
        settings=yaml.safe_dump(settings.params.model_dump(mode="json"), sort_keys=False, width=110),
        protocol_settings=yaml.safe_dump(settings.protocol.model_dump(mode="json"), sort_keys=False, width=110),
    )
    write_text(out, page)


def _shown(settings: Settings) -> str:
    """The sources of the networks of Figure 3."""
    names = settings.params.figures.figure3.values()
    sources = dict.fromkeys(settings.params.experiments[name].source for name in names)
    return " and ".join(sources)


def forest_caption(seeds: int) -> str:
    """What the forest plot shows; with one seed, that it says nothing about seeds."""
    lines = (
        f"lines are 95 % intervals of the paired differences of n = {seeds} seeds (Student's t)"
        if seeds > 1
        else "n = 1 seed, so the dotted lines are 95 % over images only and no contrast is told from 0 here"
    )
    return (
        "The contrasts that claims are about: the difference in mIoU of two experiments, a colour and shape a target; "
        f"{lines}. Hollow marks are the paper's values."
    )


def machine(experiments: Collection[str], runs: Runs) -> list[tuple[str, str]]:
    """Each kind of machine and version that the runs were made with, and on how many of them."""
    kinds: dict[tuple[tuple[str, str], ...], int] = {}
    runs.require(experiments, ["provenance.json"])
    for experiment in experiments:
        for seed in runs.seeds:
            record = read_provenance(runs.path(experiment, seed, "provenance.json"))
            shown = {**record, **record["machine"]}
            del shown["machine"]
            key = tuple((name, str(value)) for name, value in shown.items())
            kinds[key] = kinds.get(key, 0) + 1
    return [(", ".join(f"{name} {value}" for name, value in key), f"{count} runs") for key, count in kinds.items()]


def _own(name: str) -> str:
    """The text of a file beside this module."""
    return files("ash.report").joinpath(name).read_text(encoding="utf-8")


def _image(path: Path) -> str:
    """A PNG as a data URI."""
    if not path.exists():
        raise StoreError(f"{path}: missing; draw the figures first")
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
