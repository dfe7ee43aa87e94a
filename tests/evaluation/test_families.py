"""Which protocol each family has for each set, as its programs say."""

import pytest

from ash.errors import ConfigError
from ash.evaluation import families
from ash.evaluation.conventions import SETS


@pytest.mark.parametrize(
    ("family", "cityscapes", "bdd100k", "mapillary", "acdc"),
    [
        (
            "clan",
            ("stretch", (1024, 512)),
            ("stretch", (1024, 512)),
            ("stretch", (1024, 512)),
            ("stretch", (1024, 512)),
        ),
        ("robustnet", ("own", (0, 0)), ("own", (0, 0)), ("crop", (1536, 1536)), ("own", (0, 0))),
        ("rein", ("within", (1024, 512)), ("within", (1280, 720)), ("within", (1024, 512)), ("within", (960, 540))),
        ("tqdm", ("within", (2048, 1024)), ("within", (1280, 720)), ("within", (2048, 1024)), ("within", (2048, 1024))),
        ("native", ("own", (0, 0)), ("own", (0, 0)), ("own", (0, 0)), ("own", (0, 0))),
    ],
)
def test_sizes_of_each_family(family, cityscapes, bdd100k, mapillary, acdc):
    """As in the table of the module; each condition of ACDC as all of them."""
    protocols = families.FAMILIES[family].protocols
    found = {name: (protocol.fit, protocol.size) for name, protocol in protocols.items()}
    wanted = {"cityscapes": cityscapes, "bdd100k": bdd100k, "mapillary": mapillary}
    assert found == wanted | {name: acdc for name in SETS if name.startswith("acdc")}
    assert all(protocol.dataset == protocol.labels == name for name, protocol in protocols.items())


def test_what_a_familys_programs_do_not_score_is_marked():
    """CLAN scores Cityscapes alone, RobustNet and tqdm no ACDC."""
    missing = {name: set(SETS) - family.stated for name, family in families.FAMILIES.items()}
    acdc = {name for name in SETS if name.startswith("acdc")}
    assert missing == {
        "clan": {"bdd100k", "mapillary", *acdc}, "robustnet": acdc, "rein": set(), "tqdm": acdc, "native": set(),
    }  # fmt: skip


def test_families_are_chosen_by_name():
    """In their own order; an unknown one is one line with the nearest."""
    assert [family.name for family in families.load(["native", "clan"])] == ["clan", "native"]
    assert len(families.load()) == 5
    with pytest.raises(ConfigError, match=r"'robusnet' is unknown; known: clan, .*; did you mean 'robustnet'\?"):
        families.load(["robusnet"])
