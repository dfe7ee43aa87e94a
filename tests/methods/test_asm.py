"""ASM: the search for a harder style, two steps of G, and the consistency of a pair."""

import pytest
import torch
from torch.nn import functional

from ash.config import SegmenterSettings
from ash.methods.asm import Responses, consistency
from ash.segmentation.deeplab import build_segmenter
from ash.training.loop import train
from tests.support.toy import training
from tests.support.world import OneBatch, batch, built, gradients


def start():
    """ASM, a batch for it, and latents e_1 of the two images."""
    method = built("asm")
    given = batch(needs=method.settings.needs)
    noise = torch.randn(2, method.vae.channels, generator=torch.Generator().manual_seed(11))
    latent = method.mean + method.deviation * noise
    return method, given, latent.detach().requires_grad_()


def loss_of(method, given, latent) -> torch.Tensor:
    """L at a latent, written from the equations: AdaIN with decoded statistics, cross-entropy of the pair, L_con."""
    statistics = method.vae.decoder(latent)
    mean, deviation = statistics[:, : latent.shape[1]], statistics[:, latent.shape[1] :]
    f = given.content.flatten(2)
    normal = (f - f.mean(2, keepdim=True)) / (f.var(2, keepdim=True) + 1e-5).sqrt()
    styled = (normal * deviation[:, :, None] + mean[:, :, None]).view_as(given.content)
    image = method.stylizer.decode(styled).clamp(0, 1)
    kept = []
    block = method.segmenter.layer4[0]
    hooks = [conv.register_forward_hook(lambda _, __, out: kept.append(out)) for conv in (block.conv1, block.conv2)]
    (logits,) = method.segmenter(torch.cat([image, given.image]))
    for hook in hooks:
        hook.remove()
    up = functional.interpolate(logits, given.label.shape[1:], mode="bilinear", align_corners=True)
    l_seg = functional.cross_entropy(up, given.label.repeat(2, 1, 1))
    distances = [((out[:2] - out[2:]) ** 2).sum((2, 3)) for out in kept]
    return l_seg + method.settings.lambda_con * torch.cat(distances, 1).mean()


def mined(method, given, latent) -> torch.Tensor:
    """e_2, as `updates` comes to it: from the gradient that the backward pass through the terms leaves."""
    terms = method.terms(method.stylise(latent, given), given)
    sum(terms.values()).backward(inputs=[latent])
    return method.harder(latent, terms)


def test_the_loss_of_a_pair():
    """The terms that the method descends sum to L, and the consistency has its weight."""
    method, given, latent = start()
    terms = method.terms(method.stylise(latent, given), given)
    assert sum(terms.values()).item() == pytest.approx(loss_of(method, given, latent).item(), rel=1e-4)
    tripled = built("asm", lambda_con=3 * method.settings.lambda_con)
    again = tripled.terms(tripled.stylise(latent, given), given)
    assert again["consistency"].item() == pytest.approx(3 * terms["consistency"].item(), rel=1e-5)
    assert again["segmentation"].item() == pytest.approx(terms["segmentation"].item(), rel=1e-5)


def test_the_harder_latent():
    """e_2 = e_1 + step B / L dL/de_1, the slope taken of a loss written anew; e_2 is a constant."""
    method, given, latent = start()
    loss = loss_of(method, given, latent)
    (slope,) = torch.autograd.grad(loss, latent)
    found = mined(method, given, latent)
    moved, expected = (found - latent).detach(), 20 * 2 / loss.item() * slope
    assert ((moved - expected).norm() / expected.norm()).item() < 0.01
    assert not found.requires_grad


def test_the_step_climbs_by_finite_differences():
    """Along e_2 - e_1 the loss rises at |e_2 - e_1|^2 L / (step B) for each such step."""
    method, given, latent = start()
    found = mined(method, given, latent)
    with torch.no_grad():
        way, here = (found - latent).detach(), loss_of(method, given, latent).item()
        h = 0.02 / way.norm()
        ahead, behind = (loss_of(method, given, latent + sign * h * way).item() for sign in (1, -1))
    rise = (ahead - behind) / (2 * h.item())
    assert rise > 0
    assert rise == pytest.approx(way.square().sum().item() * here / (20 * 2), rel=0.1)


def test_no_step_leaves_the_style():
    """Step 0 gives e_2 = e_1; twice the step moves twice as far."""
    moves = []
    for step in (0.0, 1.0, 2.0):
        method, given, latent = start()
        method.settings = method.settings.model_copy(update={"step": step})
        moves.append((mined(method, given, latent) - latent).detach())
    assert not moves[0].any()
    torch.testing.assert_close(moves[2], 2 * moves[1], rtol=1e-3, atol=1e-6)


