"""The paper's protocol shrunk to a few small files: its settings, its archives, its published weights."""

import torch
import yaml

from ash.config import SegmenterSettings
from ash.segmentation.deeplab import build_segmenter
from ash.style.stylizer import NetworkSettings, Stylizer
from ash.style.vgg import mirror
from tests.conftest import ROOT
from tests.support import fakes

SETS = ("gta5", "synthia", "cityscapes", "mapillary", "painters")
COUNT = 11  # so that each of GTA5's 20 archives has a file
THIN = SegmenterSettings(kind="resnet101", width=4, blocks=(1, 1, 1, 1), rates=(6, 12, 18, 24))


def settle_paper(folder):
    """Put the paper's settings, on smaller and fewer images, into `folder`; there are no data."""
    protocol = yaml.safe_load((ROOT / "protocols/paper.yaml").read_text())
    for entry in protocol["datasets"].values():
        entry["image_size"], entry["label_size"] = [32, 16], [64, 32]
        entry["validation"] = 2 if entry["validation"] else 0
        entry["count"] = dict.fromkeys(entry["count"], COUNT)
    protocol["hallucinator"]["stride"], protocol["discriminator"]["strides"] = 1, [2, 2, 1]  # which such maps allow
    (folder / "protocols").mkdir()
    (folder / "protocols/paper.yaml").write_text(yaml.safe_dump(protocol, sort_keys=False))
    text = (ROOT / "params.yaml").read_text().replace("protocol: miniature", "protocol: paper")
    (folder / "params.yaml").write_text(text)
    return folder


def provide(folder):
    """What a user puts there by hand, and what a server has for GTA5."""
    raw = folder / "data/raw"
    made = {name: fakes.fill(name, folder / "made" / name, COUNT) for name in SETS}
    for name, pack in (("cityscapes", fakes.cityscapes_archives), ("mapillary", fakes.mapillary_archives)):
        (raw / name / "archives").mkdir(parents=True)
        pack(raw / name / "archives", made[name])
    (raw / "painters/archives").mkdir(parents=True)
    fakes.painters_archives(raw / "painters/archives", made["painters"])
    made["synthia"].rename(raw / "synthia")
    (folder / "served").mkdir()
    fakes.gta5_archives(folder / "served", made["gta5"])


def shrink(folder):
    """Make the networks thin and the trainings short; every key and kind of the paper's protocol stays."""
    path = folder / "protocols/paper.yaml"
    protocol = yaml.safe_load(path.read_text())
    protocol["segmenter"] |= {"width": THIN.width, "blocks": list(THIN.blocks)}
    protocol["discriminator"]["width"], protocol["hallucinator"]["condition"] = 4, [4, 8]
    protocol["training"] |= {"iterations": 2, "checkpoint_every": 1, "log_every": 1}
    protocol["datasets"]["painters"]["image_size"] = [32, 32]
    protocol["rain"] |= {"iterations": 2}
    protocol["evaluation"] |= {"samples": 2, "resamples": 100}
    protocol["resources"] = {}
    protocol["methods"]["domain_randomisation"]["styles"] = 5  # of the paintings that there are
    path.write_text(yaml.safe_dump(protocol, sort_keys=False))


def checkpoint(path, layout, prefix, classes=19):
    """Write a checkpoint as a program of the CLAN family would save it; the network behind it, and what was saved."""
    torch.manual_seed(0)
    network = build_segmenter(THIN, layout)
    network.bn1.weight.data = torch.rand(4)
    noise = torch.rand(4, 3, 64, 64)
    with torch.no_grad():  # features of unit spread, and no class more likely than another
        network.train()
        for _ in range(60):
            network(noise)
        network.eval().layer5.conv2d_list[0].bias -= network.predict(noise).mean((0, 2, 3))
    state = dict(network.state_dict())
    for name, value in state.items():
        if name.startswith("layer5") and classes != 19:
            state[name] = torch.zeros(classes, *value.shape[1:])
    torch.save({prefix + name: value for name, value in state.items()}, path)
    return network, state


def publish(folder, where="data/weights"):
    """Weights in their authors' formats: the DeepLab init of 21 classes, AdaIN's encoder and decoder."""
    weights = folder / where
    weights.mkdir(parents=True, exist_ok=True)
    checkpoint(weights / "DeepLab_resnet_pretrained_init-f81d91e8.pth", "single", "Scale.", classes=21)
    torch.manual_seed(0)
    pair = Stylizer(NetworkSettings(width=4, depth="relu4_1", decoder=mirror(4, "relu4_1")))
    deeper = {"32.weight": torch.rand(32, 32, 3, 3), "32.bias": torch.rand(32)}
    torch.save(dict(pair.encoder.state_dict()) | deeper, weights / "vgg_normalised.pth")
    torch.save(dict(pair.decoder.state_dict()), weights / "decoder.pth")
