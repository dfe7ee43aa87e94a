"""The frames of ACDC in snow: the files of `ash.datasets.acdc` below rgb_anon/snow and gt/snow."""

from ash.datasets.acdc import Acdc


class AcdcSnow(Acdc):
    """ACDC in snow."""

    name = "acdc_snow"
    condition = "snow"


DATASET = AcdcSnow()
