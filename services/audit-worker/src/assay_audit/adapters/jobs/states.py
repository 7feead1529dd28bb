"""How a Job stands."""

from enum import Enum


class JobState(Enum):
    """How a Job stands."""

    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
