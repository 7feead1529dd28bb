"""Clones from a real https server on this machine, over git's dumb protocol (files that a web server serves)."""

import datetime
import functools
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from assay.audit.v1 import audits_pb2 as pb
from assay.audit.v1.repositories_pb2 import GetRepositoryRequest, UpdateRepositoryRequest
from assay_audit.domain.kinds import MEASURED
from assay_audit.settings import CloneSettings, LimitSettings


@dataclass
class Forge:
    """A web server with a folder of repositories."""

    folder: Path
    port: int
    ca_file: Path
    requests: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}/{path}"

    def publish(self, tree, name: str) -> None:
        tree.git("clone", "--quiet", "--bare", ".", str(self.folder / name))
        tree.git(f"--git-dir={self.folder / name}", "repack", "-adq")
        tree.git(f"--git-dir={self.folder / name}", "update-server-info")

    def settings(self, **changes) -> CloneSettings:
        values = {"allowed_hosts": frozenset({"localhost"}), "ca_file": self.ca_file, "seconds": 30}
        return CloneSettings(**{**values, **changes})


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "ca.pem", folder / "key.pem"


@pytest.fixture
def forge(tmp_path) -> Iterator[Forge]:
    (tmp_path / "forge").mkdir()
    ca_file, key_file = certificate(tmp_path)
    seen: list[str] = []

    class Files(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            if self.path.startswith("/moved/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/moved"))
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *arguments) -> None:
            """Quiet."""

    handler = functools.partial(Files, directory=str(tmp_path / "forge"))
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca_file, key_file)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Forge(tmp_path / "forge", server.server_address[1], ca_file, seen)
        server.shutdown()
        thread.join()


@pytest.fixture
def audited(serve, make_tasks, forge):
    """Registers a URL and prepares an audit of it; gives the client and the run."""

    async def run(path: str, *, commit: str = "", clone: CloneSettings | None = None, **changes):
        settings = clone or forge.settings()
        client = (await serve(clone=forge.settings()))(
            "repositories:write", "repositories:read", "audits:write", "audits:read"
        )
        await client.create("cloned", forge.url(path))
        started = await client.start("cloned", commit)
        tasks = make_tasks(clone=settings, **changes)
        await tasks.prepare_audit(client.org_id, UUID(started.id))
        run = await client.run(started.id)
        if run.status == pb.AUDIT_STATUS_RUNNING:
            for kind in MEASURED:
                await tasks.run_audit(client.org_id, UUID(started.id), kind)
        return client, await client.run(started.id)

    return run


async def test_a_repository_is_cloned_and_audited_from_the_store(audited, forge, shop, tmp_path, events_of):
    forge.publish(shop, "shop.git")
    client, run = await audited("shop.git")
    head = shop.git("rev-parse", "HEAD")
    assert (run.status, run.commit) == (pb.AUDIT_STATUS_COMPLETED, head)
    assert run.findings > 0
    assert list((tmp_path / "objects").rglob("*.bundle"))
    types = [event["type"].rpartition(".")[2] for event in await events_of(client.org_id)]
    assert types[:3] == ["RepositoryCreated", "AuditStarted", "RepositoryUpdated"]


async def test_a_clone_from_where_the_repository_no_longer_comes_is_not_its_newest(serve, make_tasks, forge, shop):
    """The audit that was started reads what it cloned; the repository is by then what its new URL will bring."""
    forge.publish(shop, "shop.git")
    client = (await serve(clone=forge.settings()))(
        "repositories:write", "repositories:read", "audits:write", "audits:read"
    )
    await client.create("cloned", forge.url("shop.git"))
    run = await client.start("cloned")
    prepare = make_tasks(clone=forge.settings()).prepare_audit

    async def moved_meanwhile(org_id, repository):
        cloned = await prepare.bring_in(org_id, repository)
        request = UpdateRepositoryRequest(repository="cloned", url=forge.url("other.git"))
        await client.repositories.UpdateRepository(request, metadata=client.metadata)
        return cloned

    await replace(prepare, bring_in=moved_meanwhile)(client.org_id, UUID(run.id))
    assert (await client.run(run.id)).commit == shop.git("rev-parse", "HEAD")
    request = GetRepositoryRequest(repository="cloned")
    assert (await client.repositories.GetRepository(request, metadata=client.metadata)).head_commit == ""


async def test_an_older_commit_of_a_clone_can_be_audited(audited, forge, shop):
    first = shop.git("rev-parse", "HEAD")
    shop.commit("Add nothing at all")
    forge.publish(shop, "shop.git")
    _, run = await audited("shop.git", commit=first)
    assert (run.status, run.commit) == (pb.AUDIT_STATUS_COMPLETED, first)


async def test_redirects_are_not_followed(audited, forge, shop):
    forge.publish(shop, "shop.git")
    _, run = await audited("moved/shop.git")
    assert run.status == pb.AUDIT_STATUS_FAILED
    assert "could not be cloned" in run.reason
    assert not any(path.startswith("/shop.git") for path in forge.requests)


async def test_what_is_not_there_or_empty_fails_with_the_reason(audited, forge, make_work_tree):
    _, run = await audited("nothing.git")
    assert run.status == pb.AUDIT_STATUS_FAILED
    assert "not found" in run.reason
    forge.publish(make_work_tree(), "empty.git")
    _, run = await audited("empty.git")
    assert run.status == pb.AUDIT_STATUS_FAILED


async def test_a_clone_beyond_the_limit_fails(audited, forge, shop):
    shop.put({"big.bin": bytes(range(256)) * 20_000})
    for number in range(20):
        shop.put({"big.bin": (str(number) * 7).encode() + __import__("os").urandom(200_000)})
        shop.commit(f"Store version {number}")
    forge.publish(shop, "shop.git")
    _, run = await audited("shop.git", limits=LimitSettings(bundle_bytes=500_000))
    assert run.status == pb.AUDIT_STATUS_FAILED
    assert "larger than allowed" in run.reason


async def test_a_certificate_that_nobody_vouches_for_is_refused(audited, forge, shop):
    forge.publish(shop, "shop.git")
    _, run = await audited("shop.git", clone=forge.settings(ca_file=None))
    assert run.status == pb.AUDIT_STATUS_FAILED
    assert "certificate" in run.reason


async def test_the_address_is_checked_again_before_cloning(audited, forge, shop):
    forge.publish(shop, "shop.git")
    _, run = await audited("shop.git", clone=forge.settings(allowed_hosts=frozenset()))
    assert run.status == pb.AUDIT_STATUS_FAILED
    assert "not on the public internet" in run.reason
    assert not forge.requests


async def test_a_private_network_can_be_allowed(audited, forge, shop):
    forge.publish(shop, "shop.git")
    networks = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    clone = forge.settings(allowed_hosts=frozenset(), allowed_networks=networks)
    _, run = await audited("shop.git", clone=clone)
    assert run.status == pb.AUDIT_STATUS_COMPLETED
