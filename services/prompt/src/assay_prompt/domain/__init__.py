"""Decisions about prompts: no input or output, no framework, no clock."""
