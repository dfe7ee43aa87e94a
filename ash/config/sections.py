"""The sections of protocols/<name>.yaml: names, types and bounds of every setting."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ash.config.kinds import (
    LONGEST,
    Count,
    Depth,
    FilePath,
    Name,
    Names,
    Rate,
    Rising,
    Section,
    Seed,
    Size,
    Split,
    Weight,
    Width,
)


class DatasetSettings(Section):
    """Where a set lies and how it is prepared."""

    root: FilePath = Field(description="folder of the set in its published layout")
    image_size: Size = Field(description="width and height that images are resized to")
    label_size: Size = Field(description="width and height at which labels are kept and predictions are scored")
    validation: int = Field(
        ge=0, le=10**9, description="number of last ids held out as split val; 0 where the set has its own"
    )
    draw: dict[Split, Count] | None = Field(
        min_length=1, description="images per split to draw; null for a set that the user provides"
    )
    draw_size: Size | None = Field(default=None, description="size at which images are drawn")
    count: dict[Split, Count] | None = Field(
        default=None, description="images per split of the published set, held-out ones included; null is not checked"
    )
    exclude: tuple[str, ...] = Field(default=(), description="ids that are left out; the manifest lists them")

    @model_validator(mode="after")
    def _some_images_train(self) -> Self:
        for key, counts in (("draw", self.draw), ("count", self.count)):
            if counts and self.validation >= counts.get("train", self.validation + 1):
                raise ValueError(
                    f"validation {self.validation} leaves none of {key}'s {counts['train']} images to train on; lower it"
                )
        if bool(self.draw) != bool(self.draw_size):
            raise ValueError("one of draw and draw_size is stated without the other; state both, or neither")
        return self


class StylizerSettings(Section):
    """The frozen AdaIN encoder and decoder, and the cache of their features."""

    weights: FilePath = Field(description="safetensors file of the pair")
    storage: Literal["fp16", "fp16_lz4", "uint8", "uint8_lz4"] = Field(description="how cached features are kept")
    cache_content: bool | Literal["auto"] = Field(
        description="cache source features too, or encode them in every step; auto: whichever is measured to be faster"
    )


class SegmenterSettings(Section):
    """DeepLab-v2: the published ResNet-101, the small residual net of the same family, or one on another backbone."""

    kind: Literal["resnet101", "resnet18", "efficientnet_lite0", "small"]
    width: Width = Field(ge=4, description="channels of the stem (64 for resnet101)")
    blocks: tuple[Depth, Depth, Depth, Depth] = Field(description="residual blocks a stage")
    rates: Rising = Field(min_length=1, max_length=16, description="dilations of the ASPP head, in rising order")
    weights: FilePath | None = Field(
        default=None,
        description="file of initial weights, torchvision:resnet101 (resnet50, resnet18) or package:efficientnet_lite0; "
        "null trains from scratch",
    )

    @model_validator(mode="after")
    def _of_one_size(self) -> Self:
        if self.kind == "efficientnet_lite0" and (self.width, self.blocks) != (32, (3, 2, 3, 3)):
            raise ValueError("efficientnet_lite0 has one size; state width: 32 and blocks: [3, 2, 3, 3]")
        return self


class DiscriminatorSettings(Section):
    """Output-space discriminator: `strides` of its convolutions, and the size of the probability map that it sees."""

    width: Width = Field(ge=4)
    strides: tuple[Literal[1, 2], ...] = Field(min_length=2, max_length=8)
    map_size: Size | None = Field(
        description="width and height that softmax maps are resized to, for D and for CLAN's M; null: the source's labels'"
    )


class HallucinatorSettings(Section):
    """ASH's module H."""

    condition: tuple[Width, Width] = Field(description="channels of the condition net")
    stride: int = Field(ge=1, le=LONGEST, description="kernel and stride of its first convolution")


class OptimiserSettings(Section):
    """One player's optimiser."""

    kind: Literal["sgd", "adam", "adamw"]
    lr: Rate
    weight_decay: float = Field(ge=0, le=10)
    momentum: float = Field(ge=0, lt=1, description="SGD's momentum, or Adam's beta_1")
    beta2: float = Field(ge=0, lt=1, description="Adam's beta_2; SGD has none")
    clip: float | None = Field(gt=0, description="largest norm of the gradient; null does not clip")
    head_multiplier: float = Field(gt=0, le=1e6, description="learning rate of the segmenter's heads, relative to lr")
    backbone_multiplier: float = Field(gt=0, le=1e6, description="of all else")
    listing: Literal["once", "release"] = Field(
        default="once",
        description="each tensor steps once, or those of the segmenter's backbone as often as the release lists them",
    )


