"""Clones by https, to addresses that were approved, within limits of time and size."""

import asyncio
import hashlib
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from assay_audit.adapters.git.bundles import commit_in, pack
from assay_audit.adapters.git.command import Git, complaint
from assay_audit.application.ports import BundleFile
from assay_audit.domain.clone_url import CloneTarget
from assay_audit.domain.errors import RepositoryUnreadable
from assay_common.certificates import measure_read_always


class HttpsCloner:
    """The port `Cloner`."""

    def __init__(self, git: Git, *, seconds: float, max_bytes: int, ca_file: Path | None) -> None:
        self._git = git.within(seconds, max_bytes)
        self._trust = (f"http.sslCAInfo={ca_file}",) if ca_file else ()
        if ca_file is not None:
            measure_read_always(ca_file)

    async def clone(self, target: CloneTarget, addresses: Sequence[str], folder: Path) -> tuple[BundleFile, str]:
        """Clone from exactly these addresses and pack the clone as a bundle; the bundle, and the commit of its HEAD.

        Raises RepositoryUnreadable.
        """
        clone, bundle = folder / "clone.git", folder / "clone.bundle"
        done = await self._git(
            "clone", "--quiet", "--bare", "--template=", "--", target.url, str(clone),
            folder=folder,
            config=(*_only(target, addresses), *self._trust),
        )  # fmt: skip
        if done.code != 0:
            raise RepositoryUnreadable(f"the repository could not be cloned: {complaint(done)}", url=target.url)
        head = await commit_in(self._git, clone, "HEAD")
        if head is None:
            raise RepositoryUnreadable("the repository has no commits yet", url=target.url)
        await pack(self._git, clone, bundle)
        digest, size = await asyncio.to_thread(_digest, bundle)
        return BundleFile(bundle, digest, size), head


def _only(target: CloneTarget, addresses: Sequence[str]) -> tuple[str, ...]:
    """Configuration that allows this URL at these addresses, and nothing it may lead to."""
    pinned = ",".join(f"[{address}]" if _is_v6(address) else address for address in addresses)
    return (
        "protocol.https.allow=always",
        "http.followRedirects=false",
        # Asked again, the name could have another address by now.
        f"http.curloptResolve={target.host}:{target.port}:{pinned}",
        "http.lowSpeedLimit=1000",
        "http.lowSpeedTime=30",
        "http.proxy=",
        "fetch.fsckObjects=true",
        "fetch.fsck.badTimezone=ignore",
        "fetch.fsck.missingSpaceBeforeDate=ignore",
        "fetch.fsck.zeroPaddedFilemode=ignore",
    )


def _is_v6(address: str) -> bool:
    return isinstance(ip_address(address), IPv6Address)


def _digest(file: Path) -> tuple[str, int]:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest(), file.stat().st_size
