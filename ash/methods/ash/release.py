"""The game with an image of G's own, as the released code plays it.

H's step and G's step each make a stylised image, with fresh noise; the condition of G's has the size of the label.  No
graph passes from one to the other, and BatchNorm sees sources and stylised images in turns, two passes of each.
"""

from collections.abc import Iterator

import torch

from ash.contract import Batch, Update
from ash.methods.ash import Ash


class AshOwnImage(Ash):
    """ASH with `g_image: own`."""

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield H's update on its image, G's on another, and D's on G's."""
        with torch.no_grad():
            heads = self.segmenter(batch.image)
        stylised, h_terms = self.hallucinate(batch, self.condition(heads, batch))
        yield Update("hallucinator", self.h_terms(self.play(stylised, progress), h_terms, progress))
        heads = self.segmenter(batch.image)
        with torch.no_grad():
            stylised, _ = self.hallucinate(batch, self.condition(heads, batch, at_label_size=True))
        game = self.play(stylised, progress)
        yield Update("segmenter", self.g_terms(heads, game, batch, progress))
        yield self.d_update(heads, game)
