"""GTR-LTR: the mask of own texture, and the loss on the whole and the partial rendering."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.special import erfinv

from ash.methods._consistency import jensen_shannon
from ash.methods.gtr import noise_mask
from ash.style.view import stylise
from tests.support.world import batch, built, gradients


def large(count: int, height: int, width: int):
    """A batch whose images have so many pixels."""
    return replace(batch(), image=torch.zeros(count, 3, height, width), generator=torch.Generator().manual_seed(3))


def test_the_mask_is_that_of_the_released_code():
    """Noise blurred by SciPy's filter, round the edges, above the quantile that erfinv gives; sigma log-uniform in 1 to 4."""
    share, sizes = 0.7, (3, 48, 64)
    draws = torch.Generator().manual_seed(3)
    sigma = np.exp(np.log(1) + (np.log(4) - np.log(1)) * torch.rand(3, 1, 1, generator=draws).double().numpy()).ravel()
    noise = torch.randn(sizes, generator=draws).double().numpy()
    found = noise_mask(large(*sizes), (1.0, 4.0), share)[:, 0].numpy()
    for k in range(3):
        blurred = gaussian_filter(noise[k], sigma[k], mode="wrap", truncate=8)
        threshold = erfinv(share * 2 - 1) * 2**0.5 * blurred.std() + blurred.mean()
        assert (found[k] == (blurred > threshold)).mean() > 0.995


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_share_of_the_painting_is_that_of_the_settings(share):
    """M is 1 on a share of 1 - p on average."""
    own = noise_mask(large(200, 32, 64), (1.0, 4.0), share).float().mean()
    assert own.item() == pytest.approx(1 - share, abs=0.03)


def test_patches_grow_with_the_blur():
    """Neighbours differ more rarely under a wider blur."""
    edges = []
    for sigma in (1.0, 4.0):
        own = noise_mask(large(20, 48, 64), (sigma, sigma), 0.5)
        edges.append((own[..., 1:] != own[..., :-1]).float().mean().item())
    assert edges[1] < 0.5 * edges[0]


def test_g_sees_the_rendering_whole_and_in_patches():
    """x_g is the AdaIN image; every pixel of x_l is the source's or x_g's, and both kinds are there; x itself is not seen."""
    method, given, images, heads = built("gtr", lambda_con=3.0), batch(mirror=True), [], []
    method.segmenter.register_forward_pre_hook(lambda _, inputs: images.append(inputs[0].detach()))
    method.segmenter.register_forward_hook(lambda _, __, out: heads.append([head.detach() for head in out]))
    terms = gradients(method, given)["segmenter"].terms
    everywhere, patches = images
    torch.testing.assert_close(everywhere, stylise(method.stylizer, given, method.settings.alpha))
    own = (patches == given.image).all(1)
    assert 0.1 < own.float().mean() < 0.9
    assert torch.equal(patches, torch.where(own[:, None], given.image, everywhere))
    assert terms["consistency"].item() == pytest.approx(3 * jensen_shannon(heads).item(), rel=1e-4)
    assert terms["segmentation_global"].item() != pytest.approx(terms["segmentation_local"].item(), rel=1e-4)
