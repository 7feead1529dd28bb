"""The HTTP API: REST under /v1, the live feed, and the operators' routes."""
