"""git, by its command line: bare repositories that are never checked out, and nothing in them is ever run."""
