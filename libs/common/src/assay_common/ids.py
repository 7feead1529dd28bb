"""Identifiers that sort by the time they were made."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Make a UUID of version 7 (RFC 9562): unique, and ordered by its millisecond, which keeps index inserts local."""
    return uuid7()
