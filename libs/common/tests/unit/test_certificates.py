import math
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import REGISTRY

from assay_common.certificates import distrust, measure_read_always, measure_read_once

NOW = datetime.now(UTC).replace(microsecond=0)


def authority(days):
    """The certificate of a new authority, valid for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"authority for {days} days")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=1))
    builder = builder.not_valid_after(NOW + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def measured(file):
    name = "trusted_certificates_not_after_timestamp_seconds"
    value = REGISTRY.get_sample_value(name, {"file": str(file)})
    return value if value is None or math.isnan(value) else round((value - NOW.timestamp()) / 86400)


def test_of_several_authorities_the_last_counts(tmp_path):
    file = tmp_path / "ca.crt"
    file.write_bytes(authority(3) + authority(400) + authority(30))
    measure_read_always(file)
    assert measured(file) == 400


def test_a_file_that_is_renewed_counts_where_it_is_read_again(tmp_path):
    always, once = tmp_path / "always.crt", tmp_path / "once.crt"
    for file in (always, once):
        file.write_bytes(authority(3))
    for _ in range(2):
        measure_read_always(always)
        measure_read_once(once)
        for file in (always, once):
            file.write_bytes(authority(300))
    assert (measured(always), measured(once)) == (300, 3)


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_what_cannot_be_read_is_not_measured(text, tmp_path):
    file = tmp_path / "ca.crt"
    if text is not None:
        file.write_text(text)
    measure_read_always(file)
    assert math.isnan(measured(file))


def test_a_refused_certificate_is_found_in_what_it_is_wrapped_in():
    wrapper = ConnectionError("no connection")
    wrapper.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    assert "CA_FILE must hold" in distrust(wrapper, host="host", authority="CA_FILE")
    assert distrust(ConnectionError("reset"), host="host", authority="CA_FILE") is None
