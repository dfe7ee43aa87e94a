"""params.yaml and the protocol it names, checked once and turned into frozen sections.

`params.yaml` holds what is common to every scale: experiments, tables, seeds, and the scale-free settings of each
method.  `protocols/<name>.yaml` holds what depends on scale: sizes, networks, optimisers, loss weights.  A setting of an
experiment is looked up in the experiment itself, then in the protocol's `methods`, then in `params.yaml`'s `methods`.
Every number of an experiment stands in one of these two files; the code has no defaults.

    settings = load(Path("params.yaml"))          # ConfigError: one line for each fault
    settings.experiment("ash")                    # everything that its training depends on

Settings of a method are checked by the method itself (`ash.methods.check`), which lies above this module.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ash.errors import ConfigError, several

SOURCES = ("gta5", "synthia", "cityscapes", "mapillary")  # data sets with labels, hence fit to be trained on
T = TypeVar("T", bound=BaseModel)
NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]
Size = tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]]  # (width, height) in pixels


class Section(BaseModel):
    """A frozen group of settings; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetSettings(Section):
    """Where a set lies and how it is prepared."""

    root: str = Field(description="folder of the set in its published layout")
    image_size: Size = Field(description="width and height that images are resized to")
    label_size: Size = Field(description="width and height at which labels are kept and predictions are scored")
    validation: int = Field(ge=0, description="number of last ids held out as split val; 0 where the set has its own")
    draw: dict[str, Annotated[int, Field(ge=1)]] | None = Field(
        description="images per split to draw; null for a set that the user provides"
    )
    draw_size: Size | None = Field(default=None, description="size at which images are drawn")


class StylizerSettings(Section):
    """The frozen AdaIN encoder and decoder, and the cache of their features."""

    weights: str = Field(description="safetensors file of the pair")
    storage: Literal["fp16", "fp16_lz4", "uint8", "uint8_lz4"] = Field(description="how cached features are kept")
    cache_content: bool = Field(description="cache source features too, or encode them in every step")


class SegmenterSettings(Section):
    """DeepLab-v2: the published ResNet-101, or the small residual net of the same family."""

    kind: Literal["resnet101", "small"]
    width: int = Field(ge=4, description="channels of the stem (64 for resnet101)")
    blocks: tuple[int, int, int, int] = Field(description="residual blocks a stage")
    rates: tuple[int, ...] = Field(min_length=1, description="dilations of the ASPP head")


class DiscriminatorSettings(Section):
    """Output-space discriminator: `strides` of its convolutions, and the size of the probability map that it sees."""

    width: int = Field(ge=4)
    strides: tuple[Literal[1, 2], ...] = Field(min_length=2)
    map_size: Size = Field(description="width and height that softmax maps are resized to, for D and for CLAN's M")


class HallucinatorSettings(Section):
    """ASH's module H."""

    condition: tuple[int, int] = Field(description="channels of the condition net")
    stride: int = Field(ge=1, description="kernel and stride of its first convolution")


class OptimiserSettings(Section):
    """One player's optimiser."""

    kind: Literal["sgd", "adam", "adamw"]
    lr: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    momentum: float = Field(ge=0, lt=1, description="SGD's momentum, or Adam's beta_1")
    beta2: float = Field(ge=0, lt=1, description="Adam's beta_2; SGD has none")
    clip: float | None = Field(gt=0, description="largest norm of the gradient; null does not clip")
    head_multiplier: float = Field(gt=0, description="learning rate of the segmenter's heads, relative to lr")
    backbone_multiplier: float = Field(gt=0, description="of all else; 3 is the release's duplicated parameters")


class TrainingSettings(Section):
    """The loop."""

    iterations: int = Field(ge=1)
    batch: int = Field(ge=1)
    label_stride: int = Field(ge=1, description="the loss sees every n-th pixel of the label; 1 is the paper's")
    warmup: float = Field(ge=0, lt=1, description="share of the iterations with a linear warm-up from 0")
    power: float = Field(gt=0, description="exponent of the polynomial decay")
    precision: Literal["auto", "fp32", "bf16"] = Field(description="auto: bf16 where the device computes it natively")
    log_every: int = Field(ge=1)
    checkpoint_every: int = Field(ge=1)
    optimisers: dict[Literal["segmenter", "discriminator", "hallucinator"], OptimiserSettings]


class EvaluationSettings(Section):
    """Scoring."""

    batch: int = Field(ge=1)
    samples: int = Field(ge=0, description="predictions kept of the first images, for figures")
    resamples: int = Field(ge=100, description="bootstrap resamples")


class Protocol(Section):
    """protocols/<name>.yaml."""

    description: str
    seed: int = Field(ge=0, description="seed of the drawn sets")
    datasets: dict[str, DatasetSettings]
    style_set: str
    stylizer: StylizerSettings
    segmenter: SegmenterSettings
    discriminator: DiscriminatorSettings
    hallucinator: HallucinatorSettings
    training: TrainingSettings
    evaluation: EvaluationSettings
    methods: dict[Name, dict[str, Any]]


