"""What convolutions take in other forms: channels first, outputs padded to a vector unit's width, heads as a product.

    python -m tests.tools.convolutions [bf16]

Least milliseconds on one thread, forwards and backwards (figures in docs/measured/performance.md).  The first table has the
miniature's convolutions that take longest, in forms that could be had for nothing; the second a pair of heads, of the
miniature and of the paper's network.
"""

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ash.segmentation.heads import Branch, product

SHAPES = {  # outputs, inputs, height, width, dilation of a 3x3 convolution
    "heads, a branch": (38, 96, 12, 24, 4),
    "layer4": (96, 96, 12, 24, 4),
    "layer2": (24, 24, 24, 48, 1),
    "decoder, last but one": (16, 32, 96, 192, 1),
}
HEADS = {  # images, channels, height, width, dilations, repeats
    "miniature": (4, 96, 12, 24, (1, 2, 4, 6), 30),
    "paper": (1, 2048, 91, 161, (6, 12, 18, 24), 3),
}
REPEATS = 30


def least(work: Callable[[], Tensor], repeats: int) -> float:
    """Milliseconds of the fastest pass, forwards and backwards."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = work()
        found.backward(torch.ones_like(found))
        taken.append(time.perf_counter() - start)
    return 1e3 * min(taken)


def convolution(outputs: int, inputs: int, height: int, width: int, rate: int, kind: torch.dtype, last: bool) -> float:
    """Of four images, in one memory layout."""
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(4, inputs, height, width).to(kind).contiguous(memory_format=layout).requires_grad_()
    weight = torch.randn(outputs, inputs, 3, 3).to(kind).contiguous(memory_format=layout).requires_grad_()
    return least(lambda: functional.conv2d(x, weight, None, 1, rate, rate), REPEATS)


def heads(
    images: int, channels: int, height: int, width: int, rates: tuple[int, ...], repeats: int, kind: torch.dtype
) -> list[float]:
    """A pair as convolutions, and as one product."""
    features = torch.randn(images, channels, height, width).contiguous(memory_format=torch.channels_last).to(kind)
    features.requires_grad_()
    branches = [Branch(torch.randn(38, channels, 3, 3).requires_grad_(), torch.randn(38), rate) for rate in rates]

    def convolved() -> Tensor:
        each = [functional.conv2d(features, b.weight, b.bias, 1, b.rate, b.rate) for b in branches]
        return torch.stack(each).sum(0)

    with torch.autocast("cpu", torch.bfloat16, enabled=kind is torch.bfloat16):
        return [least(form, repeats) for form in (convolved, lambda: product(features, branches))]


def main() -> None:
    """Both tables."""
    torch.set_num_threads(1)
    kind = torch.bfloat16 if "bf16" in sys.argv[1:] else torch.float32
    print("| convolution | channels last | first | outputs padded to 8 | to 16 |\n| --- | ---: | ---: | ---: | ---: |")
    for name, (outputs, *others) in SHAPES.items():
        cells = [convolution(outputs, *others, kind, last) for last in (True, False)]
        cells += [convolution(-(-outputs // to) * to, *others, kind, True) for to in (8, 16)]
        print(f"| {name}, {others[0]} to {outputs} | " + " | ".join(f"{ms:.2f}" for ms in cells) + " |")
    print("\n| pair of heads | convolutions | product |\n| --- | ---: | ---: |")
    for name, shape in HEADS.items():
        print(f"| {name}, {shape[1]} channels | " + " | ".join(f"{ms:.1f}" for ms in heads(*shape, kind)) + " |")


if __name__ == "__main__":
    main()
