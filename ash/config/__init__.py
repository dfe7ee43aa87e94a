"""params.yaml and the protocol it names, checked once and turned into frozen sections.

`params.yaml` holds what is common to every scale: experiments, tables, seeds, and the scale-free settings of each
method.  `protocols/<name>.yaml` holds what depends on scale: sizes, networks, optimisers, loss weights.  A setting of
an experiment is looked up in the experiment itself, then in the protocol's `methods`, then in `params.yaml`'s
`methods`.  Every number of an experiment stands in one of these two files; the code has no defaults.

    settings = load(Path("params.yaml"))          # ConfigError: one line for each fault
    settings.experiment("ash")                    # everything that its training depends on

Settings of a method are checked by the method itself (`ash.methods.check`), which lies above this module.

document   a YAML file as mappings, lists and scalars
kinds      what sections are made of: names, texts, paths, numbers
sections   the sections of a protocol
entries    the sections of params.yaml
messages   what is wrong with a setting, in a line
reading    reads the files and checks them
agreement  what no single section can see
settings   the whole configuration, and all that one experiment depends on
"""

from ash.config.agreement import SOURCE, lacking_splits
from ash.config.document import read_yaml
from ash.config.entries import ExperimentEntry, Figures, Params, TableSettings
from ash.config.kinds import SPLITS, Name, Section
from ash.config.messages import faults
from ash.config.reading import load, protocol_file, validated
from ash.config.sections import (
    DatasetSettings,
    DecoderSettings,
    DiscriminatorSettings,
    EvaluationSettings,
    HallucinatorSettings,
    OptimiserSettings,
    Protocol,
    RainSettings,
    ResourceSettings,
    SegmenterSettings,
    StylizerSettings,
    TrainingSettings,
)
from ash.config.settings import Experiment, Settings

__all__ = [
    "SOURCE",
    "SPLITS",
    "DatasetSettings",
    "DecoderSettings",
    "DiscriminatorSettings",
    "EvaluationSettings",
    "Experiment",
    "ExperimentEntry",
    "Figures",
    "HallucinatorSettings",
    "Name",
    "OptimiserSettings",
    "Params",
    "Protocol",
    "RainSettings",
    "ResourceSettings",
    "Section",
    "SegmenterSettings",
    "Settings",
    "StylizerSettings",
    "TableSettings",
    "TrainingSettings",
    "faults",
    "lacking_splits",
    "load",
    "protocol_file",
    "read_yaml",
    "validated",
]
