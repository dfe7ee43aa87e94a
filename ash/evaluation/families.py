"""Protocols that the field names together: what a table of generalisation to Cityscapes, BDD100K, Mapillary and ACDC is by.

    family      Cityscapes    BDD100K       Mapillary     ACDC         from
    clan        1024x512      1024x512*     1024x512*     1024x512*    RoyalVane/CLAN, evaluate_cityscapes.py
    robustnet   own size      own size      1536 crop     own size*    shachoi/RobustNet, datasets/__init__.py
    rein        in 1024x512   in 1280x720   in 1024x512   in 960x540   w1oves/Rein, configs/_base_/datasets/*_512x512.py
    tqdm        in 2048x1024  in 1280x720   in 2048x1024  in 2048x1024* ByeongHyunPak/tqdm and ysj9909/SoMA, the same folder
    native      own size      own size      own size      own size     no resize of anything

An asterisk marks a set that the family's own programs do not score, at the size that its rule gives: the figure compares
with none that is published.  CLAN stretches images; the ASH paper, which is of CLAN's family, does not say how it scores
Mapillary.  RobustNet's family scores ACDC nowhere.  Rein scores Mapillary on copies of half the size, which it does not
publish; here labels are as published.  Programs of rein and tqdm upsample logits without aligned corners; here the
network's own convention stands, which is a property of the network and not of the protocol.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ash.errors import ConfigError, known
from ash.evaluation.conventions import ACDC, PROTOCOLS, SETS, EvaluationProtocol

HEADLINE = ("cityscapes", "bdd100k", "mapillary")  # whose mean the field prints as C/B/M


@dataclass(frozen=True)
class Family:
    """A name, the protocol of each set, and the sets that the family's own programs score."""

    name: str
    protocols: Mapping[str, EvaluationProtocol]
    stated: frozenset[str]


def _family(name: str, ending: str, stated: tuple[str, ...], others: Mapping[str, str]) -> Family:
    """Each set under the protocol SET_ending, unless it is among `others`."""
    names = {dataset: others.get(dataset, f"{dataset}_{ending}") for dataset in SETS}
    return Family(name, {dataset: PROTOCOLS[protocol] for dataset, protocol in names.items()}, frozenset(stated))


FAMILIES = {
    family.name: family
    for family in (
        _family("clan", "clan", ("cityscapes",), {"cityscapes": "cityscapes", "mapillary": "mapillary_stretch"}),
        _family("robustnet", "own", HEADLINE, {"mapillary": "mapillary_1536"}),
        _family("rein", "rein", (*HEADLINE, *ACDC), {}),
        _family("tqdm", "tqdm", HEADLINE, {"bdd100k": "bdd100k_rein"}),
        _family("native", "own", SETS, {}),
    )
}


def load(names: list[str] | None = None) -> list[Family]:
    """The families of those names, or all; ConfigError names those there are."""
    for name in names or ():
        if name not in FAMILIES:
            raise ConfigError(f"family of protocols {name!r} is unknown; {known(name, FAMILIES)}")
    return [family for name, family in FAMILIES.items() if names is None or name in names]
