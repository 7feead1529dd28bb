"""Mails leave through a real SMTP server, once it takes them, and never hold anybody up."""

import asyncio
import shutil
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from assay_auth.adapters.mailers import LogMailer, SmtpMailer
from assay_auth.application.mails.deliver_mails import DeliverMails
from assay_auth.bootstrap.accounts import keep_mails_going, mailer
from assay_auth.settings import SmtpSecurity, SmtpSettings
from assay_local.ports import free_port
from assay_testing.certificates import Authority

LOGIN = {"username": "assay", "password": "a secret of the mail server"}


@dataclass
class Inbox:
    """Keeps what arrives; refuses an address that it does not like."""

    letters: list = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if not self.answer.startswith("250"):
            return self.answer
        envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server, session, envelope):
        self.letters.append((session.ssl is not None, message_from_bytes(envelope.content, policy=default)))
        return "250 OK"


def authenticated(server, session, envelope, mechanism, given):
    right = isinstance(given, LoginPassword) and given == LoginPassword(*(each.encode() for each in LOGIN.values()))
    return AuthResult(success=right, handled=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority that no machine knows: its file, and a server's TLS context."""
    made = Authority(tmp_path_factory.mktemp("ca"))
    issued = made.issue("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.certificate, issued.key)
    return made.file, context


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """The file of an authority that vouches for none of the servers."""
    return Authority(tmp_path_factory.mktemp("stranger")).file


@contextmanager
def smtp_server(port=None, inbox=None, **options):
    """A real SMTP server in a thread of its own: its inbox and its port."""
    inbox = inbox or Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=port or free_port(avoid=set()), **options)
    controller.start()
    try:
        yield inbox, controller.port
    finally:
        controller.stop()


def settings_for(port, security=SmtpSecurity.NONE, host="localhost", **more):
    return SmtpSettings(host=host, port=port, security=security, sender="Assay <assay@example.org>", **more)


async def put(world, subject="Hello", text="A link: https://example.org/?token=x\n"):
    """Put a mail into the outbox; its address is of this test alone."""
    to = f"ada-{uuid4().hex}@example.org"
    async with world.parts.uow.system() as tx:
        await tx.mails.add(to, subject, text)
    return to


async def waiting(world, to):
    return [row["attempts"] for row in await world.mails_to(to)]


async def deliver(world, settings):
    """Send whatever is due, as long as there is some: tests of this process share the outbox."""
    await deliver_by(world, SmtpMailer(settings))


async def deliver_by(world, carrier):
    send = DeliverMails(world.parts.uow, carrier, world.clock)
    while await send():
        pass


def letters_to(inbox, to):
    return [(encrypted, letter) for encrypted, letter in inbox.letters if letter["To"] == to]


async def test_a_mail_is_sent_and_forgotten(world):
    to = await put(world, "Grüße", "Ein Link: https://example.org/?token=ä\n")
    with smtp_server() as (inbox, port):
        await deliver(world, settings_for(port))
        await deliver(world, settings_for(port))
    ((encrypted, letter),) = letters_to(inbox, to)
    assert not encrypted
    assert (letter["Subject"], letter["From"]) == ("Grüße", "Assay <assay@example.org>")
    assert letter.get_content().strip() == "Ein Link: https://example.org/?token=ä"
    assert letter["Message-ID"].endswith("@example.org>")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert await waiting(world, to) == []


async def test_starttls_and_a_login(world, authority):
    file, context = authority
    to = await put(world)
    options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticated}
    with smtp_server(**options) as (inbox, port):
        await deliver(world, settings_for(port, SmtpSecurity.STARTTLS, ca_file=file, **LOGIN))
    ((encrypted, _),) = letters_to(inbox, to)
    assert encrypted


async def test_tls_from_the_start(world, authority):
    file, context = authority
    to = await put(world)
    with smtp_server(ssl_context=context) as (inbox, port):
        await deliver(world, settings_for(port, SmtpSecurity.TLS, ca_file=file))
    assert len(letters_to(inbox, to)) == 1


async def test_a_server_without_starttls_gets_nothing(world):
    to = await put(world)
    with smtp_server() as (inbox, port):
        await deliver(world, settings_for(port, SmtpSecurity.STARTTLS))
    assert inbox.letters == []
    assert await waiting(world, to) == [1]


def encrypted_server(security, context):
    """A server that takes mails encrypted, and not encrypted wherever a client of this security could do so."""
    return smtp_server(**{"tls_context" if security is SmtpSecurity.STARTTLS else "ssl_context": context})


ENCRYPTED = pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
NOT_VOUCHED_FOR = "ASSAY_SMTP__CA_FILE (smtp.caSecret) must hold the certificate of its authority. It says: "


@ENCRYPTED
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca_file": None}, NOT_VOUCHED_FOR),
        ({"ca_file": "stranger"}, NOT_VOUCHED_FOR),
        ({"host": "127.0.0.1"}, "its certificate names another host: connect by a name that it has (smtp.host)"),
        ({"ca_file": "/no/such/file"}, "cannot be used: No such file or directory: /no/such/file"),
        ({"ca_file": __file__}, "ASSAY_SMTP__CA_FILE (smtp.caSecret) cannot be used: [X509"),
    ],
    ids=["known to the machine only", "another authority", "another host name", "no file", "no certificate"],
)
async def test_a_server_that_is_not_trusted_gets_nothing(world, authority, stranger, security, changes, words, capsys):
    file, context = authority
    to = await put(world)
    changes = changes | ({"ca_file": stranger} if changes.get("ca_file") == "stranger" else {})
    with encrypted_server(security, context) as (inbox, port):
        settings = settings_for(port, security, **{"ca_file": file, **changes})
        await deliver(world, settings)
    assert inbox.letters == []
    assert await waiting(world, to) == [1]
    assert words in capsys.readouterr().out


