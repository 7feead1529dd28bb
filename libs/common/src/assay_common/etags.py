"""Entity tags of resources: a change names the state it was decided on, and a lost update is refused (RFC 9110, 8.8.3).

A service's tag is the resource's revision as text; clients take it as opaque.
"""

from assay_common.errors import Aborted


class EtagMismatch(Aborted):
    """The resource was changed since the caller read it; nothing was written."""


def ensure_unchanged(asked: str, current: str) -> None:
    """Compare the tag a change names (empty = none) with the resource's own; raises EtagMismatch."""
    if asked and asked != current:
        raise EtagMismatch("it was changed meanwhile: read it again and decide anew", etag=current)
