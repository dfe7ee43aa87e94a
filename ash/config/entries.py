"""The sections of params.yaml: experiments, tables, figures, and what every scale shares."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ash.config.kinds import Columns, Distinct, FilePath, Line, Name, Names, Section, Seed


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
    label: Line | None = Field(default=None, description="row name, where the paper has none")
    tables: dict[str, str | None] = Field(default={}, description="table -> id of the paper's row, null if it has none")


class TableSettings(Section):
    """A table of the report; its rows are the experiments that name it, in their order."""

    title: Line
    classes: Literal[19, 16, 13] = Field(description="classes that its mIoU averages over")
    targets: Names = Field(min_length=1)
    reference: Name = Field(description="experiment that every row's paired difference is taken against")
    group: Name = Field(default="paper", description="target of the workflow that builds it with others")
    further: bool = Field(
        default=False, description="show the protocol's held-out set and further targets too, behind its own"
    )


class Figures(Section):
    """The columns of the paper's figures; both are drawn in every report."""

    figure3: Columns = Field(description="{column title: experiment}, whose predictions stand side by side")
    figure4: Columns = Field(max_length=1, description="{title: experiment}, of one experiment with a hallucinator")


class Params(Section):
    """params.yaml."""

    protocol: Name
    seeds: Annotated[tuple[Seed, ...], Distinct] = Field(min_length=1)
    groups: Names = Field(min_length=1, description="groups of tables that the default target builds")
    targets: Names = Field(
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
    tables: dict[Name, TableSettings] = Field(min_length=1)
    figures: Figures = Field(description="figure -> {column title: experiment}")
    claims: FilePath | None = Field(
        default=None, description="file of the claims that the report answers; null for settings that no claim is about"
    )

    @property
    def standard(self) -> tuple[str, ...]:
        """The experiments that the default target trains, in the order of the file."""
        return tuple(name for name in self.experiments if name not in self.more_experiments)

    @model_validator(mode="before")
    @classmethod
    def _merged(cls, content: Any) -> Any:
        """Put the entries of `more_experiments` behind those of `experiments`, and keep their names."""
        more = content.get("more_experiments") if isinstance(content, dict) else None
        first = content.get("experiments") if isinstance(content, dict) else None
        if not (isinstance(more, dict) and isinstance(first, dict)):
            return content
        twice = [name for name in more if name in first]
        if twice:
            raise ValueError(f"more_experiments: {', '.join(twice)} also in experiments; keep one of the two")
        return {**content, "experiments": {**first, **more}, "more_experiments": list(more)}