@ENCRYPTED
async def test_an_authority_that_is_renewed_counts_at_once(world, authority, stranger, security, tmp_path):
    file, context = authority
    trusted = tmp_path / "ca.crt"
    shutil.copyfile(stranger, trusted)
    to = await put(world)
    with encrypted_server(security, context) as (inbox, port):
        carrier = SmtpMailer(settings_for(port, security, ca_file=trusted))
        await deliver_by(world, carrier)
        assert await waiting(world, to) == [1]
        shutil.copyfile(file, trusted)
        world.clock.shift = timedelta(seconds=6)
        await deliver_by(world, carrier)
    assert len(letters_to(inbox, to)) == 1


async def test_a_wrong_login_keeps_the_mail(world, authority):
    file, context = authority
    to = await put(world)
    options = {"tls_context": context, "auth_required": True, "authenticator": authenticated}
    with smtp_server(**options) as (inbox, port):
        wrong = settings_for(port, SmtpSecurity.STARTTLS, ca_file=file, username="assay", password="wrong")
        await deliver(world, wrong)
        assert await waiting(world, to) == [1]
        world.clock.shift = timedelta(seconds=6)
        await deliver(world, settings_for(port, SmtpSecurity.STARTTLS, ca_file=file, **LOGIN))
    assert len(letters_to(inbox, to)) == 1


async def test_a_server_that_is_away_gets_it_later_with_longer_and_longer_pauses(world):
    to, port = await put(world), free_port(avoid=set())
    await deliver(world, settings_for(port))
    await deliver(world, settings_for(port))
    assert await waiting(world, to) == [1]  # not tried again at once
    world.clock.shift = timedelta(seconds=6)
    await deliver(world, settings_for(port))
    world.clock.shift = timedelta(seconds=12)
    await deliver(world, settings_for(port))
    assert await waiting(world, to) == [2]
    world.clock.shift = timedelta(seconds=18)
    with smtp_server(port) as (inbox, _):
        await deliver(world, settings_for(port))
    assert len(letters_to(inbox, to)) == 1
    assert await waiting(world, to) == []


@pytest.mark.parametrize(("answer", "left"), [("550 no such user", []), ("451 try again", [1])])
async def test_an_address_refused_for_good_is_not_tried_again(world, answer, left):
    to = await put(world)
    with smtp_server(inbox=Inbox(answer=answer)) as (_, port):
        await deliver(world, settings_for(port))
    assert await waiting(world, to) == left


async def test_after_three_days_a_mail_is_given_up(world):
    to = await put(world)
    world.clock.shift = timedelta(days=3, minutes=1)
    await deliver(world, settings_for(free_port(avoid=set())))
    assert await waiting(world, to) == []


async def test_a_subject_cannot_add_headers(world):
    to = await put(world, "Hello\nBcc: eve@example.org")
    with smtp_server() as (inbox, port):
        await deliver(world, settings_for(port))
    assert letters_to(inbox, to) == []
    assert await waiting(world, to) == []


async def test_a_crash_in_the_middle_loses_no_mail(world):
    """Whoever claimed a mail and died leaves it to others, after the time it had."""
    to = await put(world)
    async with world.parts.uow.system() as tx:
        await tx.mails.claim(world.clock(), world.clock() + timedelta(minutes=5), 1_000)
    with smtp_server() as (inbox, port):
        await deliver(world, settings_for(port))
        assert letters_to(inbox, to) == []
        world.clock.shift = timedelta(minutes=6)
        await deliver(world, settings_for(port))
    assert len(letters_to(inbox, to)) == 1


async def test_replicas_share_the_mails(world, shared_settings, inhabit):
    addresses = [await put(world) for _ in range(20)]
    with smtp_server() as (inbox, port):
        async with inhabit(shared_settings) as replica:
            await asyncio.gather(*(deliver(each, settings_for(port)) for each in (world, replica, world, replica)))
    assert [len(letters_to(inbox, to)) for to in addresses] == [1] * 20


async def test_what_is_rolled_back_sends_nothing(world):
    to = f"ada-{uuid4().hex}@example.org"
    with pytest.raises(RuntimeError):
        async with world.parts.uow.system() as tx:
            await tx.mails.add(to, "Hello", "x")
            raise RuntimeError
    assert await waiting(world, to) == []


async def test_the_service_sends_what_waits_and_stops(world, shared_settings):
    stopping = asyncio.Event()
    with smtp_server() as (inbox, port):
        carrier = mailer(shared_settings.model_copy(update={"smtp": settings_for(port)}))
        task = asyncio.create_task(keep_mails_going(world.parts, carrier, stopping))
        to = await put(world)
        async with asyncio.timeout(30):
            while not letters_to(inbox, to):  # noqa: ASYNC110 - the server runs in a thread of its own
                await asyncio.sleep(0.02)
        stopping.set()
        await asyncio.wait_for(task, 10)


async def test_in_development_mails_are_logged_and_otherwise_go_nowhere(world, shared_settings, capsys):
    to = await put(world)
    assert mailer(shared_settings.model_copy(update={"development": False})) is None
    carrier = mailer(shared_settings)
    assert isinstance(carrier, LogMailer)
    await deliver_by(world, carrier)
    logged = capsys.readouterr().out
    assert to in logged
    assert "https://example.org/?token=x" in logged
