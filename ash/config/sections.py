"""The sections of params.yaml and of protocols/<name>.yaml: names, types and bounds of every setting."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    count: dict[str, Annotated[int, Field(ge=1)]] | None = Field(
        default=None, description="images per split of the published set, held-out ones included; null is not checked"
    )
    exclude: tuple[str, ...] = Field(default=(), description="ids that are left out; the manifest lists them")


class StylizerSettings(Section):
    """The frozen AdaIN encoder and decoder, and the cache of their features."""

    weights: str = Field(description="safetensors file of the pair")
    storage: Literal["fp16", "fp16_lz4", "uint8", "uint8_lz4"] = Field(description="how cached features are kept")
    cache_content: bool | Literal["auto"] = Field(
        description="cache source features too, or encode them in every step; auto: whichever is measured to be faster"
    )


class SegmenterSettings(Section):
    """DeepLab-v2: the published ResNet-101, or the small residual net of the same family."""

    kind: Literal["resnet101", "small"]
    width: int = Field(ge=4, description="channels of the stem (64 for resnet101)")
    blocks: tuple[int, int, int, int] = Field(description="residual blocks a stage")
    rates: tuple[int, ...] = Field(min_length=1, description="dilations of the ASPP head")
    weights: str | None = Field(
        default=None,
        description="file of initial weights, or torchvision:resnet101; null trains from scratch",
    )


class DiscriminatorSettings(Section):
    """Output-space discriminator: `strides` of its convolutions, and the size of the probability map that it sees."""

    width: int = Field(ge=4)
    strides: tuple[Literal[1, 2], ...] = Field(min_length=2)
    map_size: Size | None = Field(
        description="width and height that softmax maps are resized to, for D and for CLAN's M; null: the source's labels'"
    )


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
    decay: float | None = Field(
        default=None, description="of a decoder's fit: the rate is base / (1 + decay i) instead"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(description="auto: bf16 where the device computes it natively")
    log_every: int = Field(ge=1)
    checkpoint_every: int = Field(ge=1)
    order: Literal["simultaneous", "sequential"] = Field(
        description="players step after the last update of a batch, as in the release, or each after its own"
    )
    recompute: bool = Field(
        default=False,
        description="compute a block's features again in the backward pass: less memory, more time, the same numbers",
    )
    compile: Literal["none", "regions"] = Field(default="none", description="regions: equal results up to rounding")
    optimisers: dict[str, OptimiserSettings] = Field(description="one for each player that any method has")


class EvaluationSettings(Section):
    """Scoring."""

    batch: int = Field(ge=1)
    samples: int = Field(ge=0, description="predictions kept of the first images, for figures")
    resamples: int = Field(ge=100, description="bootstrap resamples")


class RainSettings(Section):
    """How ASM's VAE of style statistics is fitted."""

    seed: int = Field(ge=0)
    iterations: int = Field(ge=1)
    batch: int = Field(ge=1, description="styles a step")
    rate: float = Field(gt=0, description="Adam's learning rate at the first step")
    decay: float = Field(ge=0, description="the rate at step i is rate / (1 + decay i)")
    reconstruction_weight: float = Field(ge=0)


class DecoderSettings(Section):
    """How a decoder is fitted to a published encoder; Huang & Belongie 2017, as pytorch-AdaIN does it."""

    encoder: str = Field(description="vgg_normalised.pth, or torchvision:vgg19")
    contents: tuple[str, ...] = Field(min_length=1, description="data sets whose training images are the contents")
    seed: int = Field(ge=0)
    iterations: int = Field(ge=1)
    batch: int = Field(ge=1)
    crop: int = Field(ge=16, multiple_of=8, description="pixels of a crop's side")
    rate: float = Field(gt=0, description="Adam's learning rate at the first step")
    decay: float = Field(ge=0, description="the rate at step i is rate / (1 + decay i)")
    content_weight: float = Field(ge=0)
    style_weight: float = Field(ge=0)
    precision: Literal["auto", "fp32", "bf16"]
    log_every: int = Field(ge=1)
    checkpoint_every: int = Field(ge=1)


