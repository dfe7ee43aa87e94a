"""Measures this machine: the time of a training step by part, operations, memory, storage; plans a whole protocol.

Nothing but the command line imports it, so that an edit here makes no result of the workflow stale.
"""
