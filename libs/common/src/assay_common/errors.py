"""Categories of domain errors.

A service derives its own errors from these categories (`class VersionNotFound(NotFound)`), so that the edge can map a
category to a status of its protocol without knowing the service's words, and the domain never names a status.
"""

import re
from dataclasses import dataclass

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class AssayError(Exception):
    """A rule was broken, or the service could not do what was asked; the class names which.

    `details` are facts for the caller (names and ids, never secrets): they leave the service with the error.
    """

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, str] = details

    @property
    def reason(self) -> str:
        """The name of the rule in the protocol's spelling: `VersionNotFound` is `VERSION_NOT_FOUND`."""
        return _WORD_START.sub("_", type(self).__name__).upper()


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field of a request; `field` is its path, such as `variables[2].name`."""

    field: str
    description: str


class InvalidArgument(AssayError):
    """The request itself is wrong, whatever the state of the system."""

    def __init__(self, message: str, *violations: Violation, **details: str) -> None:
        super().__init__(message, **details)
        self.violations = violations


class Unauthenticated(AssayError):
    """Nobody is known to be asking: no token, or one that does not hold."""


class PermissionDenied(AssayError):
    """The asker is known and may not do this."""


class NotFound(AssayError):
    """The thing is not there, or belongs to another organisation, which is not told apart."""


class AlreadyExists(AssayError):
    """A thing of this name or id is already there."""


class FailedPrecondition(AssayError):
    """The state of the system forbids it; trying again without changing that state is of no use."""


class Aborted(AssayError):
    """Somebody else changed the same thing meanwhile (a lost update); read again and decide again."""


class ResourceExhausted(AssayError):
    """A limit or quota is used up."""


class Unavailable(AssayError):
    """A part that is needed does not answer now; trying again later may work."""
