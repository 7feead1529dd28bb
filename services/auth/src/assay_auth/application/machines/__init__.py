"""API keys and service accounts."""
