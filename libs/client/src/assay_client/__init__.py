"""The Python client of Assay: `Assay` and, on asyncio, `AsyncAssay`."""

from assay_client.client import Assay, AsyncAssay
from assay_client.credentials import InMemory, Session, SessionStore
from assay_client.errors import AssayError, NotSignedIn, Problem, Unreachable

__all__ = [
    "Assay",
    "AssayError",
    "AsyncAssay",
    "InMemory",
    "NotSignedIn",
    "Problem",
    "Session",
    "SessionStore",
    "Unreachable",
]
