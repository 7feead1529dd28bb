"""Datasets, runs, scores, comparisons and gates: decisions only, no I/O and no clock."""
