"""What people look at first: one self-contained HTML page made from the published version and nothing else."""
