"""Plumbing shared by the services; it knows no business word."""
