"""The frames of ACDC at night: the files of `ash.datasets.acdc` below rgb_anon/night and gt/night."""

from ash.datasets.acdc import Acdc


class AcdcNight(Acdc):
    """ACDC at night."""

    name = "acdc_night"
    condition = "night"


DATASET = AcdcNight()
