"""What lets Snakemake and DVC share one pipeline (docs/guide/dvc.md)."""
