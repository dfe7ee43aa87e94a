"""PASTA's and RandConv's views against plain loops over frequencies and pixels."""

import cmath
import math

import numpy as np
import pytest
import torch

from ash.methods._views import LARGEST, pasta, random_conv, spread
from ash.pixels import IMAGENET_MEAN, IMAGENET_STD, imagenet_normal, imagenet_pixels

HEIGHT, WIDTH = 4, 5
PIXELS = [(v, h) for v in range(HEIGHT) for h in range(WIDTH)]


def images(low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    """Two images of 5x4 pixels."""
    return low + (high - low) * torch.rand(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))


def generator(seed: int = 1) -> torch.Generator:
    """The generator of a batch."""
    return torch.Generator().manual_seed(seed)


def signed(index: int, count: int) -> int:
    """The frequency at a place of the FFT, in periods per image."""
    return index if index <= count // 2 else index - count


def transformed(values: dict, sign: int) -> dict:
    """The sum over all pixels, or all frequencies, of values times e^(sign 2 pi i (v u / H + h w / W))."""
    turn = lambda u, w, v, h: cmath.exp(sign * 2j * math.pi * (u * v / HEIGHT + w * h / WIDTH))  # noqa: E731
    return {(u, w): sum(values[v, h] * turn(u, w, v, h) for v, h in PIXELS) for u, w in PIXELS}


def test_pasta_against_a_plain_loop_over_frequencies():
    """Amplitude times N(1, s), s = (3 r / r_max)^2 + 0.25, phase as it was, the real part of the inverse, clipped."""
    given, noise = images(), torch.randn(2, 3, HEIGHT, WIDTH, generator=generator()).numpy()
    furthest = math.hypot(HEIGHT // 2, WIDTH // 2)
    expected, inside = np.zeros(given.shape), 0
    for b in range(2):
        for c in range(3):
            spectrum = transformed({(v, h): float(given[b, c, v, h]) for v, h in PIXELS}, -1)
            for u, w in PIXELS:
                s = (3 * math.hypot(signed(u, HEIGHT), signed(w, WIDTH)) / furthest) ** 2 + 0.25
                amplitude, phase = cmath.polar(spectrum[u, w])
                spectrum[u, w] = amplitude * (1 + s * float(noise[b, c, u, w])) * cmath.exp(1j * phase)
            for (v, h), value in transformed(spectrum, 1).items():
                pixel = value.real / (HEIGHT * WIDTH)
                inside += 0 < pixel < 1
                expected[b, c, v, h] = min(max(pixel, 0), 1)
    assert 20 < inside < expected.size  # both sides of the clip are met
    np.testing.assert_allclose(pasta(given, generator()).numpy(), expected, atol=1e-5)


def test_high_frequencies_are_perturbed_most():
    """s is beta = 0.25 at the mean of the image and alpha^k + beta = 9.25 at the furthest frequency."""
    s = spread(6, 8, torch.device("cpu"))
    assert s[0, 0].item() == pytest.approx(0.25)
    assert s[3, 4].item() == pytest.approx(9.25)
    assert s.argmax().item() == 3 * 8 + 4


def test_pasta_differs_from_the_released_grid_by_one_step():
    """The code's grid, written out: it has the zero frequency twice along an even side, and each negative one is 1 short."""
    half = 4
    released = np.fft.fftshift(np.concatenate([np.arange(-half + 1, 1), np.arange(0, half)]))
    true = np.fft.fftfreq(2 * half) * 2 * half
    np.testing.assert_array_equal(released[:half], true[:half])
    np.testing.assert_array_equal(released[half:], true[half:] + 1)


def test_random_convolution_against_a_plain_loop():
    """(1 - a) x + a (W * x) of images in ImageNet's units, zero beyond the edge, W of N(0, 1 / (3 k^2)); all four sizes."""
    given, sizes = images(), set()
    mean, deviation = np.array(IMAGENET_MEAN)[:, None, None], np.array(IMAGENET_STD)[:, None, None]
    for seed in range(8):
        draws = generator(seed)
        radius = int(4 * torch.rand(1, generator=draws).item())
        share = torch.rand(1, generator=draws).item()
        weight = torch.randn(3, 3, 7, 7, generator=draws).numpy()
        sizes.add(radius)
        whole = np.zeros((2, 3, HEIGHT, WIDTH))
        normal = (given.numpy() - mean) / deviation
        steps = range(-radius, radius + 1)
        for b, o, v, h in np.ndindex(whole.shape):
            for i in range(3):
                for dv in steps:
                    for dh in steps:
                        if 0 <= v + dv < HEIGHT and 0 <= h + dh < WIDTH:
                            part = weight[o, i, LARGEST + dv, LARGEST + dh] * normal[b, i, v + dv, h + dh]
                            whole[b, o, v, h] += part / math.sqrt(3 * (2 * radius + 1) ** 2)
        expected = ((1 - share) * normal + share * whole) * deviation + mean
        np.testing.assert_allclose(random_conv(given, generator(seed)).numpy(), expected, atol=1e-5)
    assert sizes == {0, 1, 2, 3}


def test_imagenets_units_and_back():
    """A pixel of ImageNet's mean is 0, one deviation above it is 1; the way back gives the image."""
    mean, deviation = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    pixels = torch.stack([mean, mean + deviation], 1).view(1, 3, 1, 2)
    torch.testing.assert_close(imagenet_normal(pixels), torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(imagenet_pixels(imagenet_normal(images())), images())
