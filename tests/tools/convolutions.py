"""What a convolution takes in other forms: channels first, outputs padded to a vector unit's width.

    python -m tests.tools.convolutions [bf16]

Least milliseconds of 30 repeats on one thread, forwards and backwards, for the convolutions of the miniature that take
longest.  No form may change a number of the paper's networks, so these are the ones that could be had for nothing.
"""

import sys
import time

import torch
from torch.nn import functional

REPEATS = 30
SHAPES = {  # outputs, inputs, height, width, dilation of a 3x3 convolution
    "heads, a branch": (38, 96, 12, 24, 4),
    "layer4": (96, 96, 12, 24, 4),
    "layer2": (24, 24, 24, 48, 1),
    "decoder, last but one": (16, 32, 96, 192, 1),
}


def least(outputs: int, inputs: int, height: int, width: int, rate: int, kind: torch.dtype, last: bool) -> float:
    """Milliseconds of the fastest pass, forwards and backwards."""
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(4, inputs, height, width).to(kind).contiguous(memory_format=layout).requires_grad_()
    weight = torch.randn(outputs, inputs, 3, 3).to(kind).contiguous(memory_format=layout).requires_grad_()
    upstream = torch.randn(4, outputs, height, width).to(kind).contiguous(memory_format=layout)
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        functional.conv2d(x, weight, None, 1, rate, rate).backward(upstream)
        taken.append(time.perf_counter() - start)
    return 1e3 * min(taken)


def main() -> None:
    """A row for each."""
    torch.set_num_threads(1)
    kind = torch.bfloat16 if "bf16" in sys.argv[1:] else torch.float32
    print("| convolution | channels last | first | outputs padded to 8 | to 16 |\n| --- | ---: | ---: | ---: | ---: |")
    for name, (outputs, *others) in SHAPES.items():
        cells = [least(outputs, *others, kind, last) for last in (True, False)]
        cells += [least(-(-outputs // width) * width, *others, kind, True) for width in (8, 16)]
        print(f"| {name}, {others[0]} to {outputs} | " + " | ".join(f"{ms:.2f}" for ms in cells) + " |")


if __name__ == "__main__":
    main()
