"""The jars of Apache Kafka: locked lists, fetched once into the user's cache and checked by hash.

A lock file pins every jar, so that every machine runs the same bytes and nothing is resolved at start:
`kafka_jars.lock` for a broker, `mirror_jars.lock` for MirrorMaker 2 too, with the Kafka Connect that runs it.
To move to another version change `_VERSION` and run `python -m assay_local.kafka_jars`.
"""

import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from filelock import FileLock
from jgo.maven import MavenContext, PythonResolver
from jgo.parse import Coordinate
from platformdirs import user_cache_path

from assay_local.errors import DownloadFailed

_VERSION = "4.1.0"
_DOWNLOADS_AT_ONCE = 6
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar: Maven coordinates and the SHA-256 of its bytes."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinates(self) -> str:
        """As Maven writes them."""
        return f"{self.group}:{self.artifact}:{self.version}"


@dataclass(frozen=True, slots=True)
class Lock:
    """A pinned list of jars: what was asked for, and all that it needs at run time."""

    name: str
    roots: tuple[str, ...]

    @property
    def file(self) -> Path:
        """Where it is kept: a line for each jar."""
        return Path(__file__).with_name(self.name)

    def jars(self) -> list[Jar]:
        """The jars of the lock file."""
        lines = (line.split() for line in self.file.read_text().splitlines() if not line.startswith("#"))
        return [_jar(coordinates, sha256) for coordinates, sha256 in lines]


BROKER = Lock(
    "kafka_jars.lock",
    (
        f"org.apache.kafka:kafka_2.13:{_VERSION}",
        "org.apache.logging.log4j:log4j-core:2.24.3",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
    ),
)
MIRROR = Lock(
    "mirror_jars.lock",
    (
        *BROKER.roots,
        f"org.apache.kafka:connect-mirror:{_VERSION}",
        f"org.apache.kafka:connect-runtime:{_VERSION}",
    ),
)


def cache_folder() -> Path:
    """Where jars are kept for every clone of this user (XDG_CACHE_HOME moves it)."""
    return user_cache_path("assay") / "maven"


def fetch(progress: Callable[[int, int], None], cache: Path | None = None, lock: Lock = BROKER) -> list[Path]:
    """The paths of all jars, in the order of the lock; what is missing or damaged is downloaded.

    `progress` is told how many of how many are there, only while something is downloaded.

    Raises:
        DownloadFailed: a jar could not be fetched or its bytes are not the pinned ones. What was fetched is kept.
    """
    folder = cache or cache_folder()
    jars = lock.jars()
    if all(_is_intact(jar, folder) for jar in jars):  # perhaps in a place where nothing may be written
        return [_path(jar, folder) for jar in jars]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        missing = [jar for jar in jars if not _is_intact(jar, folder)]
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            waiting = [pool.submit(_download, jar, folder) for jar in missing]
            try:
                for done, each in enumerate(as_completed(waiting), start=len(jars) - len(missing) + 1):
                    each.result()
                    progress(done, len(jars))
            finally:
                pool.shutdown(cancel_futures=True)
    return [_path(jar, folder) for jar in jars]


def _jar(coordinates: str, sha256: str) -> Jar:
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, sha256)


def _download(jar: Jar, folder: Path) -> None:
    path = _path(jar, folder)
    path.unlink(missing_ok=True)
    context = MavenContext(repo_cache=folder, resolver=PythonResolver(), timeout=_TIMEOUT_SECONDS)
    try:
        context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (requests.RequestException, RuntimeError, OSError) as error:
        path.unlink(missing_ok=True)
        raise DownloadFailed(
            f"Could not download {jar.coordinates}, a part of Kafka, from Maven Central: {error}. "
            f"Check the network and run the same command again: it goes on where it stopped."
        ) from error
    if not _is_intact(jar, folder):
        path.unlink()
        raise DownloadFailed(
            f"The download of {jar.coordinates} is damaged (another SHA-256 than pinned). Run the same command again."
        )


def _path(jar: Jar, folder: Path) -> Path:
    return folder.joinpath(*jar.group.split("."), jar.artifact, jar.version, f"{jar.artifact}-{jar.version}.jar")


def _is_intact(jar: Jar, folder: Path) -> bool:
    path = _path(jar, folder)
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _resolve(lock: Lock, folder: Path) -> list[Jar]:
    """Resolve the lock's roots and all they need at run time, from Maven."""
    context = MavenContext(repo_cache=folder, resolver=PythonResolver(), timeout=_TIMEOUT_SECONDS)
    # raw: a root's POM must not manage the versions of the others; log4j's would put an old client under Kafka.
    roots = [replace(Coordinate.parse(root), scope="compile", raw=True) for root in lock.roots]
    resolved, transitive = context.resolver.resolve([context.create_dependency(root) for root in roots])
    needed = [*resolved, *(each for each in transitive if each.scope in ("compile", "runtime"))]
    return sorted(
        (
            Jar(
                each.groupId,
                each.artifactId,
                each.version,
                hashlib.sha256(each.artifact.resolve().read_bytes()).hexdigest(),
            )
            for each in needed
        ),
        key=lambda jar: jar.coordinates,
    )


def _write_locks() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for lock in (BROKER, MIRROR):
            lines = [f"{jar.coordinates} {jar.sha256}\n" for jar in _resolve(lock, Path(folder))]
            lock.file.write_text("# Written by `python -m assay_local.kafka_jars`.\n" + "".join(lines))


if __name__ == "__main__":
    _write_locks()
