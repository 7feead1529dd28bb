"""Organisations, their members, invitations and teams."""
