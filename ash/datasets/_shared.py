"""Which classes the mean of a pair of sets is over: those that the tables of both lead to.

A network cannot have learnt a class that its source has no label for, and a target without a class cannot tell whether it
has.  CARLA and CamVid share road, sidewalk, building, fence, pole, sign, vegetation, sky, person and car: ten.  The rest
stays in the confusion matrix: a bicyclist of CamVid that is called a person is a false positive of the persons.

A class may be in doubt in one of the sets (`Dataset.doubtful`): CamVid has no class wall, and some of its low walls carry
the id of fence.  Such a class counts in the mean, and a second mean leaves it out.
"""

from collections.abc import Iterable

from ash import datasets
from ash.labels import N_CLASSES


def classes(name: str) -> frozenset[int]:
    """The train ids that label maps of a set can hold."""
    table = datasets.load(name).table
    return frozenset(table[table < N_CLASSES].tolist())


def shared(names: Iterable[str]) -> frozenset[int]:
    """The train ids that all of these sets have labels for."""
    return frozenset(range(N_CLASSES)).intersection(*(classes(name) for name in names))


def doubtful(names: Iterable[str]) -> frozenset[int]:
    """Those of the shared classes that are in doubt in one of the sets."""
    there = list(names)
    return shared(there).intersection(*[frozenset().union(*(datasets.load(name).doubtful for name in there))])
