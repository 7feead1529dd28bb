"""Why a server's certificate is not believed, in words that say what to set."""

import ssl
from collections.abc import Iterator


def distrust(error: BaseException, *, host: str, authority: str) -> str | None:
    """What puts it right when a certificate was not believed; None when something else failed.

    Args:
        error: what the client raised, whatever it is wrapped in.
        host: the setting that names the server.
        authority: the setting whose file holds the certificates that are trusted.
    """
    refused = next((cause for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if refused is None:
        return None
    if "mismatch" in str(refused):
        return f"its certificate names another host: connect by a name that it has ({host})"
    return (
        f"its certificate is not vouched for by those that are trusted: {authority} must hold the certificate of its"
        " authority"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
