"""Commands about what must be there before anything runs: acquire, check."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ash.cli.app import DATA, Params, ParamsOption, app, console, progress
from ash.cli.data import SetName, dataset_of
from ash.config import Protocol, Settings, load, validated
from ash.errors import ConfigError, DataError, several

WEIGHTS = "weights"  # what `ash acquire` calls the published networks


@app.command(rich_help_panel=DATA)
def acquire(
    name: SetName,
    out: Annotated[
        Path | None, typer.Option(help="record of the archives; data/acquired/SET.json unless named")
    ] = None,
    pins: Annotated[Path | None, typer.Option(help="pinned hashes; pins/SET.json unless named")] = None,
    mirror: Annotated[
        str | None,
        typer.Option(envvar="ASH_MIRROR", help="address in place of the publisher's, for sets fetched by HTTP"),
    ] = None,
    given: Annotated[
        Path | None, typer.Option("--from", help="folder that holds the set already; its root becomes a link to it")
    ] = None,
    params: ParamsOption = Params,
) -> None:
    """Fetch a set, or say what to fetch by hand; verify and unpack it.  SET may be `weights`, the published networks."""
    from ash.acquire.download import checked
    from ash.acquire.networks import needed
    from ash.acquire.order import Order
    from ash.acquire.steps import acquire as bring

    settings = load(params)
    mirror = None if mirror is None else checked(mirror)
    record, pinned = out or Path(f"data/acquired/{name}.json"), pins or Path(f"pins/{name}.json")
    if name == WEIGHTS:
        from ash.acquire.weights import acquire_weights  # which needs torch, to look into them

        if given is not None:
            raise ConfigError("--from: is for sets, wanted none with weights; put the files into data/weights yourself")
        acquire_weights(needed(settings.protocol), record, pinned, mirror, progress)
        return
    dataset = dataset_of(settings, name)
    if dataset.draw:
        raise ConfigError(f"data set {name}: is drawn in protocol {settings.params.protocol}; use `ash draw`")
    bring(name, Order(Path(dataset.root), dataset.count, record, pinned, mirror, given), progress, _say)


@app.command(rich_help_panel=DATA)
def check(params: ParamsOption = Params) -> None:
    """Check the settings, and say which data and weights are missing and what to do about each."""
    from ash.acquire.networks import missing as missing_weights
    from ash.acquire.status import lacks
    from ash.acquire.unfit import unfit

    settings = load(params)
    _sound(settings, params)
    table = Table("set", "folder", "state", title=f"protocol {settings.params.protocol}")
    missing = []
    for name, dataset in settings.protocol.datasets.items():
        line = None if dataset.draw else lacks(name, Path(dataset.root), dataset.count)
        state = "drawn by the workflow" if dataset.draw else ("there" if line is None else "missing")
        table.add_row(escape(name), escape(dataset.root), state)
        missing += [] if line is None else [line]
    console.print(table)
    count = len(settings.params.experiments)
    console.print(f"settings are sound: {count} experiments, {len(settings.params.seeds)} seed(s)")
    weights = [*missing_weights(settings.protocol), *unfit(settings.protocol)]
    if missing or weights:
        raise DataError(
            several(f"{len(missing)} set(s), {len(weights)} file(s) of weights missing or wrong", [*missing, *weights])
        )


def _sound(settings: Settings, params: Path) -> None:
    """ConfigError for whatever the workflow or the first step of an experiment would refuse."""
    from ash import datasets, methods
    from ash.acquire.networks import FITTED_PAIR, located
    from ash.experiment.rehearsal import Rehearsal
    from ash.fitting.pair import RefitSettings
    from ash.report.paper import check_rows, load_paper
    from ash.style.stylizer import PAPER, load_stylizer

    for name in settings.protocol.datasets:
        datasets.load(name)
    if settings.protocol.refit is not None:
        validated(RefitSettings, Path(f"protocols/{settings.params.protocol}.yaml: refit"), settings.protocol.refit)
    check_rows(settings, load_paper())
    methods.check_settings(settings)
    if settings.protocol.stylizer.weights == FITTED_PAIR:
        _croppable(settings.protocol)
    weights = located(settings.protocol.stylizer.weights)
    pair = load_stylizer(weights).settings if weights.is_file() else PAPER
    faults = Rehearsal(settings, pair).faults()
    if faults:
        raise ConfigError(several(f"{params}: {len(faults)} experiment(s) that cannot be trained", faults))


def _croppable(protocol: Protocol) -> None:
    """ConfigError if the pair is to be fitted and the protocol does not say how, or to crops larger than its images."""
    if protocol.decoder is None:
        raise ConfigError("decoder: null, and stylizer.weights names the pair that is fitted by it; state the section")
    for name in (*protocol.decoder.contents, protocol.style_set):
        side = min(protocol.datasets[name].image_size)
        if protocol.decoder.crop > side:
            raise ConfigError(
                f"decoder.crop: {protocol.decoder.crop} exceeds the {side} pixels of the images of {name}; lower it"
            )


def _say(text: str) -> None:
    """One line for people, not folded to the terminal's width."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)
