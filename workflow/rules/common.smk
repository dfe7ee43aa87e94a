# Settings, checked before the DAG is built, and what the rules ask of them.
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
from ash import methods
from ash.config import load
from ash.errors import AshError
from workflow.closure import closure

PARAMS = config.get("params", "params.yaml")
ASH = f"{sys.executable} -m ash.cli"
# Without these, glibc returns every large buffer to the kernel and page-faults it back in at the next step (docs/miniature.md).
os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "100000000000")
os.environ.setdefault("MALLOC_TOP_PAD_", "268435456")

try:
    SETTINGS = load(Path(PARAMS))
    NEEDS = {
        name: methods.check_experiment(SETTINGS.experiment(name)).needs
        for name in SETTINGS.params.experiments
    }
except AshError as error:
    sys.exit(f"ash: {error}")

EXPERIMENTS = list(SETTINGS.params.experiments)
SEEDS = SETTINGS.params.seeds
TARGETS = SETTINGS.params.targets
DATASETS = SETTINGS.protocol.datasets
STYLE_SET = SETTINGS.protocol.style_set
RUN = "results/runs/{experiment}/seed{seed}"


wildcard_constraints:
    experiment="|".join(EXPERIMENTS),
    seed=r"\d+",
    dataset="|".join(DATASETS),
    split="train|val",
    table="|".join(SETTINGS.params.tables),


def fingerprint(*sections):
    """Settings as sorted JSON: what a rule's output depends on besides files."""
    dumped = [
        s.model_dump(mode="json") if hasattr(s, "model_dump") else s for s in sections
    ]
    return json.dumps(dumped, sort_keys=True)


def prepared(dataset, split):
    """The prepared file of a set and split."""
    return f"data/prepared/{dataset}_{split}.h5"


def scores(experiments, targets):
    """The score files of experiments on targets, all seeds."""
    return expand(
        f"{RUN}/{{target}}.json", experiment=experiments, seed=SEEDS, target=targets
    )


def tables_of(group):
    """The tables of a group."""
    return [
        name for name, table in SETTINGS.params.tables.items() if table.group == group
    ]
