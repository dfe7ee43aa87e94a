# Settings, checked before the DAG is built, and what the rules ask of them.
import atexit
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
from ash.acquire.networks import is_published
from ash.config import ResourceSettings
from ash.errors import AshError
from ash.evaluation.conventions import OURS, PROTOCOLS, SETS
from ash.labels import classes_of
from ash.report.claims import load_claims
from workflow.at_work import VARIABLE, enter
from workflow.bridge.records import put_back
from workflow.bridge.recording import begin, record_rest, record_run
from workflow.checksums import remember_checksums
from workflow.closure import closure, located
from workflow.environment import check_folders, read_settings, set_up
from workflow.needs import checked_needs
from workflow.time_left import announce

PARAMS = config.get("params", "params.yaml")
ACQUIRED_WEIGHTS = "data/acquired/weights.json"
set_up()


def weights_of(path):
    """A file of the user's folder, or else the one of that name in the repository; if neither is there, a rule's."""
    return located(path) if os.path.exists(located(path)) else path


try:
    check_folders()
    SETTINGS = read_settings(PARAMS, workflow.is_main_process)
    NEEDS = checked_needs(SETTINGS)
    CLAIMS_FILE = SETTINGS.params.claims and weights_of(SETTINGS.params.claims)
    CLAIMS = load_claims(Path(CLAIMS_FILE), SETTINGS) if CLAIMS_FILE else {}
    # A job's own Snakemake reads this file too, and is no run; the hook at the end of a run says nothing twice.
    within = VARIABLE in os.environ
    for line in [*enter(), *put_back()] if workflow.is_main_process else []:
        if not within:
            print(f"ash: warning: {line}", file=sys.stderr)
except AshError as error:
    sys.exit(f"ash: {error}")

if workflow.is_main_process:
    # Where there is nothing to do, Snakemake calls no hook.
    atexit.register(record_rest, PARAMS, workflow)

EXPERIMENTS = SETTINGS.params.standard  # what the default target trains
MORE = SETTINGS.params.more_experiments
DEFAULT = SETTINGS.params.groups  # what `all` builds
REPORTED = SETTINGS.experiments(DEFAULT)
SEEDS = SETTINGS.params.seeds
TARGETS = SETTINGS.targets
# Scored on only where a table asks; what is made of them lies in data/more and results/more.
FURTHER = SETTINGS.further
DATASETS = SETTINGS.protocol.datasets
STYLE_SET = SETTINGS.protocol.style_set
HALLUCINATES = next(iter(SETTINGS.params.figures.figure4.values()))
GROUPS = list(dict.fromkeys(table.group for table in SETTINGS.params.tables.values()))
SMALL = ResourceSettings(threads=1, mem_mb=2000, runtime=60, gpu=0)


wildcard_constraints:
    experiment="|".join(SETTINGS.params.experiments),
    more="(more/)?",
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


def threads_of(kind):
    """Threads of a job of that kind."""
    return SETTINGS.protocol.resources.get(kind, SMALL).threads


def resources_of(kind):
    """Memory in MB, minutes and GPUs of a job of that kind, as Snakemake and its executors name them."""
    needs = SETTINGS.protocol.resources.get(kind, SMALL)
    return {"mem_mb": needs.mem_mb, "runtime": needs.runtime, "gpu": needs.gpu}


def aside(dataset):
    """Where below data/ the files of a set lie: those of further targets apart, for DVC tracks the folders of the others."""
    return "more/" if dataset in FURTHER else ""


def prepared(dataset, split):
    """The prepared file of a set and split."""
    return f"data/{aside(dataset)}prepared/{dataset}_{split}.h5"


def present(*paths):
    """Those files that are there: what a user brings is no fault of the graph, and the step says what is missing."""
    return [path for path in paths if path and os.path.exists(path)]


def brought(*paths):
    """Inputs of a step that reads weights: the record of published ones, and files of the user's own that are there."""
    named = [path for path in paths if path]
    record = [ACQUIRED_WEIGHTS] if any(map(is_published, named)) else []
    return record + present(*(path for path in named if not is_published(path)))


def digest_of(path):
    """The small file beside an HDF5 file that holds the digest of its content."""
    return path.removesuffix(".h5") + ".json"


