"""The use cases, one a module, and the ports they need."""
