"""The command that scores a model under every protocol: matrix."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ash.cli.app import OWN, Params, ParamsOption, app, console, progress
from ash.cli.named import DATA, MANIFEST, named_files
from ash.config import load
from ash.errors import ConfigError
from ash.labels import SUBSETS


@app.command(rich_help_panel=OWN)
def matrix(
    checkpoint: Annotated[Path, typer.Argument(help="model.safetensors, trained or imported")],
    out: Annotated[Path | None, typer.Option("--out", help="folder for matrix.json, matrix.csv and matrix.md")] = None,
    data: Annotated[list[str] | None, typer.Option(help="SET=FOLDER, where a set lies; may be repeated")] = None,
    family: Annotated[
        list[str] | None, typer.Option(help="clan, robustnet, rein, tqdm or native; may be repeated; all of them")
    ] = None,
    manifest: Annotated[
        list[str] | None, typer.Option(help="SET=FILE, whose excluded images are left out; may be repeated")
    ] = None,
    classes: Annotated[int, typer.Option(help="classes of the means: 19, or 16 or 13 after SYNTHIA")] = 19,
    params: ParamsOption = Params,
) -> None:
    """Score any model file under every protocol that the data at hand allows, C/B/M mean included."""
    from ash.evaluation import families
    from ash.evaluation.conventions import SETS
    from ash.experiment.evaluate_all import at_hand, score_matrix
    from ash.files.atomic import write_json, write_text
    from ash.preparation.drawn import compare, ensure_raw
    from ash.preparation.manifest import read_manifest
    from ash.report.markdown import markdown
    from ash.report.protocol_matrix import matrix_rows, matrix_table

    if classes not in SUBSETS:
        raise ConfigError(f"--classes {classes}: wanted one of {', '.join(map(str, SUBSETS))}")
    settings, chosen = load(params), families.load(family)
    folders, described = named_files(data or (), SETS, DATA), {}
    with progress(f"matrix of {checkpoint}") as show:
        for name, file in named_files(manifest or (), SETS, MANIFEST).items():
            described[name] = read_manifest(file, name)
            if name in settings.protocol.datasets and name not in folders:
                ensure_raw(settings, name, described[name], show)
                compare(settings.protocol.datasets[name], name, described[name], ("val",))
        sets, missing = at_hand(settings, chosen, folders, described)
        result = score_matrix(checkpoint, chosen, sets, show)
    table = matrix_table(result, classes, missing)
    if out is not None:
        write_json(out / "matrix.json", result)
        write_text(out / "matrix.csv", matrix_rows(result, classes))
        write_text(out / "matrix.md", markdown(table))
    _show(table)


def _show(table: Any) -> None:
    """The matrix on the terminal."""
    grid = Table(*[column.header for column in table.columns], title=table.title)
    for row in table.rows:
        grid.add_row(*row)
    console.print(grid)
    for note in table.notes:
        console.print(note, soft_wrap=True, markup=False, highlight=False)
