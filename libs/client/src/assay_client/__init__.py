"""The Python client of Assay: `Assay` and, on asyncio, `AsyncAssay`."""

from assay_client.client import DEFAULT_URL, Assay, AsyncAssay
from assay_client.credentials import InMemory, Session, SessionStore
from assay_client.errors import AssayError, MissingVariables, NotSignedIn, Problem, Unreachable
from assay_client.live import Event, Gap
from assay_client.prompt import Prompt
from assay_client.shelf import CachePolicy
from assay_client.sign_in import DeviceSignIn

__all__ = [
    "DEFAULT_URL",
    "Assay",
    "AssayError",
    "AsyncAssay",
    "CachePolicy",
    "DeviceSignIn",
    "Event",
    "Gap",
    "InMemory",
    "MissingVariables",
    "NotSignedIn",
    "Problem",
    "Prompt",
    "Session",
    "SessionStore",
    "Unreachable",
]
