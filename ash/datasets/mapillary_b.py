"""Mapillary Vistas under mapping B, for a sensitivity check: the same files as `ash.datasets.mapillary`, another table.

Mapping B is that of CVRN (Huang et al., CVPR 2021; data loader and processing/init_vistas2cityscapes_format.py): road takes
bike lane 7, crosswalk 8, parking 10, service lane 14 and marked crosswalk 23, and loses manhole 41; sidewalk takes curb
cut 9 and pedestrian area 11; sign takes the back of signs 49.  The ASH paper does not say which mapping it used.
"""

from ash.datasets._base import id_table
from ash.datasets.mapillary import LABEL_TO_TRAIN as MAPPING_A
from ash.datasets.mapillary import N_IDS, Mapillary

LABEL_TO_TRAIN = {**MAPPING_A, 7: 0, 8: 0, 10: 0, 14: 0, 23: 0, 9: 1, 11: 1, 49: 7}
del LABEL_TO_TRAIN[41]
TABLE = id_table(LABEL_TO_TRAIN, void=range(N_IDS))


class MapillaryB(Mapillary):
    """Mapillary Vistas under mapping B."""

    name = "mapillary_b"
    table = TABLE


DATASET = MapillaryB()
