"""RepositoryService."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from grpc.aio import ServicerContext

from assay.audit.v1 import repositories_pb2, repositories_pb2_grpc
from assay_audit.application.create_repository import CreateRepository
from assay_audit.application.read_repositories import BatchGetRepositories, GetRepository, ListRepositories
from assay_audit.application.update_repository import UpdateRepository
from assay_audit.application.upload_bundle import UploadBundle
from assay_audit.domain.errors import MalformedRequest
from assay_audit.messages import bundle_message, repository_message
from assay_common.batches import ids_in
from assay_common.errors import Violation
from assay_common.identity import member

Context = ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class RepositoryServicer(repositories_pb2_grpc.RepositoryServiceServicer):
    """The RPCs of assay.audit.v1.RepositoryService; the proto says what each is for."""

    create_repository: CreateRepository
    get_repository: GetRepository
    list_repositories: ListRepositories
    batch_get_repositories: BatchGetRepositories
    update_repository: UpdateRepository
    upload_bundle: UploadBundle

    async def CreateRepository(
        self, request: repositories_pb2.CreateRepositoryRequest, context: Context
    ) -> repositories_pb2.Repository:
        """Register a repository."""
        return repository_message(await self.create_repository(member(), request.name, request.url))

    async def GetRepository(
        self, request: repositories_pb2.GetRepositoryRequest, context: Context
    ) -> repositories_pb2.Repository:
        """One repository, by id or name."""
        return repository_message(await self.get_repository(member(), request.repository))

    async def ListRepositories(
        self, request: repositories_pb2.ListRepositoriesRequest, context: Context
    ) -> repositories_pb2.ListRepositoriesResponse:
        """A page of repositories, newest first."""
        page = await self.list_repositories(member(), request.page_size, request.page_token)
        return repositories_pb2.ListRepositoriesResponse(
            repositories=map(repository_message, page.items), next_page_token=page.next_page_token
        )

    async def BatchGetRepositories(
        self, request: repositories_pb2.BatchGetRepositoriesRequest, context: Context
    ) -> repositories_pb2.BatchGetRepositoriesResponse:
        """Those of the repositories that the caller may touch."""
        found = await self.batch_get_repositories(member(), ids_in("ids", request.ids))
        return repositories_pb2.BatchGetRepositoriesResponse(repositories=map(repository_message, found))

    async def UpdateRepository(
        self, request: repositories_pb2.UpdateRepositoryRequest, context: Context
    ) -> repositories_pb2.Repository:
        """Change the URL."""
        url = request.url if request.HasField("url") else None
        return repository_message(
            await self.update_repository(member(), request.repository, url=url, etag=request.etag)
        )

    async def UploadBundle(
        self, request_iterator: AsyncIterator[repositories_pb2.UploadBundleRequest], context: Context
    ) -> repositories_pb2.UploadedBundle:
        """Take a git bundle."""
        header = await _header(request_iterator)
        bundle = await self.upload_bundle(member(), header.repository, header.commit, _chunks(request_iterator))
        return bundle_message(bundle)


async def _header(parts: AsyncIterator[repositories_pb2.UploadBundleRequest]) -> repositories_pb2.BundleHeader:
    first = await anext(aiter(parts), None)
    if first is None or first.WhichOneof("part") != "header":
        problem = Violation("header", "must be sent first")
        raise MalformedRequest("the upload does not begin with its header", problem)
    return first.header


async def _chunks(parts: AsyncIterator[repositories_pb2.UploadBundleRequest]) -> AsyncIterator[bytes]:
    async for part in parts:
        if part.WhichOneof("part") != "chunk":
            raise MalformedRequest("the upload has a second header", Violation("chunk", "only chunks follow"))
        yield part.chunk
