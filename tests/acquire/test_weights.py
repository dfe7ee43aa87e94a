"""Published weights: fetched once, held against their pins, left alone where they are the user's."""

import hashlib
import json
import re
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from ash import config
from ash.acquire.networks import FITTED_PAIR, IMPORTED_PAIR, PUBLISHED, TELLING, needed
from ash.acquire.unfit import unfit
from ash.acquire.weights import acquire_weights
from ash.config import SegmenterSettings
from ash.errors import ConfigError, DataError
from ash.segmentation.deeplab import build_segmenter
from tests.conftest import ROOT, ash, settle
from tests.support.paper import publish
from tests.support.server import serve

NAMES = ("vgg_normalised.pth", "decoder.pth")


def quiet(title):
    """A stage that shows no progress."""
    return nullcontext(lambda done, total: None)


def bring(folder, mirror=None, names=NAMES):
    """Acquire into `folder`; gives the record."""
    paths = [folder / "data/weights" / name for name in names]
    acquire_weights(paths, folder / "weights.json", folder / "pins.json", mirror, quiet)
    return json.loads((folder / "weights.json").read_text())


@pytest.fixture
def served(tmp_path):
    """A server with both files."""
    (tmp_path / "served").mkdir()
    for name in NAMES:
        torch.save({TELLING[name]: torch.ones(len(name))}, tmp_path / "served" / name)
    with serve(tmp_path / "served") as server:
        yield server


def test_fetched_recorded_pinned(tmp_path, served):
    """Sizes and hashes of both; a second time nothing is asked of the server."""
    record = bring(tmp_path, served.url)
    for name in NAMES:
        content = (tmp_path / "served" / name).read_bytes()
        assert (tmp_path / "data/weights" / name).read_bytes() == content
        assert record[name] == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert json.loads((tmp_path / "pins.json").read_text()) == record
    assert bring(tmp_path, "http://127.0.0.1:9") == record


def test_another_file_than_pinned(tmp_path, served):
    """Both named in one message, with what was found and wanted; the user's own file stays, what was fetched does not."""
    pins = {"vgg_normalised.pth": {"sha256": "f81d91e8"}, "decoder.pth": {"bytes": 7, "sha256": "a" * 64}}
    (tmp_path / "pins.json").write_text(json.dumps(pins))
    own = tmp_path / "data/weights/decoder.pth"
    own.parent.mkdir(parents=True)
    own.write_bytes((tmp_path / "served/decoder.pth").read_bytes())
    with pytest.raises(DataError, match=r"weights: 2 file\(s\) missing or wrong") as error:
        bring(tmp_path, served.url)
    assert "wanted f81d91e8 as pinned in" in str(error.value)
    assert "wanted 7 bytes with aaaaaaaaaaaa as pinned in" in str(error.value)
    assert [path.name for path in own.parent.iterdir() if path.is_file()] == ["decoder.pth"]
    assert not (tmp_path / "weights.json").exists()


def test_the_beginning_of_a_hash_is_completed(tmp_path, served):
    """As the DeepLab init's name has it: the first file that fits gives the rest, which every later one must have too."""
    whole = {name: hashlib.sha256((tmp_path / "served" / name).read_bytes()).hexdigest() for name in NAMES}
    (tmp_path / "pins.json").write_text(json.dumps({name: {"sha256": digits[:8]} for name, digits in whole.items()}))
    assert bring(tmp_path, served.url).keys() == set(NAMES)
    pins = json.loads((tmp_path / "pins.json").read_text())
    assert {name: pin["sha256"] for name, pin in pins.items()} == whole
    (tmp_path / "pins.json").write_text(json.dumps({**pins, NAMES[0]: {"sha256": whole[NAMES[0]][:8] + "0" * 56}}))
    with pytest.raises(DataError, match=f"wanted {whole[NAMES[0]][:8]}0000 as pinned in"):
        bring(tmp_path, served.url)


def test_pins_of_the_repository():
    """Every published file has one; that of the DeepLab init is the one in its name."""
    pins = json.loads((ROOT / "pins/weights.json").read_text())
    assert pins.keys() == PUBLISHED.keys()
    for name, pin in pins.items():
        assert len(pin["sha256"]) == 64 or f"-{pin['sha256']}." in name


def test_what_a_protocol_needs():
    """The paper's three; a fitted pair needs its encoder alone; the miniature none."""
    paper = config.load(ROOT / "params.yaml", "paper").protocol
    assert [path.name for path in needed(paper)] == ["DeepLab_resnet_pretrained_init-f81d91e8.pth", *NAMES]
    fitted = paper.stylizer.model_copy(update={"weights": FITTED_PAIR})
    scratch = paper.segmenter.model_copy(update={"weights": "torchvision:resnet101"})
    changed = paper.model_copy(update={"stylizer": fitted, "segmenter": scratch})
    assert needed(changed) == [Path("data/weights/vgg_normalised.pth")]
    assert needed(config.load(ROOT / "params.yaml", "miniature").protocol) == []


