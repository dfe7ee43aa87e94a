"""The one training loop, which knows no method, and what it stands on.

loop      train a method from its settings, resume exactly
captured  on a GPU, whole steps repeated from a recording
step      one step: forward, backward, optimisers; the benchmark and every fit take the same
feed      a batch of prepared images and features, by its step
batches   one batch after the other, read ahead on a GPU
sampler   which images a step sees
regime    how the strong regime changes them, and which it prefers
schedule  optimisers and learning rates
history   the table behind history.csv
resume    the file that a killed training goes on from
code      the digest of the code that a training runs
alone     one training a folder at a time
"""
