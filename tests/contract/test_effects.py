"""A sentence of README and docs on an effect names the claim that the results answer, and no more is said there."""

import re

import pytest

from ash.config import load
from ash.report.claims import load_claims
from ash.report.in_words import END, START
from tests.conftest import ROOT, STUDIES
from tests.support.prose import told

EFFECT = re.compile(
    r"\b(better|worse|helps?|hurts?|gain(?:s|ed)?|beats?|outperform\w*|improves?|degrades?|told apart|effects?|level with)\b",
    re.I,
)
SCORED = re.compile(r"\b(mIoU|points|seeds?|miniature|stylisation|game|noise|ASH)\b")
FILES = ("claims.yaml", *(f"{name}_claims.yaml" for name in STUDIES))
PAGES = (
    "README.md",
    "docs/README.md",
    "docs/tour.md",
    "docs/results/README.md",
    *(f"docs/results/{name}/README.md" for name in STUDIES),
    "docs/why/miniature.md",
)
# What says of no experiment that it does better: how results are read, and where they come from.
OTHER = (
    "One seed cannot tell two methods apart",
    "one seed cannot tell two methods apart",
    "is better than by more than",
)


def paragraphs(name):
    """The paragraphs of a page, without code, quotations, and what `ash claims-reading` wrote."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(re.escape(START) + ".*?" + re.escape(END), "", text, flags=re.S)
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return [re.sub(r"\s+", " ", re.sub(r'"[^"]*"|\*Adversarial[^*]*\*', "", part)) for part in text.split("\n\n")]


@pytest.fixture(scope="module")
def claims():
    """The ids of all claims."""
    settings = load(ROOT / "params.yaml")
    return {name for file in FILES for name in load_claims(ROOT / "workflow/resources" / file, settings)}


def test_an_effect_is_a_claim(claims):
    """A paragraph on what does better names its claim between backticks, whose verdict the results have."""
    wrong = []
    for name in PAGES:
        for part in paragraphs(name):
            bare = part
            for words in OTHER:
                bare = bare.replace(words, "")
            if EFFECT.search(bare) and SCORED.search(bare) and not claims & set(re.findall(r"`(\w+)`", part)):
                wrong.append(f"{name}: {part[:120]}")
    assert not wrong, told(wrong)


def test_the_test_sees_effects(claims):
    """The sentence that README once had would be found."""
    old = "In the miniature neither the noise nor ASH shows a measurable effect; a segmentation loss on stylised images does."
    assert EFFECT.search(old)
    assert SCORED.search(old)
    assert not claims & set(re.findall(r"`(\w+)`", old))
