"""Why PostgreSQL does not let us in, in words that say what to do: waiting would not help."""

from typing import Final

from assay_common.errors import FailedPrecondition


class DatabaseRefused(FailedPrecondition):
    """The database answers but does not take this login in this way; the message says what to set."""


# What asyncpg and libpq say (the first that is found counts), and what puts it right.
_REMEDIES: Final = (
    (
        ("hostname mismatch", "ip address mismatch", "does not match host name"),
        "its certificate names another host: connect by a name that the certificate has (the chart's database.host)",
    ),
    (
        ("certificate verify failed",),
        "its certificate is not vouched for by those that are trusted: PGSSLROOTCERT (database.caSecret) must hold the"
        " certificate of its authority",
    ),
    (
        ("password authentication failed",),
        "it does not know this login with this password: PGPASSWORD (database.existingSecret) must be the login's",
    ),
    (
        ("no encryption", "ssl off"),
        "it takes encrypted connections only: set PGSSLMODE (database.sslMode) to verify-full",
    ),
    (
        ("does not support ssl", "rejected ssl upgrade"),
        "it does not encrypt connections: have it do so, or set PGSSLMODE (database.sslMode) to disable",
    ),
)


def refusal(error: BaseException | None) -> DatabaseRefused | None:
    """What to raise instead of the driver's error; None when waiting may help."""
    said = " ".join(str(error).split())
    for words, remedy in _REMEDIES:
        if any(word in said.lower() for word in words):
            return DatabaseRefused(f"PostgreSQL does not let us in: {remedy}. It says: {said}")
    return None
