"""RandConv's own loss: three draws, of which the first one has labels."""

import pytest
import torch
from torch.nn import functional

from ash.methods._consistency import jensen_shannon
from ash.methods._views import random_conv
from tests.support.world import batch, built, gradients


@pytest.mark.parametrize("weight", [0.0, 10.0])
def test_three_draws_and_the_loss_of_the_first(weight):
    """G sees three draws of the image itself; L_seg is that of the first, and the divergence has its weight."""
    method, given, images, heads = built("random_conv_consistency", lambda_con=weight), batch(), [], []
    method.segmenter.register_forward_pre_hook(lambda _, inputs: images.append(inputs[0].detach()))
    method.segmenter.register_forward_hook(lambda _, __, out: heads.append([head.detach() for head in out]))
    terms = gradients(method, given)["segmenter"].terms
    draws = torch.Generator().manual_seed(7)
    assert len(images) == 3
    for image in images:
        torch.testing.assert_close(image, random_conv(given.image, draws))
    up = [functional.interpolate(h, given.label.shape[1:], mode="bilinear", align_corners=True) for h in heads[0]]
    labelled = sum(functional.cross_entropy(logits, given.label) for logits in up)
    assert terms["segmentation"].item() == pytest.approx(labelled.item(), rel=1e-4)
    assert terms["consistency"].item() == pytest.approx(weight * jensen_shannon(heads).item(), rel=1e-4)
