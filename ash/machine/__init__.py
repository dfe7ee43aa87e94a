"""What this machine is and how it computes: device, precision, determinism, memory, GPUs."""
