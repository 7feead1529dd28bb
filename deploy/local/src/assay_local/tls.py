"""What a server shows to be who it says, for components that speak TLS."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM: a certificate with those that lead to its authority, and its key, unencrypted (PKCS #8)."""

    certificate: Path
    key: Path

    def in_one(self, file: Path) -> Path:
        """Key and certificates in one file, as Kafka wants them, readable by its owner only."""
        file.touch(mode=0o600)
        file.write_bytes(self.key.read_bytes() + self.certificate.read_bytes())
        return file
