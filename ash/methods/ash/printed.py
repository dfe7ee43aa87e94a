"""The game with G stepping twice an iteration, as Algorithm 1 prints it (lines 9 to 12).

H steps first, then G on the labelled source (line 10), then G again on the stylised image (line 11), which was made before
either moved, then D.  The paper has no likeness of the heads; where it has a weight, it belongs to G's first step.
"""

from collections.abc import Iterator

from ash.contract import Batch, Update
from ash.methods.ash import Ash


class AshPrinted(Ash):
    """ASH with `g_steps: 2`."""

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield H's update, G's two and D's, each of which is followed by that player's step."""
        heads = self.segmenter(batch.image)
        stylised, h_terms = self.hallucinate(batch, self.condition(heads, batch))
        yield Update("hallucinator", self.h_terms(self.play(stylised, progress), h_terms, progress), then_step=True)
        yield Update("segmenter", self.source_terms(heads, batch, progress), then_step=True)
        game = self.play(stylised.detach(), progress)
        yield Update("segmenter", self.stylised_terms(game, batch, progress), then_step=True)
        yield self.d_update(heads, game)
