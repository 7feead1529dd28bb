"""Decisions about repositories and audits; no I/O."""
