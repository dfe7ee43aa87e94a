"""Processor time of a batch in the plain and the strong regime (figures in docs/guide/regimes.md).

    python -m tests.tools.regime_cost

Reads the prepared GTA5 of a built miniature, its features and its stylizer in data/.
"""

import time
from functools import partial
from pathlib import Path

import torch

from ash.features.encoded import encode
from ash.features.file import FeatureFile
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.style.stylizer import load_stylizer
from ash.training.feed import Encode, Features, Feed
from ash.training.regime import ClassIndex

BATCHES = 40


def main() -> None:
    """Print milliseconds."""
    torch.set_num_threads(1)
    pair = load_stylizer(Path("data/networks/stylizer.safetensors"))
    with (
        open_h5(Path("data/prepared/gta5_train.h5"), PREPARED_SCHEMA) as file,
        FeatureFile(Path("data/features/gta5.h5"), pair.digest) as cached,
    ):
        start = time.process_time()
        ClassIndex(file["label"], 19)
        print(f"index of {len(file['label'])} labels: {time.process_time() - start:.2f} s")

        def cost(strong: bool, content: Features | None = None, encoder: Encode | None = None) -> float:
            feed = Feed(
                file["image"], file["label"], seed=0, batch=4, label_stride=2, device=torch.device("cpu"),
                strong=strong, content=content, encode=encoder,
            )  # fmt: skip
            feed.batch(0)
            start = time.process_time()
            for step in range(1, BATCHES + 1):
                feed.batch(step)
            return 1000 * (time.process_time() - start) / BATCHES

        print(f"plain {cost(False):.1f}, strong {cost(True):.1f} ms")
        encoder = partial(encode, pair, "rgb")
        print(f"with features: plain, cached {cost(False, cached):.1f}, strong {cost(True, None, encoder):.1f} ms")


if __name__ == "__main__":
    main()
