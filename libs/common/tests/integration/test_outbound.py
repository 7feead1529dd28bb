"""The guard of outgoing requests, against real servers; only what DNS answers is said by the test."""

import asyncio
import contextlib
import datetime
import gzip
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from assay_common.outbound import FetchFailed, Guard, UrlNotAllowed, fetcher


class Names:
    """A resolver that answers what it was told, each answer once while there are several."""

    def __init__(self, **answers):
        self.answers = {f"{name}.test": list(addresses) for name, addresses in answers.items()}
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append(host)
        found = self.answers.get(host, [])
        return found.pop(0) if len(found) > 1 else found[0] if found else []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.command, self.path, self.headers))
        path, _, query = self.path.partition("?")
        if path == "/to":
            self.answer(302, b"", location=query)
        elif path == "/loop":
            self.answer(302, b"", location="/loop")
        elif path == "/large":
            self.answer(200, b"x" * 5000)
        elif path == "/packed":
            self.answer(200, gzip.compress(b"x" * 100_000), **{"content-encoding": "gzip"})
        elif path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                if self.server.closing.wait(0.05):
                    break
                self.wfile.write(b".")
                self.wfile.flush()
        else:
            self.answer(200, b"hello", **{"set-cookie": "a=b"})

    def do_POST(self):
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.do_GET()

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # several tests want the client to hang up
            super().handle()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(context=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.seen, server.bodies, server.closing = [], [], threading.Event()
        server.handle_error = lambda *_: None
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.closing.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(serve):
    return serve()


def at(server, path="/", host="127.0.0.1", scheme="http"):
    return f"{scheme}://{host}:{server.server_port}{path}"


async def fetched(url, guard=None, **limits):
    async with fetcher(guard or Guard(allow_private=True), **limits) as fetch:
        return await fetch.get(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "//example.org/",
        "example.org",
        "",
        "https://",
        "https:///path",
        "https://user:secret@example.org/",
        "https://@example.org/",
        "https://example.org\\@127.0.0.1/",
        "https://exa mple.org/",
        "https://example.org/\n",
        "https://example.org:99999/",
        "https://[::1/",
        "https://ex\u00e4mple.org/",
        "https://example.org/" + "a" * 3000,
        # Loopback and the metadata of clouds, in every spelling.
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://127.0.0.1./",
        "https://0/",
        "https://0.0.0.0/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://[fd00:ec2::254]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://0251.0376.0251.0376/",
        "https://10.0.0.1/",
        "https://192.168.0.1/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
    ],
)
async def test_urls_that_lead_nowhere_one_may_go(url):
    with pytest.raises(UrlNotAllowed) as refused:
        await Guard().check(url)
    assert refused.value.violations[0].field == "url"
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["::1"], ["8.8.8.8", "127.0.0.1"], ["fe80::1%eth0"], ["::ffff:10.0.0.1"], []]
)
async def test_a_name_with_any_address_inside_is_refused(addresses):
    with pytest.raises(UrlNotAllowed):
        await Guard(resolve=Names(inside=[addresses])).check("https://inside.test/")


async def test_a_name_on_the_internet_is_allowed():
    found = await Guard(resolve=Names(outside=[["140.82.121.3", "2606:50c0:8000::153"]])).check("https://outside.test/")
    assert [str(address) for address in found] == ["140.82.121.3", "2606:50c0:8000::153"]


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://169.254.169.254/", "https://0x7f.1/", "https://[fe80::1]/", "https://0.0.0.0/"]
)
async def test_allowing_ones_own_network_allows_neither_metadata_nor_plain_http_over_it(url):
    with pytest.raises(UrlNotAllowed):
        await Guard(allow_private=True).check(url)


async def test_this_machine_is_reached_only_when_that_is_allowed(server):
    assert (await fetched(at(server))).body == b"hello"
    with pytest.raises(UrlNotAllowed):
        await fetched(at(server), Guard())
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://10.0.0.1/",
        "http://2852039166/",
        "file:///etc/passwd",
        "http://user:password@127.0.0.1/",
    ],
)
async def test_a_redirect_is_checked_like_the_first_address(server, target):
    with pytest.raises((UrlNotAllowed, FetchFailed)):
        await fetched(at(server, f"/to?{target}"))
    assert [path for _, path, _ in server.seen] == [f"/to?{target}"]


