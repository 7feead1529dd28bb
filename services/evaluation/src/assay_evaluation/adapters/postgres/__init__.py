"""Datasets, runs and comparisons on PostgreSQL: state and events in one transaction."""
