"""The bench of the field: a method of one's own, tried beside the others, tuned on equal terms, and entered in a leaderboard.

new_method    a file of a method with its tests and settings, for a reader to edit
inserted      lines put into YAML files whose comments and layout stay
generated     settings files with other seeds or further experiments
asked         files asked of the workflow, with its progress
side_by_side  one experiment beside others, seed by seed
worlds        the sets that models are scored on, and which of them may choose settings
ranges        the ranges of a method's settings, and what is drawn from them
sweep         trials of drawn settings, and which of them each rule of selection picks
entry         what a leaderboard asks of an experiment
leaderboard   the table of those that have entered
"""