class ExperimentEntry(BaseModel):
    """An entry of `experiments`: these keys, and any setting of its method."""

    model_config = ConfigDict(frozen=True, extra="allow")

    recipe: Name
    source: Literal["gta5", "synthia", "cityscapes", "mapillary"]
    label: str | None = Field(default=None, description="row name, where the paper has none")
    group: Name = Field(default="paper", description="target of the workflow that builds it")
    tables: dict[str, str | None] = Field(default={}, description="table -> id of the paper's row, null if it has none")


class TableSettings(Section):
    """A table of the report; its rows are the experiments that name it, in their order."""

    title: str
    classes: Literal[19, 16, 13] = Field(description="classes that its mIoU averages over")
    targets: tuple[str, ...] = Field(min_length=1)
    reference: str = Field(description="experiment that every row's paired difference is taken against")
    group: Name = "paper"


class Params(Section):
    """params.yaml."""

    protocol: Name
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    targets: tuple[str, ...] = Field(min_length=1)
    methods: dict[Name, dict[str, Any]]
    experiments: dict[Name, ExperimentEntry] = Field(min_length=1)
    tables: dict[Name, TableSettings]
    figures: dict[Name, dict[str, str]] = Field(description="figure -> {column title: experiment}")


class Experiment(Section):
    """All that the training of one experiment depends on; equal content means equal runs."""

    name: str
    recipe: str
    source: str
    method: dict[str, Any]
    segmenter: SegmenterSettings
    discriminator: DiscriminatorSettings
    hallucinator: HallucinatorSettings
    stylizer: StylizerSettings
    style_set: str
    training: TrainingSettings


class Settings(Section):
    """The whole configuration."""

    params: Params
    protocol: Protocol

    def experiment(self, name: str) -> Experiment:
        """Resolve one experiment; ConfigError if there is none of that name."""
        if name not in self.params.experiments:
            raise ConfigError(f"experiment {name!r} is not in params.yaml; known: {', '.join(self.params.experiments)}")
        entry, protocol = self.params.experiments[name], self.protocol
        method = {
            **self.params.methods.get(entry.recipe, {}),
            **protocol.methods.get(entry.recipe, {}),
            **(entry.model_extra or {}),
        }
        return Experiment(
            name=name,
            recipe=entry.recipe,
            source=entry.source,
            method=method,
            segmenter=protocol.segmenter,
            discriminator=protocol.discriminator,
            hallucinator=protocol.hallucinator,
            stylizer=protocol.stylizer,
            style_set=protocol.style_set,
            training=protocol.training,
        )

    def rows(self, table: str) -> list[str]:
        """The experiments of a table, in the order of params.yaml."""
        return [name for name, entry in self.params.experiments.items() if table in entry.tables]

    def members(self, group: str) -> list[str]:
        """The experiments of a group, in the order of params.yaml."""
        return [name for name, entry in self.params.experiments.items() if entry.group == group]


def load(path: Path) -> Settings:
    """Read and check params.yaml and its protocol, protocols/<protocol>.yaml beside it.

    Raises ConfigError that lists every fault, a line each.
    """
    params = _validated(Params, path)
    protocol = _validated(Protocol, path.parent / "protocols" / f"{params.protocol}.yaml")
    settings = Settings(params=params, protocol=protocol)
    faults = _cross_check(settings)
    if faults:
        raise ConfigError(several(f"{path}: {len(faults)} fault(s)", faults))
    return settings


def _validated(model: type[T], path: Path) -> T:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise ConfigError(f"{path}: missing; run from the folder that holds params.yaml") from cause
    except yaml.YAMLError as cause:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(cause).split())})") from cause
    try:
        return model.model_validate(content)
    except ValidationError as cause:
        raise ConfigError(several(f"{path}: {cause.error_count()} fault(s)", faults(cause))) from cause


def faults(error: ValidationError) -> list[str]:
    """Each fault of a pydantic error as one line: key, what was found, what was wanted."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "file"
        if fault["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; check its spelling")
        elif fault["type"] == "missing":
            lines.append(f"{key}: missing; state it")
        else:
            lines.append(f"{key}: found {fault['input']!r}; {fault['msg']}")
    return lines


def _cross_check(settings: Settings) -> list[str]:
    """Faults that no single section can see."""
    params, protocol = settings.params, settings.protocol
    lines = []
    for where, names, known in (
        ("targets", params.targets, protocol.datasets),
        ("style_set", [protocol.style_set], protocol.datasets),
        *((f"experiments.{n}.source", [e.source], protocol.datasets) for n, e in params.experiments.items()),
        *((f"experiments.{n}.tables", e.tables, params.tables) for n, e in params.experiments.items()),
        *((f"tables.{n}.targets", t.targets, params.targets) for n, t in params.tables.items()),
        *((f"tables.{n}.reference", [t.reference], settings.rows(n)) for n, t in params.tables.items()),
        *((f"figures.{n}", f.values(), params.experiments) for n, f in params.figures.items()),
    ):
        lines += [f"{where}: {name!r} is unknown; known: {_listed(known)}" for name in names if name not in known]
    return lines


def _listed(known: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    return ", ".join(known) or "none"
