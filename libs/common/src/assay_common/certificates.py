"""Certificates that vouch for servers: until when they do, and what to set where a server's is not believed."""

import functools
import math
import ssl
from collections.abc import Iterator
from pathlib import Path

from assay_common.metrics import TRUSTED_CERTIFICATES_NOT_AFTER


@functools.cache
def measure_read_once(file: Path) -> None:
    """Measure the expiry of certificates that this process keeps as it has read them first."""
    TRUSTED_CERTIFICATES_NOT_AFTER.labels(str(file)).set(_not_after(file))


def measure_read_always(file: Path) -> None:
    """Measure the expiry of certificates that are read again for each connection."""
    TRUSTED_CERTIFICATES_NOT_AFTER.labels(str(file)).set_function(functools.partial(_not_after, file))


def _not_after(file: Path) -> float:
    """When the last of the authorities in a file expires; not a number where none can be read.

    The last one: files hold old and new ones during a renewal, and those of cloud providers many of different ages.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except OSError:
        return math.nan
    ends = (str(each["notAfter"]) for each in context.get_ca_certs())
    return max(map(ssl.cert_time_to_seconds, ends), default=math.nan)


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