def stored(files):
    """Inputs by name, with the digests of the HDF5 files among them as `digests`.

    The digests decide what reruns; `ancient` takes the files themselves out of it, so that no file of 69 GB is hashed
    for every job that reads it.
    """
    digests = [digest_of(path) for path in files.values() if path.endswith(".h5")]
    inputs = {
        name: ancient(path) if path.endswith(".h5") else path
        for name, path in files.items()
    }
    return inputs | {"digests": digests}


def run_file(kind, name):
    """A file of any run; `kind` is models or scores. Wildcards: more, experiment, seed."""
    return f"results/{{more}}{kind}/{{experiment}}/seed{{seed}}/{name}"


def run_files(kind, names, experiments, seeds=SEEDS):
    """Those files of experiments; results of `more_experiments` lie in results/more/."""
    return [
        file
        for name in experiments
        for file in expand(
            run_file(kind, "{file}"),
            more="more/" if name in MORE else "",
            experiment=name,
            seed=seeds,
            file=names,
        )
    ]


def scores(experiments, targets):
    """The score files of experiments on targets, all seeds."""
    usual = [f"{target}.json" for target in targets if target not in FURTHER]
    return run_files("scores", usual, experiments) + expand(
        further_file("{target}.json"),
        experiment=experiments,
        seed=SEEDS,
        target=[target for target in targets if target in FURTHER],
    )


def further_file(name):
    """A file of any run's scores on further targets, whoever trains it. Wildcards: experiment, seed."""
    return f"results/more/scores/{{experiment}}/seed{{seed}}/{name}"


def options(name, values):
    """The words of an option of the command line that is repeated for each value."""
    return [word for value in values for word in (name, value)]


def metrics_groups(w):
    """The groups whose experiments a metrics file holds: those of the default target, or one other."""
    return [w.group.lstrip("_")] if w.group else SETTINGS.params.groups


def cost_inputs(w):
    """Everything that any of the measured experiments reads; they share one source."""
    return stored({k: v for name in MEASURED for k, v in inputs_of(name).items()})


def stylisation_inputs(w):
    """The prepared images that Figures 1, 2 and 4 show: of the source, paintings, and of the first target."""
    return stored(
        {
            "prepared": prepared(
                SETTINGS.params.experiments[HALLUCINATES].source, "train"
            ),
            "paintings": prepared(STYLE_SET, "train"),
            "target": prepared(TARGETS[0], "val"),
        }
    )


def train_inputs(w):
    """The prepared source and whatever else the method of an experiment needs, and no more."""
    if (w.experiment in MORE) != bool(w.more):
        sys.exit(
            f"ash: {w.experiment} is trained into {run_files('models', '', [w.experiment])[0]}; ask for files there"
        )
    return stored(inputs_of(w.experiment))


def inputs_of(name):
    """The files that an experiment trains on, by the option of `ash train` that takes them."""
    experiment, needs = SETTINGS.experiment(name), NEEDS[name]
    files = {"prepared": prepared(experiment.source, "train")}
    if needs.withheld:
        files["withheld"] = prepared(experiment.source, "val")
    if needs.stylizer:
        files["stylizer"] = "data/networks/stylizer.safetensors"
        if needs.cached_style:
            files["style"] = f"data/features/{STYLE_SET}.h5"
        else:
            files["paintings"] = prepared(STYLE_SET, "train")
        if needs.cached_content and experiment.stylizer.cache_content:
            files["content"] = f"data/features/{experiment.source}.h5"
    if needs.any_target and experiment.target:
        files["target"] = prepared(experiment.target, "train")
    if experiment.segmenter.weights:
        files["initial"] = "data/networks/segmenter.safetensors"
    if needs.rain:
        files["rain"] = "data/features/rain.safetensors"
    return files


def train_options(w, input):
    """The same files as options of `ash train`."""
    named = [item for item in input.items() if item[0] not in ("code", "digests")]
    return [word for name, path in named for word in (f"--{name}", path)]


def evaluation_files(w):
    """The prepared target files, the source's held-out images among them, by name."""
    source = SETTINGS.params.experiments[w.experiment].source
    return {target: prepared(target, "val") for target in TARGETS} | {
        "source": prepared(source, "val")
    }


def table_scores(w):
    """The scores that a table shows."""
    return scores(SETTINGS.rows(w.table), SETTINGS.params.tables[w.table].targets)
