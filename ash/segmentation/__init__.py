"""Segmentation networks, the output-space discriminator, and the losses on what they give.

deeplab        DeepLab-v2: the published ResNet-101, and a small net of the same family
imagenet       its ResNet-18 and EfficientNet-Lite0, whose ImageNet weights anybody can have
deeplab_v3plus  DeepLabV3+ of RobustNet's family, to score its published models
heads          DeepLab-v2's heads: dilated convolutions, or one product of matrices
attention      position attention, for ASM
blocks         residual blocks and stages of them
discriminator  is a map of class probabilities source or stylised?
losses         losses on logits, probability maps and discriminator outputs
"""
