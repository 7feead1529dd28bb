"""The eight audits, where one stands, and how bad a finding is."""

from enum import IntEnum
from typing import Final


class AuditKind(IntEnum):
    """The eight audits; the numbers are those of the protocol and of the database."""

    INTEGRITY = 1
    TDD = 2
    FLOW = 3
    SAGES = 4
    GIT = 5
    SERVANT = 6
    STRICT = 7
    PREDICTIVE = 8

    @property
    def word(self) -> str:
        """The kind as it is written to people: `integrity`."""
        return self.name.lower()


class Status(IntEnum):
    """Where an audit or a run stands; the numbers are those of the protocol and of the database."""

    QUEUED = 1
    RUNNING = 2
    COMPLETED = 3
    NOT_MEASURED = 4
    FAILED = 5


class Severity(IntEnum):
    """How bad a finding is; the numbers are those of the protocol and of the database."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


MEASURED: Final = (
    AuditKind.INTEGRITY,
    AuditKind.TDD,
    AuditKind.GIT,
    AuditKind.SERVANT,
    AuditKind.STRICT,
)
"""The audits that have engines."""

NOT_YET: Final = "not measured yet"
"""The reason given for the others."""
