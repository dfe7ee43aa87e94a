"""Weights that are nearly right: of other classes, widths and blocks, with values that no training leaves."""

import pytest
import torch

from ash.errors import CheckpointError, ConfigError
from ash.weights.adain import stylizer_of
from ash.weights.checkpoints import import_checkpoint
from ash.weights.family import to_ours
from tests.weights.test_adain import adain_files
from tests.weights.test_checkpoints import authors
from tests.weights.test_family import published


def changed(**changes):
    """A published pair, some of whose tensors are others, or gone."""
    theirs = published("pair", **{name.replace("__", "."): value for name, value in changes.items()})
    return {name: value for name, value in theirs.items() if value is not None}


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (changed(conv1__weight=torch.zeros(())), r"conv1\.weight: shape \(\), wanted a convolution's"),
        (changed(conv1__weight=torch.zeros(0, 3, 7, 7)), "width 0 and blocks"),
        (changed(conv1__weight=torch.zeros(10**6, 3, 0, 7)), "width 1000000 and blocks"),
        (changed(**{f"layer2__{k}__x": torch.ones(1) for k in range(200)}), r"blocks \(1, 200, 3, 1\)"),
        (
            changed(**{f"layer5__conv2d_list__{k}__weight": torch.ones(19, 64, 3, 3) for k in range(6)}),
            "6 convolutions in a head",
        ),
        (changed(layer5__conv2d_list__x__weight=torch.ones(1, 1, 1, 1)), "5 convolutions in a head"),
        (
            changed(layer6__conv2d_list__0__weight=torch.ones(5)),
            r"layer6\.conv2d_list\.0\.weight: shape \(5,\), wanted a conv",
        ),
        (changed(layer6__conv2d_list__0__weight=torch.ones(13, 64, 3, 3)), "layer6 has 13 classes, wanted 19"),
        (changed(bn1__weight=torch.full((4,), torch.nan)), r"bn1\.weight: holds values that are not finite"),
        (
            changed(bn1__weight=torch.full((4,), 1e300, dtype=torch.float64)),
            r"bn1\.weight: holds values that are not finite",
        ),
        (changed(bn1__running_var=torch.full((4,), -1.0)), r"bn1\.running_var: holds variances below zero"),
        (
            changed(bn1__weight=torch.ones(4, dtype=torch.int64)),
            r"bn1\.weight: type torch\.int64, wanted torch\.float32",
        ),
        (changed(layer3__1__conv2__weight=None), r"layer3\.1\.conv2\.weight: missing"),
        (changed(fc__weight=torch.ones(1), bn1__running_mean=None), "wanted conv1 and bn1 of a ResNet of torchvision"),
        (changed(fc__weight=torch.ones(1), conv1__weight=torch.ones(4, 1, 7, 7)), "wanted conv1 and bn1 of a ResNet"),
    ],
)
def test_a_network_that_nobody_trained(state, line):
    """Each is named; no network of that size is built."""
    with pytest.raises(CheckpointError, match=line):
        to_ours(state)


@pytest.mark.parametrize("shape", [(), (3,), (0, 3, 3, 3), (1, 3, 3, 3), (7, 3, 3, 3), (4096, 3, 3, 3)])
def test_an_encoder_of_another_width(shape):
    """AdaIN's width, or a part of it."""
    _, encoder, decoder = adain_files()
    with pytest.raises(CheckpointError, match=r"encoder's 2\.weight has shape .*, wanted 64 channels"):
        stylizer_of({**encoder, "2.weight": torch.ones(shape)}, decoder)


@pytest.mark.parametrize("name", ["\u00b2.weight", "9" * 5000 + ".weight"])
def test_numbers_that_are_none(name):
    """A superscript, and more digits than Python reads, as names of weights: one line or passed over, as all that is beyond."""
    _, encoder, decoder = adain_files()
    try:
        stylizer_of({**encoder, name: torch.ones(1)}, decoder)
    except CheckpointError as error:
        assert "not expected" in str(error)


def test_a_checkpoint_is_not_written_over(tmp_path):
    """`ash import-checkpoint x x` would leave no checkpoint behind."""
    authors(tmp_path / "x.pth")
    before = (tmp_path / "x.pth").read_bytes()
    with pytest.raises(ConfigError, match="is the checkpoint itself; name another file"):
        import_checkpoint(
            str(tmp_path / "x.pth"), tmp_path / "../" / tmp_path.name / "x.pth", backbone=False, branches=None
        )
    assert (tmp_path / "x.pth").read_bytes() == before
