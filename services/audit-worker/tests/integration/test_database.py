import asyncio
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest

from assay.audit.v1 import audits_pb2 as audits
from assay.audit.v1 import repositories_pb2 as repositories
from assay_audit import bootstrap
from assay_audit.adapters.postgres.transaction import PostgresTransaction
from assay_audit.domain.analysis import Analysis
from assay_audit.domain.findings import RawFinding
from assay_audit.domain.kinds import Severity
from assay_common.postgres.migrations import downgrade, migrate
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.settings import DatabaseSettings
from assay_protos import permissions

TABLES = ["repositories", "bundles", "runs", "results", "findings", "analyses", "events"]

REQUESTS = {
    "/assay.audit.v1.RepositoryService/CreateRepository": repositories.CreateRepositoryRequest(name="x"),
    "/assay.audit.v1.RepositoryService/GetRepository": repositories.GetRepositoryRequest(repository="x"),
    "/assay.audit.v1.RepositoryService/ListRepositories": repositories.ListRepositoriesRequest(),
    "/assay.audit.v1.RepositoryService/BatchGetRepositories": repositories.BatchGetRepositoriesRequest(),
    "/assay.audit.v1.RepositoryService/UpdateRepository": repositories.UpdateRepositoryRequest(repository="x"),
    "/assay.audit.v1.RepositoryService/UploadBundle": repositories.UploadBundleRequest(chunk=b"x"),
    "/assay.audit.v1.AuditService/StartAudit": audits.StartAuditRequest(repository="x"),
    "/assay.audit.v1.AuditService/GetAudit": audits.GetAuditRequest(id=str(UUID(int=7))),
    "/assay.audit.v1.AuditService/ListAudits": audits.ListAuditsRequest(),
    "/assay.audit.v1.AuditService/BatchGetLatestAudits": audits.BatchGetLatestAuditsRequest(),
    "/assay.audit.v1.AuditService/ListFindings": audits.ListFindingsRequest(audit_id=str(UUID(int=7))),
    "/assay.audit.v1.AuditService/ExportSarif": audits.ExportSarifRequest(audit_id=str(UUID(int=7))),
}


async def call(client, path, metadata):
    service, _, rpc = path.rpartition("/")
    stub = client.repositories if "Repository" in service else client.audits
    request = REQUESTS[path]
    if rpc == "UploadBundle":
        return await stub.UploadBundle(iter([request]), metadata=metadata)
    if rpc == "ExportSarif":
        return [chunk async for chunk in stub.ExportSarif(request, metadata=metadata)]
    return await getattr(stub, rpc)(request, metadata=metadata)


def test_every_rpc_is_tested():
    assert {path for path in permissions.methods() if path.startswith("/assay.audit.")} == REQUESTS.keys()


@pytest.mark.parametrize("path", REQUESTS)
async def test_every_rpc_needs_a_token_and_its_permission(as_caller, refusal, path):
    needed = permissions.permission_of(path)
    others = sorted(permissions.all_permissions() - {needed})
    refused = await refusal(call(as_caller(), path, ()))
    assert refused.status is grpc.StatusCode.UNAUTHENTICATED
    client = as_caller(*others)
    refused = await refusal(call(client, path, client.metadata))
    assert (refused.status, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "MISSING_PERMISSION")
    assert refused.details["permission"] == needed


@pytest.mark.parametrize("path", REQUESTS)
async def test_every_rpc_lets_its_permission_in(as_caller, path):
    client = as_caller(permissions.permission_of(path))
    try:
        await call(client, path, client.metadata)
    except grpc.aio.AioRpcError as error:
        assert error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)


async def test_without_a_tenant_the_database_shows_nothing(client, shop, connections):
    await client.create("shop")
    await client.upload(shop.bundle())
    await client.start()
    for table in TABLES:
        assert await connections.fetchval(f"SELECT count(*) FROM {table}") == 0
        async with connections.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(uuid4()))
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connections.execute(
            "INSERT INTO analyses (org_id, engine, engine_version, config, content, result)"
            " VALUES ($1, 'ruff', '1', 'c', 'b', '{}')",
            client.org_id,
        )


async def test_an_analysis_is_not_shared_between_organisations(connections):
    uow = UnitOfWork(connections, bootstrap.SCHEMA, PostgresTransaction)
    one, two = uuid4(), uuid4()
    analysis = Analysis((RawFinding("ruff/F401", Severity.WARNING, "m", "", 3, "c"),), {"lines": 5})
    for _ in range(2):
        async with uow(one) as tx:
            await tx.analyses.remember("ruff", "1", "c", {"blob": analysis})
    async with uow(one) as tx:
        assert await tx.analyses.find("ruff", "1", "c", {"blob", "other"}) == {"blob": analysis}
        assert await tx.analyses.find("ruff", "2", "c", {"blob"}) == {}
        assert await tx.analyses.find("ruff", "1", "d", {"blob"}) == {}
    async with uow(two) as tx:
        assert await tx.analyses.find("ruff", "1", "c", {"blob"}) == {}


async def test_migrations_go_up_down_and_up(make_database):
    made = await make_database("audit", logins=("assay_audit",))
    settings = DatabaseSettings(url=made.logins["assay_audit"], migration_url=made.owner_url)
    connection = await asyncpg.connect(made.owner_url)
    try:
        for step in (migrate, downgrade, migrate):
            await asyncio.to_thread(step, settings, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'audit'")
            assert ({row["tablename"] for row in tables} >= set(TABLES)) == (step is migrate)
    finally:
        await connection.close()
