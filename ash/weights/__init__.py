"""Weights of whole networks: this project's models, checkpoints of the CLAN family, AdaIN's published pair."""
