"""Decisions on people, organisations, keys and sessions: no I/O, no clock."""
