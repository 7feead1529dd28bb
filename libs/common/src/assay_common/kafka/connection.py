"""What every Kafka client of a process needs to find the brokers and sign in, and why they do not let it."""

import ssl
from typing import Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from assay_common.certificates import distrust, measure_read_once
from assay_common.settings import KafkaSettings

PROBE_TIMEOUT_MS: Final = 5000
"""How long one broker may take to say why it refuses."""


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments shared by aiokafka's producer, consumer and admin client."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.client_id,
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.ca_file)
        if settings.ca_file is not None:
            measure_read_once(settings.ca_file)
    if settings.sasl_username is not None and settings.sasl_password is not None:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


async def refusal(settings: KafkaSettings) -> str | None:
    """Why the brokers do not let us in, in words that say what to set; None when they do, or are not there.

    aiokafka tells its callers only that there is no connection. Here each broker is asked once, and what it answered
    is put into words.
    """
    options = {key: value for key, value in connection_options(settings).items() if key != "bootstrap_servers"}
    for address in settings.bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            connection = await create_conn(host, int(port), request_timeout_ms=PROBE_TIMEOUT_MS, **options)
            try:
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
        except (KafkaError, OSError, TimeoutError) as error:
            if (remedy := _remedy(error, settings)) is not None:
                return f"Kafka at {address.strip()} does not let us in: {remedy}. It says: {_said(error)}"
    return None


def _remedy(error: BaseException, settings: KafkaSettings) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            return distrust(error, host="kafka.bootstrapServers", authority="ASSAY_KAFKA__CA_FILE (kafka.caSecret)")
        case ssl.SSLError() | ConnectionResetError():
            return "it does not speak TLS on this port: ASSAY_KAFKA__SECURITY_PROTOCOL or the port is wrong"
        case SaslAuthenticationFailed():
            return "it does not know this user with this password: ASSAY_KAFKA__SASL_USERNAME and _PASSWORD are wrong"
        case UnsupportedSaslMechanismError():
            return f"it does not offer {settings.sasl_mechanism}: set ASSAY_KAFKA__SASL_MECHANISM (kafka.saslMechanism)"
        case KafkaConnectionError():
            return (
                f"it hung up without an answer, as it does when it expects something other than "
                f"{settings.security_protocol}: set ASSAY_KAFKA__SECURITY_PROTOCOL (kafka.securityProtocol) to the "
                f"listener's"
            )
        case _:
            return None


def _said(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
