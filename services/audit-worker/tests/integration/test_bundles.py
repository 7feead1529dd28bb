import hashlib
import os

import pytest

from assay_audit.adapters.git.bundles import GitVerifier, unpack
from assay_audit.adapters.git.mirror import GitMirror
from assay_audit.domain.errors import BundleTooLarge, CorruptBundle, UnknownCommit
from assay_audit.domain.files import take_inventory


@pytest.fixture
def verify(git, tmp_path):
    """Verifies the bytes of a bundle as an upload is; every call in a folder of its own."""
    count = 0

    async def head_of(content: bytes, commit: str = "") -> str:
        nonlocal count
        count += 1
        folder = tmp_path / f"upload-{count}"
        folder.mkdir()
        (folder / "upload.bundle").write_bytes(content)
        return await GitVerifier(git).head_of(folder / "upload.bundle", commit)

    return head_of


@pytest.fixture
def mirror_of(git, tmp_path):
    async def make(content: bytes) -> GitMirror:
        (tmp_path / "mirrored.bundle").write_bytes(content)
        await unpack(git, tmp_path / "mirrored.bundle", tmp_path / "mirror.git")
        return GitMirror(git, tmp_path / "mirror.git", max_commits=100)

    return make


async def test_a_whole_bundle_tells_its_head(work_tree, verify):
    work_tree.put({"a.py": "x = 1\n"})
    first = work_tree.commit()
    work_tree.put({"a.py": "x = 2\n"})
    second = work_tree.commit()
    assert await verify(work_tree.bundle()) == second
    assert await verify(work_tree.bundle("main")) == second
    assert await verify(work_tree.bundle(), first) == first


async def test_without_head_and_with_two_branches_the_commit_must_be_named(work_tree, verify):
    work_tree.commit()
    work_tree.git("checkout", "--quiet", "-b", "other")
    other = work_tree.commit()
    bundle = work_tree.bundle("main", "other")
    with pytest.raises(UnknownCommit, match="2 branches"):
        await verify(bundle)
    assert await verify(bundle, other) == other
    with pytest.raises(UnknownCommit):
        await verify(bundle, "0" * 40)


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"hello" * 100,
        b"# v2 git bundle\n",
        b"# v2 git bundle\n" + b"0" * 40 + b" HEAD\n\nPACK",
        bytes(range(256)) * 20,
    ],
)
async def test_what_is_no_bundle_is_corrupt(verify, content):
    with pytest.raises(CorruptBundle):
        await verify(content)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty pack"])
async def test_a_damaged_bundle_is_corrupt(work_tree, verify, damage):
    work_tree.put({f"{n}.txt": f"line {n}\n" * 200 for n in range(20)})
    work_tree.commit()
    whole = bytearray(work_tree.bundle())
    if damage == "truncated":
        whole = whole[: len(whole) // 2]
    elif damage == "flipped":
        whole[len(whole) // 2] ^= 0xFF
    else:
        whole = whole[: whole.index(b"\n\n") + 2]
    with pytest.raises(CorruptBundle) as refused:
        await verify(bytes(whole))
    assert "/" not in refused.value.message.replace("v2 or v3", "")


async def test_a_bundle_that_needs_older_commits_is_refused_with_advice(work_tree, verify):
    work_tree.commit()
    work_tree.git("tag", "old")
    work_tree.commit()
    with pytest.raises(CorruptBundle, match="git bundle create"):
        await verify(work_tree.bundle("old..main"))


async def test_objects_that_could_harm_a_checkout_are_refused(work_tree, verify):
    blob = work_tree.blob(b"[core]\n\tfsmonitor = touch /tmp/owned\n")
    work_tree.tree_of({b"..": ("100644", blob)})
    with pytest.raises(CorruptBundle):
        await verify(work_tree.bundle("HEAD"))


async def test_an_upload_beyond_the_limit_leaves_nothing(scratch, tmp_path):
    async def chunks():
        for _ in range(100):
            yield b"x" * 1024 * 1024

    with pytest.raises(BundleTooLarge):
        async with scratch.folder() as folder:
            await scratch.receive(chunks(), folder)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.name != "owner.lock"]


async def test_an_upload_is_digested(scratch):
    async def chunks():
        yield b"ab"
        yield b"c"

    async with scratch.folder() as folder:
        received = await scratch.receive(chunks(), folder)
        assert received.path.read_bytes() == b"abc"
        assert (received.digest, received.size_bytes) == (hashlib.sha256(b"abc").hexdigest(), 3)


async def test_hostile_names_links_submodules_and_huge_files_are_listed_and_not_followed(work_tree, mirror_of):
    blob = work_tree.blob(b"x = 1\n")
    link = work_tree.blob(b"/etc/passwd")
    huge = work_tree.blob(os.urandom(6_000_000))
    names = {
        b"a\nb.py": ("100644", blob),
        b"\x1b[31mred.py": ("100644", blob),
        b"caf\xe9.py": ("100644", blob),
        b"l" * 3000 + b".py": ("100644", blob),
        b"passwd": ("120000", link),
        b"sub": ("160000", "1" * 40),
        b"huge.bin": ("100644", huge),
        b"-rf": ("100644", blob),
    }
    commit = work_tree.tree_of(names)
    mirror = await mirror_of(work_tree.bundle("HEAD"))
    inventory = take_inventory(await mirror.tree(await mirror.resolve(commit)), max_bytes=1_000_000, max_files=100)
    assert sorted(file.path for file in inventory.files) == ["-rf", "\\x1b[31mred.py", "a\\nb.py", "caf\\xe9.py"]
    assert inventory.skipped == {"symbolic link": 1, "submodule": 1, "too large": 1, "path too long": 1}
    assert [(item.path, item.size) for item in await mirror.large_objects(commit, 5_000_000)] == [
        ("huge.bin", 6_000_000)
    ]


async def test_the_history_is_read_newest_first_with_its_changes(work_tree, mirror_of):
    work_tree.put({"a.py": "one\ntwo\n", "logo.png": b"\x89PNG\0\0"})
    work_tree.commit("Begin")
    work_tree.put({"a.py": "one\n2\n", "dir/b\nc.py": "x\n"})
    work_tree.commit("Change two\n\nBecause of it", author="Grace@example.org")
    work_tree.commit("")
    mirror = await mirror_of(work_tree.bundle())
    commits = await mirror.history(await mirror.resolve(""))
    assert [commit.subject for commit in commits] == ["", "Change two", "Begin"]
    assert [commit.author for commit in commits] == ["ada@example.org", "grace@example.org", "ada@example.org"]
    assert [commit.parents for commit in commits] == [1, 1, 0]
    changes = {change.path: (change.added, change.deleted, change.binary) for change in commits[1].changes}
    assert changes == {"a.py": (1, 1, False), "dir/b\\nc.py": (1, 0, False)}
    assert commits[2].changes[1].binary


async def test_blobs_are_read_in_order(work_tree, mirror_of):
    contents = [f"content {n}\n".encode() * n for n in range(50)]
    ids = [work_tree.blob(content) for content in contents]
    work_tree.tree_of({f"{n}.txt".encode(): ("100644", name) for n, name in enumerate(ids)})
    mirror = await mirror_of(work_tree.bundle("HEAD"))
    assert [found async for found in mirror.blobs(ids)] == list(zip(ids, contents, strict=True))
