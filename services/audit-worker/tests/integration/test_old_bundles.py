"""Bundles that nobody needs any more go, row and object; whatever an audit may read stays."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from assay_audit import bootstrap
from assay_audit.adapters.bundle_store import ObjectBundleStore, ObjectStoreUnavailable
from assay_audit.adapters.old_bundles import old_bundles
from assay_audit.domain.kinds import MEASURED
from assay_common.lifecycle import Lifecycle
from assay_common.postgres.housekeeping import Housekeeper, keep_house
from assay_common.settings import HousekeepingSettings

DAYS = 90
WAITING = """
    SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
                   WHERE datname = current_database() AND NOT granted)
"""


class House:
    """The bundles of one organisation's repository `shop`, as they lie in the database and in the object store."""

    def __init__(self, connections, folder, org_id):
        self._connections, self._folder, self._org_id = connections, folder, org_id
        self.old = old_bundles(ObjectBundleStore(folder.as_uri()), DAYS)

    async def clean(self, **changes):
        housekeeper = Housekeeper(self._connections, bootstrap.SCHEMA, [replace(self.old, **changes)])
        return await housekeeper.clean(asyncio.Event())

    async def do(self, statement, *values):
        async with self._connections.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(self._org_id))
            return await connection.fetch(statement, *values)

    async def age(self, days=DAYS + 1):
        await self.do("UPDATE bundles SET used_at = now() - $1 * interval '1 day'", days)

    async def rows(self):
        return {row["digest"] for row in await self.do("SELECT digest FROM bundles")}

    def objects(self):
        return {path.stem for path in (self._folder / str(self._org_id)).rglob("*.bundle")}


@pytest.fixture
def house(connections, client, tmp_path):
    return House(connections, tmp_path / "objects", client.org_id)


@pytest.fixture
async def two(client, shop):
    """Two bundles, the older first: (commit, digest)."""
    await client.create("shop")
    bundles = []
    for text in ("1", "2"):
        shop.put({"VERSION": text})
        commit = shop.commit(f"Release {text}")
        bundles.append((commit, (await client.upload(shop.bundle())).digest.removeprefix("sha256:")))
    return bundles


async def test_old_bundles_go_with_their_objects_and_the_newest_stays(client, two, house):
    (_, older), (_, newest) = two
    await house.age(DAYS - 1)
    assert await house.clean() == 0
    await house.age()
    assert await house.clean() == 1
    assert await house.rows() == house.objects() == {newest}
    assert await house.clean() == 0
    assert older != newest


async def test_a_bundle_stays_as_long_as_a_run_needs_it(client, two, house, make_tasks):
    (commit, older), (_, newest) = two
    tasks = make_tasks()
    run = await client.start(commit=commit)
    await house.age()
    assert await house.clean() == 0
    await tasks.prepare_audit(client.org_id, UUID(run.id))
    await house.age()
    assert await house.clean() == 0
    for kind in MEASURED:
        await tasks.run_audit(client.org_id, UUID(run.id), kind)
    assert (await client.run(run.id)).HasField("finished_at")
    assert await house.rows() == {older, newest}
    assert await house.clean() == 1

    again = await client.start(commit=commit)  # from the newest, which has that commit too
    await tasks.prepare_audit(client.org_id, UUID(again.id))
    assert (await client.run(again.id)).commit == commit


async def test_a_run_that_is_about_to_clone_keeps_what_it_may_find(client, two, house):
    await client.start()
    await house.do("UPDATE runs SET bundle_digest = NULL")
    await house.age()
    assert await house.clean() == 0


async def test_to_upload_or_audit_it_again_keeps_a_bundle(client, two, house, shop):
    (commit, older), _ = two
    await house.age()
    run = await client.start(commit=commit)
    await house.do("UPDATE runs SET status = 5 WHERE id = $1", UUID(run.id))
    assert await house.clean() == 0
    assert older in house.objects()


async def test_a_bundle_that_is_taken_up_in_this_moment_stays(client, two, house, connections, until):
    """The audit begins while the housekeeper already waits for the row."""
    await house.age()

    async def waiting():
        return await connections.fetchval(WAITING)

    async with connections.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(client.org_id))
            await connection.execute("UPDATE bundles SET used_at = now()")
            cleaning = asyncio.create_task(house.clean())
            await until(waiting)
        assert await cleaning == 0
    assert await house.rows() == house.objects() == {digest for _, digest in two}


async def test_rows_wait_for_a_store_that_is_away(client, two, house, connections, tmp_path, until):
    _, (_, newest) = two
    await house.age()
    (tmp_path / "objects" / str(client.org_id)).rename(tmp_path / "away")
    (tmp_path / "objects" / str(client.org_id)).write_text("no folder")
    with pytest.raises(ObjectStoreUnavailable):
        await house.clean()
    assert len(await house.rows()) == 2

    lifecycle = Lifecycle(grace_seconds=5)
    settings = HousekeepingSettings(every_seconds=0.05)
    with capture_logs() as logs:
        lifecycle.spawn("housekeeping", keep_house(connections, bootstrap.SCHEMA, [house.old], settings, lifecycle))

        async def waits():
            return any(entry["event"] == "housekeeping waits" for entry in logs)

        await until(waits)
        (tmp_path / "objects" / str(client.org_id)).unlink()
        (tmp_path / "away").rename(tmp_path / "objects" / str(client.org_id))

        async def gone():
            return await house.rows() == house.objects() == {newest}

        await until(gone)
        lifecycle.stop()
        await lifecycle.drain()
    assert lifecycle.failure is None


async def test_they_go_in_batches_also_when_objects_are_gone_already(client, two, house, shop, tmp_path):
    for text in ("3", "4"):
        shop.put({"VERSION": text})
        shop.commit(f"Release {text}")
        newest = (await client.upload(shop.bundle())).digest.removeprefix("sha256:")
    (lost,) = (tmp_path / "objects").rglob(f"{two[0][1]}.bundle")
    lost.unlink()
    await house.age()
    sizes = []

    async def remove(rows):
        sizes.append(len(rows))
        await house.old.remove_with(rows)

    assert await house.clean(batch=2, remove_with=remove) == 3
    assert sizes == [2, 1]
    assert await house.rows() == house.objects() == {newest}