class TrainingSettings(Section):
    """The loop."""

    iterations: Count
    batch: int = Field(ge=1, le=LONGEST)
    label_stride: int = Field(
        ge=1, le=LONGEST, description="the loss sees every n-th pixel of the label; 1 is the paper's"
    )
    warmup: float = Field(ge=0, lt=1, description="share of the iterations with a linear warm-up from 0")
    power: float = Field(gt=0, le=100, description="exponent of the polynomial decay")
    decay: float | None = Field(
        default=None, ge=0, description="of a decoder's fit: the rate is base / (1 + decay i) instead"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(description="auto: bf16 where the device computes it natively")
    log_every: Count
    checkpoint_every: Count
    order: Literal["simultaneous", "sequential"] = Field(
        description="players step after the last update of a batch, as in the release, or each after its own"
    )
    recompute: bool = Field(
        default=False,
        description="compute a block's features again in the backward pass: less memory, more time, the same numbers",
    )
    compile: Literal["none", "regions"] = Field(default="none", description="regions: equal results up to rounding")
    images: Literal["train", "all"] = Field(
        default="train", description="the source's training images, or those held out as well, as in the release"
    )
    jitter: bool = Field(
        default=False,
        description="resize the images of a step by 1.1 or 0.8 (30 % of steps each) and not their labels, as in the release",
    )
    classes: Literal[19, 16, 13] = Field(
        default=19, description="classes that are learnt; the labels of all others are void"
    )
    regime: Literal["plain", "strong"] = Field(
        default="plain",
        exclude_if=lambda regime: regime == "plain",  # so that runs of before there were two keep their digest
        description="strong: scale crops, colour jitter, blur and class-uniform sampling of the source (ash.training.regime)",
    )
    optimisers: dict[Name, OptimiserSettings] = Field(description="one for each player that any method has")


class EvaluationSettings(Section):
    """Scoring."""

    batch: int = Field(ge=1, le=LONGEST)
    samples: int = Field(ge=0, le=LONGEST, description="predictions kept of the first images, for figures")
    resamples: int = Field(ge=100, le=LONGEST, description="bootstrap resamples over images, with one seed")


class RainSettings(Section):
    """How ASM's VAE of style statistics is fitted."""

    seed: Seed
    iterations: Count
    batch: int = Field(ge=1, le=LONGEST, description="styles a step")
    rate: Rate = Field(description="Adam's learning rate at the first step")
    decay: float = Field(ge=0, description="the rate at step i is rate / (1 + decay i)")
    reconstruction_weight: Weight


class DecoderSettings(Section):
    """How a decoder is fitted to a published encoder; Huang & Belongie 2017, as pytorch-AdaIN does it."""

    encoder: FilePath = Field(description="vgg_normalised.pth, or torchvision:vgg19")
    contents: Names = Field(min_length=1, description="data sets whose training images are the contents")
    seed: Seed
    iterations: Count
    batch: int = Field(ge=1, le=LONGEST)
    crop: int = Field(ge=16, le=LONGEST, multiple_of=8, description="pixels of a crop's side")
    rate: Rate = Field(description="Adam's learning rate at the first step")
    decay: float = Field(ge=0, description="the rate at step i is rate / (1 + decay i)")
    content_weight: Weight
    style_weight: Weight
    precision: Literal["auto", "fp32", "bf16"]
    log_every: Count
    checkpoint_every: Count


class ResourceSettings(Section):
    """What a job may use; the workflow hands it to a scheduler, and results do not depend on it."""

    threads: int = Field(ge=1, le=4096)
    mem_mb: Count = Field(description="memory in MB")
    runtime: int = Field(ge=1, le=10**7, description="minutes")
    gpu: int = Field(ge=0, le=1024)


class Protocol(Section):
    """protocols/<name>.yaml."""

    description: str = Field(max_length=1000)
    seed: Seed = Field(description="seed of the drawn sets")
    datasets: dict[Name, DatasetSettings] = Field(min_length=1)
    targets: Names = Field(
        default=(), description="data sets that models are scored on besides the `targets` of params.yaml"
    )
    further_targets: Names = Field(
        default=(),
        description="data sets that models are scored on where a table has `further: true`, and nowhere else",
    )
    held_out: Name | None = Field(
        default=None,
        description="data set of leave-one-domain-out selection, nobody's source and nobody's target; scored as those are",
    )
    style_set: Name
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
