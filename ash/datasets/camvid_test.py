"""The test split of CamVid, to be scored on like any target: the files of `ash.datasets.camvid`, of which it is split val.

233 frames of two sequences: 0001TP, at dusk, of which 62 other frames train, and Seq05VD, of which none does.
"""

from ash.datasets.camvid import CamVid


class CamVidTest(CamVid):
    """CamVid's test frames."""

    name = "camvid_test"
    splits = ("val",)
    layout = "test/0001TP_008550.png and testannot/0001TP_008550.png"
    folders = {"val": "test"}  # noqa: RUF012


DATASET = CamVidTest()