def test_a_protocol_that_needs_none(tmp_path):
    """One line; on the command line exit code 2."""
    with pytest.raises(ConfigError, match="starts from none that are published"):
        bring(tmp_path, names=())
    result = ash(settle(tmp_path), "acquire", "weights", check=False)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1


PAIR = ROOT / "ash/style/weights/miniature.safetensors"


def segmenter(folder, **changes):
    """A checkpoint of the protocol's segmenter, or of another one."""
    settings = SegmenterSettings(kind="resnet101", width=8, blocks=(1, 1, 1, 1), rates=(6, 12)).model_copy(
        update=changes
    )
    torch.save(build_segmenter(settings, "single").state_dict(), folder / "s.pth")
    return str(folder / "s.pth")


def found_unfit(weights=None, stylizer="x", decoder=None, **network):
    """What is said of a protocol's weights, whose segmenter is a thin ResNet unless a network is given."""
    described = {"kind": "resnet101", "width": 8, "blocks": (1, 1, 1, 1), "rates": (6, 12)} | network
    thin = SegmenterSettings(**described, weights=weights)
    return unfit(SimpleNamespace(segmenter=thin, stylizer=SimpleNamespace(weights=stylizer), decoder=decoder))


def test_sound_weights_are_fit(tmp_path, monkeypatch):
    """A checkpoint of the right shape with heads of its own, torchvision's, the published pair, and none at all."""
    monkeypatch.chdir(tmp_path)
    publish(tmp_path)
    assert found_unfit() == []
    assert found_unfit(segmenter(tmp_path), IMPORTED_PAIR) == []
    assert found_unfit("torchvision:resnet101", FITTED_PAIR, SimpleNamespace(encoder="torchvision:vgg19")) == []
    assert found_unfit(None, FITTED_PAIR, SimpleNamespace(encoder=f"data/weights/{NAMES[0]}")) == []


def test_weights_of_another_network_are_named(tmp_path, monkeypatch):
    """Each in one line with the setting, the file and what is wrong with it, before anything runs."""
    monkeypatch.chdir(tmp_path)
    publish(tmp_path)
    swapped = SimpleNamespace(encoder=f"data/weights/{NAMES[1]}")
    (tmp_path / "text.pth").write_text("<!DOCTYPE html><html>sign in</html>")
    cases = [
        (
            found_unfit(str(PAIR)),
            r"segmenter\.weights: .*miniature\.safetensors: holds decoder, encoder; wanted a ResNet",
        ),
        (
            found_unfit("torchvision:vgg19"),
            r"segmenter\.weights: torchvision:vgg19: wanted torchvision:resnet101, or a file",
        ),
        (
            found_unfit(str(tmp_path / "text.pth")),
            r"segmenter\.weights: .*text\.pth: a web page \(HTML\), wanted a PyTorch",
        ),
        (
            found_unfit(segmenter(tmp_path, width=16)),
            r"segmenter\.weights: .*s\.pth: does not fit the segmenter of the prot",
        ),
        (
            found_unfit(segmenter(tmp_path, blocks=(1, 2, 1, 1))),
            r"s\.pth: does not fit .* layer2\.1\.\S+: not expected",
        ),
        (found_unfit(None, FITTED_PAIR, swapped), r"decoder\.encoder: .*2\.weight"),
    ]
    (tmp_path / "data/weights" / NAMES[1]).write_bytes(b"")
    cases.append((found_unfit(None, IMPORTED_PAIR), r"stylizer\.weights: data/weights/decoder\.pth: empty, wanted"))
    for lines, told in cases:
        assert len(lines) == 1 and "\n" not in lines[0]
        assert re.search(told, lines[0]), lines[0]


@pytest.mark.parametrize(
    ("weights", "network", "wanted"),
    [
        (
            "torchvision:resnet101",
            {"kind": "resnet18", "blocks": (2, 2, 2, 2)},
            "wanted torchvision:resnet18, or a file",
        ),
        ("torchvision:resnet101", {"blocks": (3, 4, 6, 3)}, "wanted torchvision:resnet50, or a file"),
        ("torchvision:resnet18", {"kind": "small"}, "torchvision:resnet18: wanted a file"),
        ("package:resnet18", {}, "package:resnet18: unknown; known: efficientnet_lite0"),
    ],
)
def test_imagenet_weights_are_of_the_network(weights, network, wanted):
    """Each of torchvision's networks fits one kind of segmenter, and a package has those that are known."""
    (line,) = found_unfit(weights, **network)
    assert line.startswith("segmenter.weights: ") and wanted in line


def test_check_refuses_the_stylizer_as_initial_weights(tmp_path):
    """On the command line: exit code 2."""
    protocol = settle(tmp_path) / "protocols/tiny.yaml"
    content = yaml.safe_load(protocol.read_text())
    content["segmenter"]["weights"] = str(PAIR)
    protocol.write_text(yaml.safe_dump(content))
    result = ash(tmp_path, "check", check=False)
    assert result.returncode == 2 and "segmenter.weights: " in result.stderr
    assert "ash: 0 set(s), 1 file(s) of weights missing or wrong" in result.stderr
