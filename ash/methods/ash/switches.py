"""The numbers and switches of ASH; docs/why/fidelity.md says which of them the paper and its code have."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ash.config import Section
from ash.contract import Convention, Needs, StyleImages, Weights
from ash.labels import N_CLASSES
from ash.methods.ash.sublosses import SubLosses
from ash.segmentation import losses
from ash.style import adain
from ash.style.noise import NoiseForm

Share = Annotated[float, Field(gt=0, le=1)]


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features, eq. 4")
    lambda_adv: float = Field(ge=0, description="weight of the adversarial term, in H and in G")
    lambda_adv_multiple: float = Field(ge=0, description="factor on lambda_adv; Table 4 varies it")
    lambda_local: dict[str, float] = Field(description="CLAN's local weight, by source")
    epsilon: float = Field(ge=0, description="CLAN's floor of the local weight")
    preheat: float = Field(ge=0, le=1, description="share of training with unweighted adversarial terms")
    preheat_inclusive: bool = Field(
        description="whether the step at just that share is unweighted too, as in the release"
    )
    damping: bool = Field(description="whether d = 1 - i/N; else 1")
    through_m: bool = Field(description="whether M passes gradients; else it is a constant")
    lambda_c: float = Field(ge=0, description="weight of L_c")
    lambda_s1: float = Field(ge=0, description="weight of L_s1")
    lambda_s2: float = Field(ge=0, description="weight of L_s2")
    use_content: bool = Field(description="whether H has L_c (Table 6)")
    use_style: bool = Field(description="whether H has L_s1")
    use_divergence: bool = Field(description="whether H has L_s2")
    sub_losses: SubLosses = Field(
        description="L_c, L_s1, L_s2 as the code has them, or with the norms, the sign and the style of eq. 6 to 9"
    )
    statistics: adain.Statistics = Field(description="what S compares")
    resized_statistics: bool = Field(
        description="whether t takes the size of the style's map before L_s1, as in the release"
    )
    noise: NoiseForm = Field(description="form of the orthogonal noise on style features")
    condition: Literal["prediction", "uniform", "ground_truth"] = Field(description="what H is told")
    smoothing: float = Field(ge=0, lt=1, description="label smoothing of a predicted condition")
    delta: float = Field(description="offset of gamma; 0 is SFTGAN's transform")
    modulation: Literal["global", "local"] = Field(
        description="where gamma and beta act: before AdaIN, or on each cell"
    )
    bound: float | None = Field(gt=0, description="largest |gamma| and |beta|; null does not bound them")
    segmentation_on_stylised: float = Field(ge=0, description="weight of G's segmentation loss on x^")
    vgg_input: Convention = Field(description="how images enter the encoder")
    encode_mirrored: bool = Field(
        description="whether a mirrored image enters the encoder as such; else what was decoded is mirrored"
    )
    style_images: StyleImages = Field(
        description="paintings as prepared, or at the source's size with the release's jitter"
    )
    stylizer_weights: Weights = Field(description="encoder and decoder as published, or rounded to float16")
    g_image: Literal["shared", "own"] = Field(
        description="G's stylised image is H's, or is made anew with fresh noise and a condition of the label's size"
    )
    g_steps: Literal[1, 2] = Field(
        description="steps of G: with the sum of its terms, or as printed on the source and then on x^"
    )
    stylised_map: tuple[Share, Share] | None = Field(
        description="width and height of D's maps of x^ as shares of those of x; null: the same"
    )
    reversal: bool = Field(
        description="take H's adversarial gradient from G's backward pass, with its sign reversed: the same sum in fewer "
        "passes; only where x^ is shared and G has one step and no other loss on it",
    )

    @model_validator(mode="after")
    def _one_form_of_the_game(self) -> Self:
        if self.g_steps == 2 and self.g_image == "own":
            raise ValueError("g_steps 2 is the print, g_image own is the released code; state one of the two")
        if self.sub_losses == "printed" and self.modulation == "local":
            raise ValueError("sub_losses printed needs f', which modulation local does not have; state one of the two")
        return self

    @property
    def needs(self) -> Needs:
        """A discriminator, H, whose 20th class is void where it is told the truth, and a painting for each image."""
        return Needs(
            discriminators=1,
            condition=N_CLASSES + (self.condition == "ground_truth"),
            paintings=1,
            convention=self.vgg_input,
            encode_mirrored=self.encode_mirrored,
            style_images=self.style_images,
            weights=self.stylizer_weights,
        )
