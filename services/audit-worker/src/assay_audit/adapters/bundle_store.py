"""Bundles in an object store: a folder, S3, GCS or Azure, by URL."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from assay_audit.application.ports import BundleFile
from assay_audit.domain.errors import RepositoryUnreadable
from assay_common.errors import Unavailable

PART: Final = 5 * 1024 * 1024
"""Bytes uploaded or downloaded at a time."""
CONCURRENT_PARTS: Final = 4


class ObjectStoreUnavailable(Unavailable):
    """The object store does not answer, or refuses us."""


class ObjectBundleStore:
    """The port `BundleStore`: objects `<organisation>/<repository>/<SHA-256>.bundle`, each written whole or not."""

    def __init__(self, url: str) -> None:
        # A folder is made when it is not there; the other stores do not know these options.
        self._store: ObjectStore = from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)

    async def put(self, org_id: UUID, repository_id: UUID, bundle: BundleFile) -> None:
        """Store a bundle, whole or not at all. Raises ObjectStoreUnavailable."""
        key = _key(org_id, repository_id, bundle.digest)
        try:
            await obstore.put_async(self._store, key, bundle.path, chunk_size=PART, max_concurrency=CONCURRENT_PARTS)
        except (BaseError, OSError) as error:
            raise ObjectStoreUnavailable(f"the bundle could not be stored: {type(error).__name__}") from error

    async def fetch(self, org_id: UUID, repository_id: UUID, digest: str, into: Path) -> None:
        """Write a bundle to a file. Raises ObjectStoreUnavailable, or RepositoryUnreadable when it is not there."""
        try:
            found = await obstore.get_async(self._store, _key(org_id, repository_id, digest))
            with into.open("wb") as file:
                async for part in found.stream(min_chunk_size=PART):
                    await asyncio.to_thread(file.write, part)
        except FileNotFoundError as error:
            raise RepositoryUnreadable("the bundle is no longer in the object store", digest=digest) from error
        except (BaseError, OSError) as error:
            raise ObjectStoreUnavailable(f"the bundle could not be read: {type(error).__name__}") from error

    async def remove(self, bundles: Sequence[tuple[UUID, UUID, str]]) -> None:
        """Remove bundles (organisation, repository, digest), also such as are gone. Raises ObjectStoreUnavailable."""
        try:
            await asyncio.gather(*(self._remove(_key(*bundle)) for bundle in bundles))
        except (BaseError, OSError) as error:
            raise ObjectStoreUnavailable(f"bundles could not be removed: {type(error).__name__}") from error

    async def _remove(self, key: str) -> None:
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)


def _key(org_id: UUID, repository_id: UUID, digest: str) -> str:
    return f"{org_id}/{repository_id}/{digest}.bundle"