class ResourceSettings(Section):
    """What a job may use; the workflow hands it to a scheduler, and results do not depend on it."""

    threads: int = Field(ge=1)
    mem_mb: int = Field(ge=1, description="memory in MB")
    runtime: int = Field(ge=1, description="minutes")
    gpu: int = Field(ge=0)


class Protocol(Section):
    """protocols/<name>.yaml."""

    description: str
    seed: int = Field(ge=0, description="seed of the drawn sets")
    datasets: dict[str, DatasetSettings]
    targets: tuple[str, ...] = Field(
        default=(), description="data sets that models are scored on besides the `targets` of params.yaml"
    )
    style_set: str
    stylizer: StylizerSettings
    segmenter: SegmenterSettings
    discriminator: DiscriminatorSettings
    hallucinator: HallucinatorSettings
    training: TrainingSettings
    evaluation: EvaluationSettings
    resources: dict[Literal["light", "data", "features", "train", "evaluate"], ResourceSettings] = Field(
        default={}, description="of the jobs of each kind; those not named are small"
    )
    methods: dict[Name, dict[str, Any]]
    rain: RainSettings
    decoder: DecoderSettings | None = Field(
        default=None, description="for `fit_decoder`; null: the protocol has no published encoder"
    )
    refit: dict[str, Any] | None = Field(description="settings of a stylizer fitted from nothing; null if published")


class ExperimentEntry(BaseModel):
    """An entry of `experiments`: these keys, and any setting of its method."""

    model_config = ConfigDict(frozen=True, extra="allow")

    method: Name = Field(alias="recipe", description="file of ash/methods")
    source: Name = Field(description="data set whose labelled training images are learnt from")
    target: Name | None = Field(
        default=None, description="data set whose training images, without labels, a method of adaptation may use"
    )
    training: dict[str, Any] = Field(
        default={}, description="what differs from the protocol's `training`, as nested there"
    )
    label: str | None = Field(default=None, description="row name, where the paper has none")
    tables: dict[str, str | None] = Field(default={}, description="table -> id of the paper's row, null if it has none")


class TableSettings(Section):
    """A table of the report; its rows are the experiments that name it, in their order."""

    title: str
    classes: Literal[19, 16, 13] = Field(description="classes that its mIoU averages over")
    targets: tuple[str, ...] = Field(min_length=1)
    reference: str = Field(description="experiment that every row's paired difference is taken against")
    group: Name = Field(default="paper", description="target of the workflow that builds it with others")


class Params(Section):
    """params.yaml."""

    protocol: Name
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    groups: tuple[Name, ...] = Field(min_length=1, description="groups of tables that the default target builds")
    targets: tuple[str, ...] = Field(
        min_length=1, description="data sets that models are scored on under every protocol, which may name more"
    )
    methods: dict[Name, dict[str, Any]]
    experiments: dict[Name, ExperimentEntry] = Field(
        min_length=1, description="all experiments; once loaded, those of `more_experiments` among them"
    )
    more_experiments: tuple[Name, ...] = Field(
        default=(),
        description="in the file more entries of that kind, which only `everything` trains; here their names",
    )
    tables: dict[Name, TableSettings]
    figures: dict[Name, dict[str, str]] = Field(description="figure -> {column title: experiment}")

    @property
    def standard(self) -> tuple[str, ...]:
        """The experiments that the default target trains, in the order of the file."""
        return tuple(name for name in self.experiments if name not in self.more_experiments)

    @model_validator(mode="before")
    @classmethod
    def _merged(cls, content: Any) -> Any:
        """Put the entries of `more_experiments` behind those of `experiments`, and keep their names."""
        more = content.get("more_experiments") if isinstance(content, dict) else None
        first = content.get("experiments") if more else None
        if not (isinstance(more, dict) and isinstance(first, dict)):
            return content
        twice = [name for name in more if name in first]
        if twice:
            raise ValueError(f"more_experiments: {', '.join(twice)} also in experiments; keep one of the two")
        return {**content, "experiments": {**first, **more}, "more_experiments": list(more)}
