"""Weights of whole networks.

model        the trained segmenter's file
players      the file of the other networks that a run has trained: H, discriminators
checkpoints  published checkpoints as models of this project, and back; initial weights
family       names and shapes of the DeepLab-v2 family (AdaptSegNet, CLAN, ADVENT, ...)
robustnet    the same of RobustNet's family (ISW, SHADE, WildNet, ...)
adain        AdaIN's published encoder and decoder, and torchvision's VGG19
"""
