"""Stages that compute features again, and a pair of heads that is computed as one."""

import pytest
import torch

from ash.config import SegmenterSettings
from ash.segmentation.deeplab import DeepLab, build_segmenter

THIN = SegmenterSettings(kind="resnet101", width=4, blocks=(1, 2, 2, 1), rates=(6, 12))
SMALL = SegmenterSettings(kind="small", width=8, blocks=(1, 2, 1, 1), rates=(1, 2))


def passed(settings, wanted, twice=False):
    """Logits, gradients and running statistics after one training step, through one graph once or twice."""
    torch.manual_seed(0)
    network = build_segmenter(settings).recompute(wanted).train()
    heads = network(torch.rand(2, 3, 40, 56))
    total = sum(head.square().sum() for head in heads)
    if twice:
        total.backward(retain_graph=True)
    total.backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return [*heads, *gradients.values(), *(b.clone() for b in network.buffers())]


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("settings", [THIN, SMALL], ids=["resnet101", "small"])
def test_recomputation_changes_no_bit(settings, twice):
    """Logits, gradients, running means and the count of batches are those of the plain pass."""
    plain, again = passed(settings, False, twice), passed(settings, True, twice)
    assert all(torch.equal(a, b) for a, b in zip(plain, again, strict=True))


def test_recomputation_keeps_less():
    """The graph holds on to fewer numbers between the passes."""

    def kept(wanted):
        network, sizes = build_segmenter(THIN).recompute(wanted).train(), []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
            network(torch.rand(1, 3, 64, 96))
        return sum(sizes)

    assert kept(True) < kept(False) / 2


def test_statistics_move_again_after_recomputation():
    """The switch that stills BatchNorm in the repeated pass is set back."""
    network = build_segmenter(THIN).recompute(True).train()
    for count in (1, 2):
        sum(head.sum() for head in network(torch.rand(1, 3, 40, 56))).backward()
        assert network.layer3[1].bn2.num_batches_tracked == count


def test_a_pair_as_one_is_the_two_heads():
    """Side by side, the two heads give what each gives alone, and take the same gradients up to rounding."""
    torch.manual_seed(0)
    network = build_segmenter(THIN).double().eval()
    shallow, deep = (torch.randn(1, c, 6, 9, dtype=torch.float64) for c in (64, 128))
    together, apart = network.classify(shallow, deep), DeepLab.classify(network, shallow, deep)
    weights = network.heads()[1]
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other)
    gradients = [torch.autograd.grad(heads[1].square().sum(), weights) for heads in (together, apart)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("width", [8, 12])
def test_thin_networks_learn_from_large_maps(width):
    """PyTorch's gradient of a strided 1x1 convolution of so few channels ends the process on some CPUs; ours is the same."""
    settings = SegmenterSettings(kind="small", width=width, blocks=(1, 1, 1, 1), rates=(1, 2))
    torch.manual_seed(0)
    thin = build_segmenter(settings).layer1[0].downsample[0]
    assert (thin.in_channels, thin.kernel_size, thin.stride) == (width, (1, 1), (2, 2))
    x = torch.rand(2, width, 48, 96).contiguous(memory_format=torch.channels_last).requires_grad_()
    thin(x).square().sum().backward()
    cells = x.detach()[:, :, ::2, ::2].double()
    kernel = thin.weight.detach()[:, :, 0, 0].double()
    wanted = torch.einsum("oc,bchw->bohw", kernel, cells)
    torch.testing.assert_close(thin(x).detach().double(), wanted, rtol=1e-4, atol=1e-5)
    inner = 2 * torch.einsum("oc,bohw->bchw", kernel, wanted)
    torch.testing.assert_close(x.grad[:, :, ::2, ::2].double(), inner, rtol=1e-4, atol=1e-4)
    assert not x.grad[:, :, 1::2].any() and not x.grad[:, :, :, 1::2].any()
