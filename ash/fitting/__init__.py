"""Fits what methods stylise with.

pair       the miniature's encoder and decoder, from nothing
refit      that fit from prepared files to the pair's file and its record
batchnorm  BatchNorm for the time of the fit, folded away afterwards
decoder    a decoder to a frozen, published encoder
crops      batches of random crops of source images and paintings
quality    four numbers and a picture that tell how well a pair stylises
rain       ASM's VAE of styles
"""
