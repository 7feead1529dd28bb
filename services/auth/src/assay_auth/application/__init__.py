"""The use cases of auth, one module each, and the ports they need."""
