"""The frames of ACDC in rain: the files of `ash.datasets.acdc` below rgb_anon/rain and gt/rain."""

from ash.datasets.acdc import Acdc


class AcdcRain(Acdc):
    """ACDC in rain."""

    name = "acdc_rain"
    condition = "rain"


DATASET = AcdcRain()
