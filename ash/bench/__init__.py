"""Measures this machine: the time of a training step by part, operations, memory, storage; plans a whole protocol.

Nothing but the command line imports it, so that an edit here makes no result of the workflow stale.

step       the time of a step of a method by part, and its passes through the segmenter
launches   the operators and kernels of a step
meter      time, operations and memory of a part; what the device could do at most
synthetic  files of random content at any size, to measure without data
storage    the forms of feature storage against the encoder
plan       hours and bytes of a whole protocol, from measured steps
"""
