"""Where requests and tasks come in."""