async def test_a_redirect_to_a_name_inside_is_refused(server):
    names = Names(outside=[["127.0.0.1"]], inside=[["169.254.169.254"]])
    with pytest.raises(UrlNotAllowed):
        await fetched(
            at(server, "/to?http://inside.test/", host="outside.test"), Guard(allow_private=True, resolve=names)
        )
    assert names.asked == ["outside.test", "inside.test"]


async def test_the_connection_goes_to_the_address_that_was_checked(server):
    # Nobody but the guard knows the name, and it would answer differently a second time.
    names = Names(rebinding=[["127.0.0.1"], ["169.254.169.254"]])
    guard = Guard(allow_private=True, resolve=names)
    assert (await fetched(at(server, host="rebinding.test"), guard)).body == b"hello"
    assert names.asked == ["rebinding.test"]
    assert server.seen[0][2]["host"] == f"rebinding.test:{server.server_port}"
    with pytest.raises(UrlNotAllowed):  # no connection is kept, so the next request is checked again
        await fetched(at(server, host="rebinding.test"), guard)


async def test_another_address_is_tried_when_the_first_does_not_answer(server):
    guard = Guard(allow_private=True, resolve=Names(two=[["127.0.0.9", "127.0.0.1"]]))
    assert (await fetched(at(server, host="two.test"), guard)).body == b"hello"


async def test_redirects_end(server):
    assert (await fetched(at(server, f"/to?{at(server)}"))).body == b"hello"
    assert (await fetched(at(server, "/loop"))).status == 302
    assert len([path for _, path, _ in server.seen if path == "/loop"]) == 4


async def test_a_form_is_never_posted_to_where_a_redirect_leads(server):
    async with fetcher(Guard(allow_private=True)) as fetch:
        reply = await fetch.post_form(at(server, f"/to?{at(server)}"), {"code": "x y"}, ("client", "secret"))
    assert reply.status == 302
    assert server.bodies == [b"code=x+y"]
    assert server.seen[0][2]["authorization"].startswith("Basic ")


async def test_no_cookie_is_kept(server):
    async with fetcher(Guard(allow_private=True)) as fetch:
        await fetch.get(at(server))
        await fetch.get(at(server))
    assert all("cookie" not in headers for _, _, headers in server.seen)


async def test_too_much_and_too_long(server):
    with pytest.raises(FetchFailed, match="more than 4000 bytes"):
        await fetched(at(server, "/large"), max_bytes=4000)
    assert len((await fetched(at(server, "/large"), max_bytes=5000)).body) == 5000
    with pytest.raises(FetchFailed, match="compresses"):
        await fetched(at(server, "/packed"))
    started = time.monotonic()
    with pytest.raises(FetchFailed, match=r"within 0\.3 seconds"):
        await fetched(at(server, "/slow"), seconds=0.3)
    assert time.monotonic() - started < 3


async def test_nobody_there(serve):
    server = serve()
    url = at(server)
    await asyncio.to_thread(server.shutdown)
    server.server_close()
    with pytest.raises(FetchFailed):
        await fetched(url)


@pytest.fixture
def certified(serve, tmp_path, monkeypatch):
    """Start an https server whose certificate names the host given, and trust it."""

    def start(host):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem, private = tmp_path / "server.pem", tmp_path / "key.pem"
        pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, private)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        return serve(context)

    return start


async def test_a_certificate_is_checked_against_the_name_not_the_address(certified):
    server = certified("provider.test")
    guard = Guard(allow_private=True, resolve=Names(provider=[["127.0.0.1"]], other=[["127.0.0.1"]]))
    assert (await fetched(at(server, host="provider.test", scheme="https"), guard)).body == b"hello"
    with pytest.raises(FetchFailed):
        await fetched(at(server, host="other.test", scheme="https"), guard)
