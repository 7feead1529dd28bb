"""Signing in on another device (RFC 8628)."""
