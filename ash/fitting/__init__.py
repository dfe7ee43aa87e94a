"""Fits what methods stylise with: the miniature's pair, a decoder to a published encoder, ASM's VAE of styles."""
