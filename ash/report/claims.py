"""The claims that the report answers, as data: workflow/resources/claims.yaml, id -> claim.

    contrast   one experiment against another, or against the best of several, in mIoU or the mean IoU of some classes
    order      one effect (an experiment minus another) against the largest of others
    style      what classes share of the change of gamma's or beta's L1 norm, as in the paper's Figure 4
    cost       passes through the segmenter of a training step, with a number of renderings that the paper names
    proof      follows from the equations or the code, whatever is measured; a test shows it
    open       no experiment here answers it

`printed` are the paper's two numbers, whose difference is set against ours.  What holds is decided in ash.report.verdicts.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ash.config import Name, Section, Settings, read_yaml, validated
from ash.errors import ConfigError, known, several
from ash.labels import CLASSES

Text = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^\S[^\n|]*$")]  # of one line, in a cell of Markdown
Class = Literal[CLASSES]  # type: ignore[valid-type]
Classes = tuple[Class, ...]
Pair = tuple[Name, Name]  # an effect: the first experiment minus the second
Direction = Literal["better", "worse", "comparable", "competitive"]
Verdict = Literal["holds", "does not hold", "cannot tell"]
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"


class Claim(Section):
    """What every claim states."""

    claim: Text = Field(description="in our own words")
    where: Text = Field(description="section and table of the paper, or of this project's docs")
    by: Literal["paper", "project"] = Field(default="paper", description="whose claim it is")

    def experiments(self) -> tuple[str, ...]:
        """The experiments that answer it."""
        return ()


class Contrast(Claim):
    """`first` minus `second` on a target; of several seconds, the one with the best mean over seeds."""

    kind: Literal["contrast"]
    first: Name
    second: Name | tuple[Name, ...] = Field(description="an experiment, or several of which the best counts")
    target: Name
    classes: Classes = Field(default=(), description="mean IoU of these alone; empty: mIoU of the source's classes")
    direction: Direction = Field(
        description="of first, beside second: comparable within the margin, competitive if not worse by more than that"
    )
    margin: float | None = Field(default=None, gt=0, description="points that count as no difference")
    printed: tuple[float, float] | None = Field(default=None, description="the paper's first and second, per cent")

    @property
    def seconds(self) -> tuple[str, ...]:
        """The experiments that `first` is set against."""
        return (self.second,) if isinstance(self.second, str) else self.second

    def experiments(self) -> tuple[str, ...]:
        """The first, then what it is set against."""
        return (self.first, *self.seconds)

    @model_validator(mode="after")
    def _margin_where_it_counts(self) -> "Contrast":
        if (self.margin is not None) != (self.direction in ("comparable", "competitive")):
            raise ValueError(
                f"direction {self.direction} and margin {self.margin} do not go together; state or drop it"
            )
        return self


class Order(Claim):
    """The effect `larger` minus the largest of `smaller`, on a target."""

    kind: Literal["order"]
    larger: Pair
    smaller: tuple[Pair, ...] = Field(min_length=1)
    target: Name
    printed: tuple[float, float] | None = Field(default=None, description="the paper's two effects, points")

    def experiments(self) -> tuple[str, ...]:
        """Those of all effects."""
        return tuple(dict.fromkeys(name for pair in (self.larger, *self.smaller) for name in pair))


class Style(Claim):
    """Shares of classes: `of` against `over`, or against a number of per cent."""

    kind: Literal["style"]
    experiment: Name
    norm: Literal["gamma", "beta"]
    per: Literal["class", "pixel"] = Field(description="pixel: divided by the pixels predicted as the class")
    of: Classes = Field(min_length=1)
    over: Classes = Field(default=(), description="the least share of `of` is above the largest share of these")
    below: float | None = Field(default=None, gt=0, le=100, description="the largest share of `of` is below this")
    above: float | None = Field(default=None, gt=0, le=100, description="the least share of `of` is above this")
    some: bool = Field(default=False, description="below: the least share of `of`, not the largest")

    def experiments(self) -> tuple[str, ...]:
        """The one whose hallucinator is looked at."""
        return (self.experiment,)

    @model_validator(mode="after")
    def _one_measure(self) -> "Style":
        if sum([bool(self.over), self.below is not None, self.above is not None]) != 1:
            raise ValueError("states several of over, below and above, or none; state one")
        return self


class Cost(Claim):
    """Passes of a step of `first` beside those of `second` with that many renderings of each image."""

    kind: Literal["cost"]
    first: Name
    second: Name
    renderings: int = Field(ge=1, le=1000, description="stylised copies of each source image in a step")
    below: float = Field(gt=0, le=1, description="share of the second's passes that counts as much less")

    def experiments(self) -> tuple[str, ...]:
        """Both."""
        return (self.first, self.second)


class Proof(Claim):
    """What needs no measurement."""

    kind: Literal["proof"]
    verdict: Literal["holds", "does not hold"]
    why: Text
    test: Text = Field(description="the test that shows it, as file::name")


class Open(Claim):
    """What nothing here answers."""

    kind: Literal["open"]
    why: Text


AnyClaim = Contrast | Order | Style | Cost | Proof | Open
Chosen = Annotated[
    Annotated[Contrast, Tag("contrast")]
    | Annotated[Order, Tag("order")]
    | Annotated[Style, Tag("style")]
    | Annotated[Cost, Tag("cost")]
    | Annotated[Proof, Tag("proof")]
    | Annotated[Open, Tag("open")],
    Discriminator(
        lambda content: content.get("kind") if isinstance(content, dict) else None,
        custom_error_type="kind",
        custom_error_message="wanted `kind`, one of contrast, order, style, cost, proof and open",
    ),
]  # by function, as sections check their own fields before pydantic does


def load_claims(path: Path, settings: Settings) -> dict[str, AnyClaim]:
    """The claims of a file; ConfigError, a line each, for faults and for experiments and targets that settings lack."""
    claims: dict[str, AnyClaim] = validated(dict[Name, Chosen], path, read_yaml(path, "restore it from the repository"))
    wrong = [f"{name}.{fault}" for name, claim in claims.items() for fault in _unknown(claim, settings)]
    if wrong:
        raise ConfigError(several(f"{path}: {len(wrong)} fault(s)", wrong))
    return claims


def _unknown(claim: AnyClaim, settings: Settings) -> Iterator[str]:
    """Experiments and targets of a claim that the settings do not have."""
    checks: list[tuple[str, Iterable[str], Iterable[str]]] = [
        ("experiments", claim.experiments(), settings.params.experiments),
        ("target", [claim.target] if isinstance(claim, Contrast | Order) else [], settings.targets),
    ]
    for what, names, there in checks:
        for name in names:
            if name not in list(there):
                yield f"{what}: {name!r} is not in params.yaml; {known(name, there)}; correct it, or remove the claim"
