"""Take a git bundle."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from assay_audit.application.find import find_repository
from assay_audit.application.ports import BundleStore, Scratch, UnitOfWork, Verifier
from assay_audit.domain.errors import UnknownCommit, required
from assay_audit.domain.repository import Bundle, is_commit_id
from assay_common.clock import Clock
from assay_common.errors import Violation
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class UploadBundle:
    """Verify a bundle completely before anything is stored; then it is the repository's newest.

    The bundle reaches the object store before the transaction that names it, so that a named bundle is always there.
    """

    uow: UnitOfWork
    scratch: Scratch
    verifier: Verifier
    store: BundleStore
    clock: Clock

    async def __call__(self, caller: Principal, reference: str, commit: str, chunks: AsyncIterator[bytes]) -> Bundle:
        """Raises RepositoryNotFound, RepositoryIsCloned, BundleTooLarge, CorruptBundle or UnknownCommit."""
        if commit and not is_commit_id(commit):
            raise UnknownCommit(f"{commit!r} is no commit id", Violation("header.commit", "40 hexadecimal digits"))
        async with self.uow(caller.tenant) as tx:
            repository = await find_repository(tx, caller, required("header.repository", reference))
        repository.accepts_bundles()
        async with self.scratch.folder() as folder:
            received = await self.scratch.receive(chunks, folder)
            head = await self.verifier.head_of(received.path, commit)
            async with self.uow(caller.tenant) as tx:  # the same one of long ago is not to go while this is stored
                await tx.repositories.use_bundle(repository.id, received.digest, at=self.clock())
            await self.store.put(caller.tenant, repository.id, received)
        bundle = Bundle(repository.id, received.digest, head, received.size_bytes, self.clock())
        async with self.uow(caller.tenant) as tx:
            current = await tx.repositories.get(str(repository.id), for_update=True)
            current.accepts_bundles()
            await tx.repositories.save(current, bundle, moved=current.take(bundle))
        return bundle
