"""Settings files that a command writes beside params.yaml: the same, with other seeds or more experiments.

The workflow is run with one by `snakemake --config params=FILE`.  An experiment of the same name has the same settings there,
so its runs lie where the default run puts them and are made once; git ignores the files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ash.config import Params, Settings, load, read_yaml, validated
from ash.errors import ConfigError, brief
from ash.files.atomic import write_text

MISSING = "run from the folder that holds params.yaml"


def seeds_of(text: str) -> tuple[int, ...]:
    """Seeds as the command line takes them: 0,1,2, or as params.yaml has them, [0, 1, 2].  ConfigError for anything else."""
    try:
        found = yaml.safe_load(text if text.strip().startswith("[") else f"[{text}]")
    except yaml.YAMLError:
        found = None
    whole = isinstance(found, list) and all(type(seed) is int and 0 <= seed < 2**31 for seed in found)
    if not whole or not found or len(set(found)) < len(found):
        raise ConfigError(f"--seeds {brief(repr(text))}: wanted different whole numbers from 0 on, such as 0,1,2")
    return tuple(found)


def entries(params: Path) -> dict[str, dict[str, Any]]:
    """Every experiment as its file states it."""
    content = read_yaml(params, MISSING)
    return {**content["experiments"], **(content.get("more_experiments") or {})}


def generate(
    params: Path, word: str, seeds: Sequence[int], more: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Path, Settings]:
    """Write params.WORD.yaml beside `params`, with these seeds and more experiments; gives its path and what it says."""
    content = read_yaml(params, MISSING)
    validated(Params, params, content)
    content["seeds"] = list(seeds)
    if more:
        content["more_experiments"] = {**(content.get("more_experiments") or {}), **more}
    path = params.with_name(f"params.{word}.yaml")
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    write_text(path, f"# Made from {params.name} by the command {word}, and made anew by its next call.\n{text}")
    return path, load(path)
