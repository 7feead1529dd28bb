import asyncio
import subprocess
import sys
from uuid import uuid4

import pytest

from assay_audit.adapters.bundle_store import ObjectBundleStore
from assay_audit.adapters.git.mirrors import MirrorCache
from assay_audit.adapters.scratch import ScratchFolders
from assay_audit.application.ports import BundleFile
from assay_audit.domain.errors import RepositoryUnreadable

ORG, REPOSITORY = uuid4(), uuid4()


class Counting(ObjectBundleStore):
    """The real store; counts what is fetched."""

    fetched = 0

    async def fetch(self, *arguments) -> None:
        self.fetched += 1
        await super().fetch(*arguments)


@pytest.fixture
def store(tmp_path):
    return Counting((tmp_path / "objects").as_uri())


@pytest.fixture
def make_cache(git, store, scratch, tmp_path):
    def make(max_bytes: int = 10**9) -> MirrorCache:
        return MirrorCache(tmp_path / "data", git, store, scratch, max_bytes=max_bytes, max_commits=10)

    return make


@pytest.fixture
def stored(make_work_tree, store, tmp_path):
    """Stores a bundle of one commit under a digest; gives the commit."""

    async def put(digest: str) -> str:
        tree = make_work_tree()
        tree.put({"a.txt": digest * 1000})
        commit = tree.commit()
        file = tmp_path / f"{digest}.bundle"
        file.write_bytes(tree.bundle())
        await store.put(ORG, REPOSITORY, BundleFile(file, digest, file.stat().st_size))
        return commit

    return put


def mirrors(tmp_path):
    return sorted(path.name.rpartition("-")[2] for path in (tmp_path / "data" / "mirrors").glob("*.git"))


async def test_a_mirror_is_made_once_for_all_who_ask_at_once(make_cache, stored, store):
    commit = await stored("one")
    caches = [make_cache(), make_cache()]

    async def read(cache):
        async with cache.lease(ORG, REPOSITORY, "one") as mirror:
            return await mirror.resolve("")

    assert set(await asyncio.gather(*(read(cache) for cache in caches * 4))) == {commit}
    assert store.fetched == 1


async def test_an_organisation_never_reads_anothers_mirror(make_cache, stored):
    await stored("one")
    cache = make_cache()
    async with cache.lease(ORG, REPOSITORY, "one"):
        pass
    with pytest.raises(RepositoryUnreadable):
        async with cache.lease(uuid4(), REPOSITORY, "one"):
            pass


async def test_the_least_used_mirror_makes_room_but_never_one_in_use(make_cache, stored, tmp_path):
    for digest in ("one", "two", "three"):
        await stored(digest)
    cache = make_cache(max_bytes=1)
    async with cache.lease(ORG, REPOSITORY, "one") as one:
        async with cache.lease(ORG, REPOSITORY, "two"):
            pass
        async with cache.lease(ORG, REPOSITORY, "three"):
            assert mirrors(tmp_path) == ["one.git", "three.git"]
        assert await one.resolve("")
    async with cache.lease(ORG, REPOSITORY, "two"):
        assert mirrors(tmp_path) == ["two.git"]


async def test_a_mirror_that_cannot_be_made_leaves_nothing(make_cache, store, tmp_path):
    broken = tmp_path / "broken.bundle"
    broken.write_bytes(b"broken")
    await store.put(ORG, REPOSITORY, BundleFile(broken, "broken", 6))
    with pytest.raises(Exception, match="no git bundle"):
        async with make_cache().lease(ORG, REPOSITORY, "broken"):
            pass
    assert mirrors(tmp_path) == []
    assert not list((tmp_path / "data" / "scratch").rglob("*.bundle"))


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from assay_audit.adapters.scratch import ScratchFolders\n"
        "folders = ScratchFolders(Path(sys.argv[1]), 10); (folders._own / 'left').write_text('x'); print('ready')\n"
        "sys.stdout.flush(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        living = ScratchFolders(tmp_path, 10)
        assert list(tmp_path.rglob("left"))
        process.kill()
        process.wait()
    assert list(tmp_path.rglob("left"))
    ScratchFolders(tmp_path, 10).close()
    assert not list(tmp_path.rglob("left"))
    living.close()
