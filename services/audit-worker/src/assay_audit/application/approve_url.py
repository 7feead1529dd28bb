"""Approve a URL to clone from."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay_audit.application.ports import Resolver
from assay_audit.domain.clone_url import ClonePolicy, CloneTarget


@dataclass(frozen=True, slots=True)
class ApproveUrl:
    """Hold a URL, and what its host resolves to just now, against the installation's policy."""

    resolver: Resolver
    policy: ClonePolicy

    async def __call__(self, url: str) -> tuple[CloneTarget, Sequence[str]]:
        """The URL taken apart, and the approved addresses of its host. Raises UrlNotAllowed."""
        target = CloneTarget.parse(url)
        addresses = await self.resolver.addresses(target.host, target.port)
        self.policy.check(target, addresses)
        return target, addresses
