"""The figures of the README's table are those that `make study` put into docs/results/study."""

import re

import pandas as pd

from tests.conftest import ROOT

STUDY = ROOT / "docs/results/study"
TARGET = "cityscapes"


def rows():
    """(label, the paper's value, ours) of the README's first table."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| Mean IoU") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def measured(experiment):
    """The row of an experiment on the Cityscapes-like set, of the first of two tables that has it."""
    frame = pd.concat([pd.read_csv(STUDY / f"{name}.csv") for name in ("table5", "controls")])
    found = frame[(frame["experiment"] == experiment) & (frame["target"] == TARGET)]
    return found.iloc[0]


def test_the_table_of_the_readme_is_the_studys():
    """Means, deviations, the paper's numbers, and how many seeds the text says."""
    experiments = ["source_only", "clan", "clan_noise", "ash", "stylised_segmentation_loss"]
    found = rows()
    assert len(found) == len(experiments)
    for (label, printed, ours), name in zip(found, experiments, strict=True):
        row = measured(name)
        assert ours == f"{row['ours_mean']:.1f} ± {row['ours_sd']:.1f}", label
        assert printed == ("-" if pd.isna(row["paper"]) else f"{row['paper']:.1f}"), label
    text = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    words = {3: "three", 4: "four", 5: "five"}
    assert f"over {words[int(measured('ash')['n'])]} seeds" in text


def test_the_counts_of_the_readme_are_those_of_the_claims():
    """How many of the paper's claims have each verdict in the study."""
    frame = pd.read_csv(STUDY / "claims.csv")
    verdicts = frame[frame["by"] == "paper"]["verdict"].value_counts()
    text = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    said = f"Of the paper's {verdicts.sum()} claims, {verdicts['holds']} hold in the miniature, "
    said += f"{verdicts['does not hold']} do not, and {verdicts['cannot tell']} cannot be told"
    assert said in text
