"""The one training loop, which knows no method, and what it stands on: batches, schedules, checkpoints."""
