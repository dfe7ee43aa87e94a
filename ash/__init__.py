"""A reproduction of Adversarial Semantic Hallucination (Tjio et al., WACV 2022).

The package holds the science: data, networks, losses, training, scores and the report.  It imports and trains without
Snakemake; the workflow beside it calls its command line, `ash`, one subcommand per step.
"""

__version__ = "0.1.0"
