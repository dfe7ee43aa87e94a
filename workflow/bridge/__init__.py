"""What lets Snakemake and DVC share one pipeline (docs/dvc.md)."""
