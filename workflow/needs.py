"""The check of every experiment's settings, remembered between two runs of Snakemake."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

from ash.config import Settings
from ash.files.atomic import write_text
from workflow.closure import ROOT, closure, located

CACHE = Path(".snakemake/needs.json")


def checked_needs(settings: Settings) -> dict[str, SimpleNamespace]:
    """What the method of each experiment needs (`ash.contract.Needs`), once its settings are found right; else ConfigError.

    Methods import PyTorch, which takes a second, and Snakemake reads its rules at every call and in every stage of DVC.
    The answer depends on settings and code alone, so it is kept under their digest.
    """
    key = _digest(settings)
    try:
        kept = json.loads(CACHE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        kept = {}
    if not isinstance(kept, dict) or kept.get("key") != key:
        kept = {"key": key, "needs": _ask(settings)}
        write_text(CACHE, json.dumps(kept))
    return {name: SimpleNamespace(**needs) for name, needs in kept["needs"].items()}


def _digest(settings: Settings) -> str:
    """Of the settings and of the code that judges them."""
    methods = sorted({entry.method for entry in settings.params.experiments.values()})
    files = [*closure("ash.report.paper", "ash.methods", *(f"ash.methods.{method}" for method in methods))]
    files.append(located("ash/report/paper.yaml"))
    files += sorted(str(path) for path in (ROOT / "ash/config").glob("*.py"))
    whole = hashlib.sha256(settings.model_dump_json().encode())
    for path in files:
        whole.update(Path(path).read_bytes())
    return whole.hexdigest()


def _ask(settings: Settings) -> dict[str, dict[str, object]]:
    from ash import methods
    from ash.report.paper import check_rows, load_paper

    check_rows(settings, load_paper())
    answers = methods.check_settings(settings)
    return {
        name: {field: getattr(needs, field) for field in dir(needs) if not field.startswith("_")}
        for name, needs in answers.items()
    }
