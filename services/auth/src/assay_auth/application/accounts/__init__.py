"""People: how an account begins, changes and ends."""
