"""Scores: confusion matrices, IoU, paired intervals; label maps of other programs; named conventions of scoring.  No torch."""
