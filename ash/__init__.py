"""A reproduction of Adversarial Semantic Hallucination (Tjio et al., WACV 2022).

The package holds the science: data, networks, losses, training, scores and the report.  It imports and trains without
Snakemake; the workflow beside it calls its command line, `ash`, one subcommand per step.

cli            the command line, one subcommand a step
acquire        published sets and weights: fetched or asked for, verified, unpacked
datasets       one file for each data set: its layout on disk, its encoding, its table of ids
miniature      a drawn world in the place of the real sets
preparation    from raw sets to prepared HDF5 files
features       encoder features of images, cached or encoded when they are read
style          stylisation: encoder, decoder, AdaIN, noise, ASH's hallucinator
segmentation   the segmenters, the discriminator, and losses on what they give
methods        one file for each training method: its losses, its settings, its paper
training       the one training loop
fitting        fits what methods stylise with
weights        files of whole networks: our models, published checkpoints, AdaIN's pair
evaluation     confusion matrices, IoU, mIoU, intervals over seeds
experiment     from an experiment's settings to its files: train, evaluate, pictures
report         tables, figures and the page
documentation  writes docs/methods from the methods themselves
bench          measures this machine
field          a method of one's own: written, tried beside others, searched, entered in the leaderboard
config         params.yaml and the protocols, checked and frozen
files          reads and writes files
machine        device, precision, determinism, memory, GPUs
contract       what a method owes the loop: needs, batches, updates
labels         the 19 classes
pixels         images as tensors
progress       how a long step tells how far it is
errors         every error that the project raises on purpose
"""

__version__ = "0.1.0"
