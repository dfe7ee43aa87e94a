"""Stylisation, and what ASH does to a style.

vgg            the frozen encoder and its decoder, at any width
padding        reflection padding, and upsampling with it, in the precision of their input
stylizer       the pair that every method stylises with, and its file
adain          adaptive instance normalisation, and the distance between styles
mixture        styles mixed, and feature maps given another
noise          orthogonal noise on style features
hallucination  ASH's module H, and what gamma and beta do to a style
rain           RAIN's VAE of style statistics, which ASM searches in
view           from images to the stylised image that the segmenter sees
"""
