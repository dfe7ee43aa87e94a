"""The frames of ACDC in fog: the files of `ash.datasets.acdc` below rgb_anon/fog and gt/fog."""

from ash.datasets.acdc import Acdc


class AcdcFog(Acdc):
    """ACDC in fog."""

    name = "acdc_fog"
    condition = "fog"


DATASET = AcdcFog()
