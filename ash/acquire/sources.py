"""Where the paper's sets are published: their archives, the page, the licence; those of `ash.acquire.streets` beside them.

A set that is brought as a folder needs no entry here.

No publisher states checksums for anybody to download (csDownload checks Cityscapes' MD5 by itself): the first fetch pins
each archive's SHA-256, and every later one is held against it.
"""

from dataclasses import replace

from ash.acquire.archives import Archive, Source
from ash.acquire.streets import STREETS


def _gta5() -> tuple[Archive, ...]:
    kinds = ("images", "labels")
    return tuple(Archive(f"{k:02d}_{kind}.zip", (f"{kind}/*.png",)) for k in range(1, 11) for kind in kinds)


_VISTAS = tuple(f"{split}/{kind}" for split in ("training", "validation") for kind in ("images/*.jpg", "labels/*.png"))

SOURCES = {
    source.name: source
    for source in (
        Source(
            "gta5",
            "https://download.visinf.tu-darmstadt.de/data/from_games/",
            "http",
            "https://download.visinf.tu-darmstadt.de/data/from_games/data/",
            "57 GB",
            _gta5(),
            "for research and educational use only; cite Richter et al., Playing for Data, ECCV 2016",
        ),
        Source(
            "synthia",
            "https://synthia-dataset.net/downloads/",
            "hand",
            "",
            "20 GB",
            (Archive("SYNTHIA_RAND_CITYSCAPES.rar", (), "rar"),),
            "CC BY-NC-SA 3.0, non-commercial; cite Ros et al., The SYNTHIA Dataset, CVPR 2016",
            top="RAND_CITYSCAPES",
        ),
        Source(
            "cityscapes",
            "https://www.cityscapes-dataset.com/",
            "cityscapes",
            "",
            "11.2 GB",
            (
                Archive("gtFine_trainvaltest.zip", ("gtFine/*/*/*_gtFine_labelIds.png",), mebibytes=230),
                Archive("leftImg8bit_trainvaltest.zip", ("leftImg8bit/*/*/*_leftImg8bit.png",), mebibytes=11_000),
            ),
            "for non-commercial use by registered users; neither images nor modified versions may be passed on;"
            " cite Cordts et al., The Cityscapes Dataset, CVPR 2016",
        ),
        Source(
            "mapillary",
            "https://www.mapillary.com/dataset/vistas",
            "hand",
            "",
            "over 20 GB",
            (Archive("mapillary-vistas-dataset_public_v1.2.zip", (*_VISTAS, "config.json")),),
            "CC BY-NC-SA, research edition, by request; cite Neuhold et al., The Mapillary Vistas Dataset, ICCV 2017",
        ),
        Source(
            "painters",
            "https://www.kaggle.com/c/painter-by-numbers/data",
            "hand",
            "",
            "36 GB",
            (
                Archive("train.zip", ("train/*.jpg",)),
                Archive("replacements_for_corrupted_files.zip", ("train/*.jpg",), replaces=True),
            ),
            "under the rules of the Kaggle competition Painter by Numbers, which must be accepted there; many paintings"
            " are in copyright",
        ),
    )
}


SOURCES["mapillary_b"] = replace(SOURCES["mapillary"], name="mapillary_b")  # the same files, read by another table
SOURCES |= STREETS
