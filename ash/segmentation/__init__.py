"""Segmentation networks, the output-space discriminator, and the losses on what they give."""