def test_the_first_latent_is_drawn_at_the_anchor():
    """e_1 = m + q n, a draw n for each image and step; without q every image has the anchor's own style."""
    method = built("asm")
    given, seen = batch(needs=method.settings.needs), []
    method.stylise = lambda latent, batch: seen.append(latent.detach()) or batch.image
    method.harder = lambda latent, terms: latent.detach()
    list(method.updates(given, 0.0))
    noise = torch.randn(2, method.vae.channels, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(seen[0], method.mean + method.deviation * noise)
    method.deviation = torch.zeros_like(method.deviation)
    list(method.updates(given, 0.0))
    torch.testing.assert_close(seen[2], method.mean.expand(2, -1))


def test_one_backward_pass_serves_both():
    """dL/de_1 comes with G's own gradient, before G's step: three passes back through a pair's G would be one too many."""
    method, passes = built("asm"), []
    given = batch(needs=method.settings.needs)

    def watch(_, __, out):
        out.register_hook(lambda gradient: passes.append(len(gradient)))

    method.segmenter.layer1.register_forward_hook(watch)
    gradients(method, given)
    assert passes == [4, 4]


def test_stylised_and_source_pass_together():
    """G sees [x^, x] as one batch, twice, with x^ of the second pass another one."""
    method, images = built("asm"), []
    given = batch(needs=method.settings.needs)
    method.segmenter.register_forward_pre_hook(lambda _, inputs: images.append(inputs[0].detach()))
    gradients(method, given)
    assert [len(image) for image in images] == [4, 4]
    for image in images:
        assert torch.equal(image[2:], given.image)
    assert not torch.allclose(images[0][:2], images[1][:2])


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
def test_g_takes_two_steps_an_iteration(tmp_path, order):
    """The loop moves G after the first update, so the harder style is met by a G that has learnt from the first."""
    method, weights = built("asm"), []
    head = method.segmenter.layer5.conv2d_list[0].weight
    stylise = method.stylise
    method.stylise = lambda *given: weights.append(head.detach().clone()) or stylise(*given)
    settings = training(iterations=1, warmup=0.0, order=order)
    train(method, OneBatch(batch(needs=method.settings.needs)), settings, resume=tmp_path / "resume.pt", digest="d")
    weights.append(head.detach().clone())
    first, second, end = weights
    assert not torch.equal(first, second)
    assert not torch.equal(second, end)


def test_consistency_against_a_plain_loop():
    """|F(x^) - F(x)|^2 over the cells of each channel, averaged over all channels of all maps and over pairs."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(4, 2, 2, 3, generator=generator), torch.randn(4, 3, 1, 2, generator=generator)]
    squares = []
    for pair in range(2):
        for values in maps:
            stylised, plain = values[pair].tolist(), values[2 + pair].tolist()
            for a, b in zip(stylised, plain, strict=True):
                cells = [(x - y) ** 2 for r, s in zip(a, b, strict=True) for x, y in zip(r, s, strict=True)]
                squares.append(sum(cells))
    assert len(squares) == 2 * 5
    assert consistency(maps).item() == pytest.approx(sum(squares) / len(squares), rel=1e-5)


def test_the_paper_net_has_9216_responses():
    """layer4 of ResNet-101: (512 + 512 + 2048) channels of 3 blocks, shortcuts left out, all before BatchNorm."""
    settings = SegmenterSettings(kind="resnet101", width=64, blocks=(3, 4, 23, 3), rates=(6, 12, 18, 24))
    with torch.device("meta"):
        net = build_segmenter(settings, "attention")
        with Responses(net.layer4) as responses:
            net.features(torch.empty(2, 3, 64, 128))
        net.features(torch.empty(2, 3, 64, 128))  # closed: nothing more is kept
    assert [out.shape[1] for out in responses.kept] == [512, 512, 2048] * 3
    assert sum(out.shape[1] for out in responses.kept) == 9216


def test_responses_are_kept_as_the_convolution_gave_them():
    """No later in-place ReLU or BatchNorm has written over them, so they still hold negative numbers."""
    net = build_segmenter(SegmenterSettings(kind="small", width=8, blocks=(1, 1, 1, 1), rates=(1,)))
    with Responses(net.layer4) as responses:
        shallow, _ = net.features(torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(responses.kept[0], net.layer4[0].conv1(shallow))
    assert all(bool((out < 0).any()) for out in responses.kept)
