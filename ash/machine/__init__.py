"""What this machine is and how it computes.

device         which device steps run on, when it has finished, what to say when memory is short
precision      bf16 where the device computes it natively, fp32 elsewhere
deterministic  operators with gradients in a fixed order on CUDA
shortage       one line for what the machine has not enough of, whichever command asked
allocator      how this process gets its memory from the system
gpu            `ash-on-gpu`, which runs a command on a GPU that no other such command has
"""
