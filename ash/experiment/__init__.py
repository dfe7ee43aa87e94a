"""From an experiment's settings to its files: what the command line calls.

inputs        the files that a training reads, by name
origin        whether a run's files are those that its settings name, and their digests
build         networks and batches of a run, each made once from what the method needs
rehearsal     a first step without numbers: do networks, images and settings fit together?
compiled      parts of the networks compiled, where the settings ask for it
train         one experiment with one seed: model, other players, history, provenance
evaluate      a model against a prepared target
evaluate_raw  a model under a named evaluation protocol, on the raw files of a set
evaluate_all  a model under every protocol that the data at hand allows
hallucinated  a trained run of ASH, and what it makes of an image step by step
stylisation   those steps for a few images, for the paper's Figures 1, 2 and 4
pictures      stylised samples, and one stylised image
viewer        what a model sees in pictures of one's own
tiles         the logits of a picture that is too large to be seen at once
"""
