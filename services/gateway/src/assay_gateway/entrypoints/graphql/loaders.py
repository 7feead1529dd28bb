"""One request's data loaders: what many objects of an answer need is fetched by one RPC for each kind of thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from strawberry.dataloader import DataLoader

from assay.audit.v1 import audits_pb2, repositories_pb2
from assay.evaluation.v1 import datasets_pb2, runs_pb2
from assay.prompt.v1 import prompts_pb2
from assay_gateway.entrypoints.http.gateway import Services
from assay_gateway.messages import Json, to_json

MAX_BATCH: Final = 200
"""Most things that one RPC is asked for."""

VersionName = tuple[str, int]
"""Id of a prompt and number of a version; 0 = the newest."""


@dataclass(frozen=True, slots=True)
class Loaders:
    """Things by id; None where there is none that the caller may see."""

    prompts: DataLoader[str, Json | None]
    versions: DataLoader[VersionName, Json | None]
    datasets: DataLoader[str, Json | None]
    runs: DataLoader[str, Json | None]
    repositories: DataLoader[str, Json | None]
    latest_audits: DataLoader[str, Json | None]
    """By id of the repository."""

    @classmethod
    def over(cls, services: Services, *, remember: bool = True) -> Loaders:
        """Fresh loaders over the services, for the current caller; they remember what they have read, or do not."""

        def by(fetch: Callable[[list[str]], Awaitable[Sequence[Message]]], key: str) -> DataLoader[str, Json | None]:
            async def load(ids: list[str]) -> Sequence[Json | None]:
                found = {getattr(message, key): to_json(message) for message in await fetch(ids)}
                return [found.get(each) for each in ids]

            return DataLoader(load, max_batch_size=MAX_BATCH, cache=remember)

        async def prompts(ids: list[str]) -> Sequence[Message]:
            return (await services.prompts.BatchGetPrompts(prompts_pb2.BatchGetPromptsRequest(ids=ids))).prompts

        async def datasets(ids: list[str]) -> Sequence[Message]:
            return (await services.datasets.BatchGetDatasets(datasets_pb2.BatchGetDatasetsRequest(ids=ids))).datasets

        async def runs(ids: list[str]) -> Sequence[Message]:
            return (await services.runs.BatchGetRuns(runs_pb2.BatchGetRunsRequest(ids=ids))).runs

        async def repositories(ids: list[str]) -> Sequence[Message]:
            request = repositories_pb2.BatchGetRepositoriesRequest(ids=ids)
            return (await services.repositories.BatchGetRepositories(request)).repositories

        async def latest_audits(ids: list[str]) -> Sequence[Message]:
            request = audits_pb2.BatchGetLatestAuditsRequest(repository_ids=ids)
            return (await services.audits.BatchGetLatestAudits(request)).audits

        return cls(
            prompts=by(prompts, "id"),
            versions=DataLoader(_versions(services), max_batch_size=MAX_BATCH, cache=remember),
            datasets=by(datasets, "id"),
            runs=by(runs, "id"),
            repositories=by(repositories, "id"),
            latest_audits=by(latest_audits, "repository_id"),
        )


def _versions(services: Services) -> Callable[[list[VersionName]], Any]:
    async def load(names: list[VersionName]) -> Sequence[Json | None]:
        wanted = [prompts_pb2.VersionName(prompt_id=prompt_id, number=number) for prompt_id, number in names]
        answer = await services.prompts.BatchGetVersions(prompts_pb2.BatchGetVersionsRequest(names=wanted))
        found: dict[VersionName, Json] = {}
        newest: dict[str, Json] = {}
        for version in answer.versions:
            shown = to_json(version)
            found[version.prompt_id, version.number] = shown
            if version.number >= newest.get(version.prompt_id, {"number": 0})["number"]:
                newest[version.prompt_id] = shown
        return [newest.get(prompt_id) if number == 0 else found.get((prompt_id, number)) for prompt_id, number in names]

    return load
