"""Claims as data: the shipped ones agree with the paper's numbers, and faults have a line each."""

import pytest
import yaml

from ash.config import load
from ash.errors import ConfigError
from ash.labels import CLASSES
from ash.report.claims import Contrast, Proof, load_claims
from tests.conftest import ROOT, STUDIES
from tests.contract.test_prose import is_there

FILE = ROOT / "workflow/resources/claims.yaml"


@pytest.fixture(scope="module")
def settings():
    """The repository's settings."""
    return load(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def shipped(settings):
    """The claims of the repository, whose experiments and targets its params.yaml has."""
    return load_claims(FILE, settings)


def printed_of(settings, paper, claim, name):
    """What the paper prints for an experiment on a claim's target, in any of its tables."""
    entry = settings.params.experiments[name]
    rows = [(table, paper[table].rows[row]) for table, row in entry.tables.items() if row]
    if claim.classes:
        order = [paper[table].classes for table, row in rows if claim.target in row.per_class]
        values = [row.per_class[claim.target] for _, row in rows if claim.target in row.per_class]
        return {
            sum(v[o.index(c)] for c in claim.classes) / len(claim.classes) for o, v in zip(order, values, strict=True)
        }
    return {row.miou[claim.target] for _, row in rows if claim.target in row.miou}


def test_printed_numbers_are_the_papers(settings, shipped, paper):
    """Each printed pair stands in the paper's tables; of several rivals it is the best one's number."""
    checked = 0
    for name, claim in shipped.items():
        if isinstance(claim, Contrast) and claim.printed and not name.startswith("noise_"):  # forms that no table has
            first = printed_of(settings, paper, claim, claim.first)
            seconds = [value for one in claim.seconds for value in printed_of(settings, paper, claim, one)]
            assert any(claim.printed[0] == pytest.approx(value) for value in first), name
            assert claim.printed[1] == pytest.approx(max(seconds)), name
            checked += 1
    assert checked >= 20


def test_the_successor_is_claimed_to_beat_each_of_four_on_both_targets(settings):
    """As stated and as a search picks them: it earns its name by no less."""
    claims = load_claims(ROOT / "workflow/resources/successor_claims.yaml", settings)
    rivals = {"stylised_segmentation_loss", "asm", "advstyle", "style_random_class"}
    for first in ("style_adversarial_class", "style_adversarial_class_consistency"):
        beaten = {
            (one.seconds, one.target)
            for name, one in claims.items()
            if name.startswith("successor") and one.first == first
        }
        assert beaten == {
            ((rival, f"{rival}_searched"), target) for rival in rivals for target in settings.params.targets
        }


@pytest.mark.parametrize("group", STUDIES)
def test_every_row_of_a_study_is_claimed_about(settings, group):
    """In a file of its own, which names no experiment of other tables."""
    claims = load_claims(ROOT / f"workflow/resources/{group}_claims.yaml", settings)
    rows, named = set(settings.experiments([group])), {name for one in claims.values() for name in one.experiments()}
    assert rows - named <= {"clan", "ash", "asm", "colour_jitter", "domain_randomisation", "style_adversarial_class"}
    assert named <= rows


def test_every_table_of_the_paper_is_claimed_about(shipped):
    """Tables 1 to 6, Figure 4, the abstract and sections 4.3 to 5.2."""
    places = " ".join(claim.where for claim in shipped.values() if claim.by == "paper")
    wanted = [*(f"Table {k}" for k in range(1, 7)), "Figure 4", "Abstract", "4.3", "4.4", "4.5", "5.1", "5.2"]
    assert [place for place in wanted if place not in places] == []


def test_proofs_name_tests_that_are_there(shipped):
    """What is said to hold by construction is shown by a test of the project."""
    tests = [claim.test for claim in shipped.values() if isinstance(claim, Proof)]
    assert tests
    assert [test for test in tests if not is_there(test)] == []


GOOD = {"claim": "A is better.", "where": "Table 1", "kind": "contrast", "first": "ash", "second": "clan",
        "target": "cityscapes", "direction": "better"}  # fmt: skip
STYLE = {
    "claim": "A.",
    "where": "5.1",
    "kind": "style",
    "experiment": "ash",
    "norm": "gamma",
    "per": "class",
    "of": ["road"],
}
WRONG = [
    ({**GOOD, "first": "orcle"}, "a.experiments: 'orcle' is not in params.yaml; .*did you mean 'oracle'"),
    ({**GOOD, "second": ["clan", "clam"]}, "a.experiments: 'clam' is not in params.yaml"),
    ({**GOOD, "target": "kitti"}, "a.target: 'kitti' is not in params.yaml; known: cityscapes, mapillary"),
    ({**GOOD, "kind": "guess"}, "a: found .*wanted `kind`, one of contrast, order"),
    ({k: v for k, v in GOOD.items() if k != "kind"}, "a: found .*wanted `kind`"),
    ("words", "a: found 'words'; wanted `kind`"),
    ({**GOOD, "direction": "comparable"}, "direction comparable and margin None do not go together"),
    ({**GOOD, "margin": 1.0}, "direction better and margin 1.0 do not go together"),
    ({**GOOD, "classes": ["tram"]}, "a.contrast.classes.0: found 'tram'"),
    ({**GOOD, "first_seed": 1}, "first_seed: unknown key"),
    ({**GOOD, "claim": "two\nlines"}, "a.contrast.claim: found"),
    ({**GOOD, "claim": "a | b"}, "a.contrast.claim: found"),
    ({**GOOD, "printed": [1.0]}, "a.contrast.printed"),
    (STYLE, "states several of over, below and above, or none"),
    ({**STYLE, "over": ["sky"], "above": 1.0}, "states several of over, below and above, or none"),
    ({**STYLE, "above": 200.0}, "a.style.above: found 200.0"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "told"), WRONG)
def test_a_wrong_claim_is_named(settings, tmp_path, content, told):
    """The claim, the key, what was found, and what may stand there; a line for each fault."""
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"a": content, "b": GOOD}))
    with pytest.raises(ConfigError, match=told) as caught:
        load_claims(path, settings)
    assert str(caught.value).splitlines()[0] == f"{path}: 1 fault(s)"


def test_every_fault_has_a_line(settings, tmp_path):
    """Two claims with an unknown name each: two lines."""
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"a": {**GOOD, "first": "x"}, "b": {**GOOD, "second": "y"}, "c": GOOD}))
    with pytest.raises(ConfigError, match=r"2 fault\(s\)") as caught:
        load_claims(path, settings)
    assert len(str(caught.value).splitlines()) == 3


def test_a_file_that_is_missing_is_named(settings, tmp_path):
    """As all settings are."""
    with pytest.raises(ConfigError, match="claims.yaml: missing; restore it from the repository"):
        load_claims(tmp_path / "claims.yaml", settings)


def test_figure_4_is_about_all_classes(shipped):
    """The claims on single classes name those that there are."""
    assert set(shipped["gamma_zero"].of) == set(CLASSES)
    assert set(CLASSES) - set(shipped["almost_all_classes"].of) == {"vegetation"}
