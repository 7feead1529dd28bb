"""Decisions of the gateway: how many requests a caller may make, which prompt a read names, who may see an event."""
