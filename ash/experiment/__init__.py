"""Experiments from settings to files: what the command line calls.

run        train one experiment with one seed
model      the trained segmenter's file
score      a model against a prepared target
pictures   stylised samples, and predictions for single images
bench      time of a training step by part
"""
