"""An authority of a test's own, and certificates that it issues."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from assay_local.tls import Tls


class Authority:
    """Vouches for servers; clients that trust `file` trust them. Everything lies in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._authority = trustme.CA()
        self.file = folder / "ca.crt"
        folder.mkdir(parents=True, exist_ok=True)
        self._authority.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str) -> Tls:
        """A certificate for host names or addresses."""
        issued = self._authority.issue_cert(*names)
        chain, key = self.folder / f"{names[0]}.crt", self.folder / f"{names[0]}.key"
        chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        key.touch(mode=0o600)
        loaded = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        key.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Tls(chain, key)
