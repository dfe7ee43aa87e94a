"""The paper's game with one backward pass through G for both players: the same sums in fewer passes.

What G descends, H climbs, so that one gradient of x^ serves both.  It holds only where x^ is shared and G has no other
loss on it.
"""

from collections.abc import Iterator

from ash.contract import Batch, Update
from ash.methods.ash import Ash


class AshReversed(Ash):
    """ASH with `reversal: true`."""

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield G's update, which leaves the gradient of x^, then H's from that gradient, then D's."""
        heads = self.segmenter(batch.image)
        stylised, h_terms = self.hallucinate(batch, self.condition(heads, batch))
        seen = stylised.detach().requires_grad_()
        game = self.play(seen, progress)
        terms = self.g_terms(heads, game, batch, progress)
        yield Update("segmenter", terms, also=(seen,))
        climb = -(seen.grad * stylised).sum()  # type: ignore[operator]  # whose gradient is H's; its value is not
        adversarial = climb - climb.detach() - terms["adversarial"].detach()
        yield Update("hallucinator", {"adversarial": adversarial, **h_terms})
        yield self.d_update(heads, game)
