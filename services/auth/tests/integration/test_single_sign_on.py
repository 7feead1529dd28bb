"""Signing on with a real OpenID Connect provider, in a process of its own, that does right or wrong as it is told."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import grpc
import grpc.aio
import httpx
import jwt
import pytest

from assay.auth.v1 import (
    events_pb2,
    invitations_pb2,
    organisations_pb2,
    sessions_pb2,
    single_sign_on_pb2,
    single_sign_on_pb2_grpc,
)
from assay_auth.adapters import oidc
from assay_auth.domain.sign_up import SignUp
from assay_auth.settings import SingleSignOnProvider

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
DENIED = grpc.StatusCode.PERMISSION_DENIED
FAILED = grpc.StatusCode.FAILED_PRECONDITION
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
INVALID = grpc.StatusCode.INVALID_ARGUMENT
CALLBACK = "http://localhost:8080/v1/sso/callback"
SECRET = "a secret with: odd/characters%"


@dataclass
class Provider:
    """The provider's process, as a browser and its administrator see it."""

    process: subprocess.Popen
    issuer: str

    @classmethod
    def started(cls, port=0):
        script = Path(__file__).with_name("oidc_provider.py")
        process = subprocess.Popen(
            [sys.executable, script, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        issuer = process.stdout.readline().strip()
        assert issuer, "the provider did not start"
        return cls(process, issuer)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def settings(self, **changes):
        return SingleSignOnProvider(
            **{
                "id": "acme",
                "name": "Acme",
                "issuer": self.issuer,
                "client_id": "assay",
                "client_secret": SECRET,
                "allow_private_addresses": True,
                **changes,
            }
        )

    async def tell(self, **orders):
        async with httpx.AsyncClient() as client:
            await client.put(f"{self.issuer}/control", json={"redirect_uri": CALLBACK, **orders})

    async def fetched(self):
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{self.issuer}/control")).json()

    async def visited(self, url):
        """What the provider sends the browser back with."""
        async with httpx.AsyncClient() as client:
            response = await client.get(url)
        assert response.status_code == 302, response.text
        location = response.headers["location"]
        assert location.startswith(f"{CALLBACK}?")
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@dataclass
class Person:
    """Somebody whom the provider knows."""

    sub: str
    email: str
    claims: dict

    @classmethod
    def new(cls, **claims):
        sub = uuid4().hex
        email = claims.pop("email", f"{sub}@example.org")
        return cls(sub, email, {"sub": sub, "email": email, "email_verified": True, "name": "Ada", **claims})


class Browser:
    """Signs on through the RPCs, as the gateway would for a browser."""

    def __init__(self, world, provider):
        self.world = world
        self.provider = provider
        self.stub = single_sign_on_pb2_grpc.SingleSignOnServiceStub(world.channel)

    async def begin(self, provider="acme", redirect_uri=CALLBACK, return_to=""):
        return await self.stub.BeginSignOn(
            single_sign_on_pb2.BeginSignOnRequest(provider=provider, redirect_uri=redirect_uri, return_to=return_to)
        )

    async def complete(self, answer, binding):
        return await self.stub.CompleteSignOn(
            single_sign_on_pb2.CompleteSignOnRequest(
                state=answer.get("state", ""),
                code=answer.get("code", ""),
                error=answer.get("error", ""),
                issuer=answer.get("iss", ""),
                browser_binding=binding,
            )
        )

    async def sign_on(self, person, return_to="", **orders):
        await self.provider.tell(user=person.claims, **orders)
        begun = await self.begin(return_to=return_to)
        answer = await self.provider.visited(begun.authorization_url)
        return await self.complete(answer, begun.browser_binding)


@pytest.fixture(scope="module")
def process():
    provider = Provider.started()
    yield provider
    provider.stop()


@pytest.fixture
def providers():
    """Start providers of one's own."""
    started = []

    def start(port=0):
        started.append(Provider.started(port))
        return started[-1]

    yield start
    for provider in started:
        provider.stop()


@pytest.fixture
def open_to(shared_settings, inhabit):
    """`async with open_to(provider) as world:`, the service with that provider; everybody may sign up."""

    def settings(provider, sign_up=SignUp.OPEN, **changes):
        return inhabit(shared_settings.model_copy(update={"sso": (provider.settings(**changes),), "sign_up": sign_up}))

    return settings


@pytest.fixture
async def browser(process, open_to):
    async with open_to(process) as world:
        yield Browser(world, process)


def subject_of(completed):
    return jwt.decode(completed.tokens.access.access_token, options={"verify_signature": False})["sub"]


async def facts_of(world, user_id):
    return [message for _, message in await world.events(user_id)]


async def test_the_providers_are_listed(browser):
    listed = await browser.stub.ListProviders(single_sign_on_pb2.ListProvidersRequest())
    assert [(each.id, each.name) for each in listed.providers] == [("acme", "Acme")]


async def test_somebody_unknown_gets_an_account_and_is_known_the_next_time(browser):
    ada = Person.new(email=f"Ada-{uuid4().hex}@Example.org")
    first = await browser.sign_on(ada, return_to="/device?user_code=BCDF-GHJK")
    assert first.return_to == "/device?user_code=BCDF-GHJK"
    user_id = subject_of(first)
    renewed = await browser.world.sessions.RefreshTokens(
        sessions_pb2.RefreshTokensRequest(refresh_token=first.tokens.refresh_token)
    )
    who = await browser.world.sessions.WhoAmI(
        sessions_pb2.WhoAmIRequest(), metadata=(("authorization", f"Bearer {renewed.access.access_token}"),)
    )
    assert (who.email, who.name) == (ada.email.lower(), "Ada")

    listed = await browser.world.sessions.ListSessions(
        sessions_pb2.ListSessionsRequest(), metadata=(("authorization", f"Bearer {renewed.access.access_token}"),)
    )
    assert [session.method for session in listed.sessions] == ["sso:acme"]

    # The provider's own name counts, whatever has become of the address.
    ada.claims |= {"email": "other@example.org", "email_verified": False}
    again = await browser.sign_on(ada)
    assert subject_of(again) == user_id
    facts = await facts_of(browser.world, user_id)
    assert facts.count(events_pb2.UserSignedUp(user_id=user_id)) == 1
    assert facts.count(events_pb2.EmailVerified(user_id=user_id)) == 1
    assert facts.count(events_pb2.IdentityLinked(user_id=user_id, provider="acme")) == 1


async def test_an_account_without_a_password_is_not_opened_by_any(browser, refused):
    ada = Person.new()
    await browser.sign_on(ada)
    for password in ("!", "a password of length", "None"):
        with refused(UNAUTHENTICATED, "INVALID_CREDENTIALS"):
            await browser.world.sessions.SignIn(sessions_pb2.SignInRequest(email=ada.email, password=password))


async def test_an_account_with_the_same_verified_address_is_linked(browser):
    team = await browser.world.organisation()
    completed = await browser.sign_on(Person.new(email=team.owner.email.upper()))
    assert subject_of(completed) == str(team.owner.id)
    assert completed.tokens.access.organisation_id == team.id
    facts = await facts_of(browser.world, team.owner.id)
    assert events_pb2.IdentityLinked(user_id=str(team.owner.id), provider="acme") in facts
    await browser.world.sign_in(team.owner)  # the password works as before


async def test_an_account_whose_address_nobody_verified_is_not_taken_over(browser, refused):
    mallory = await browser.world.person()
    await changed(browser.world, mallory.id, "email_verified_at = NULL")
    victim = Person.new(email=mallory.email)
    for _ in range(2):
        with refused(DENIED, "ACCOUNT_NOT_VERIFIED") as refusal:
            await browser.sign_on(victim)
    assert "waits to be verified" in refusal.error.message
    await changed(browser.world, mallory.id, "email_verified_at = now()")
    assert subject_of(await browser.sign_on(victim)) == str(mallory.id)


async def changed(world, user_id, assignment):
    async with world.parts.uow.system() as tx:
        await tx.tenant.connection.execute(f"UPDATE users SET {assignment} WHERE id = $1", UUID(str(user_id)))


async def test_a_closed_account_stays_closed(browser, refused):
    ada, grace = Person.new(), await browser.world.person("Grace")
    user_id = subject_of(await browser.sign_on(ada))
    for closed in (user_id, grace.id):
        await changed(browser.world, closed, "deactivated_at = now()")
    for person in (ada, Person.new(email=grace.email)):
        with refused(DENIED, "ACCOUNT_DEACTIVATED"):
            await browser.sign_on(person)


async def test_an_address_that_went_to_somebody_else_does_not_take_the_account_along(browser, refused):
    leaver = Person.new()
    user_id = subject_of(await browser.sign_on(leaver))
    with refused(DENIED, "LINKED_TO_SOMEBODY_ELSE"):
        await browser.sign_on(Person.new(email=leaver.email))
    assert subject_of(await browser.sign_on(leaver)) == user_id


@pytest.mark.parametrize("claim", [{"email_verified": False}, {"email_verified": "false"}, {"email_verified": 1}, {}])
async def test_an_address_that_the_provider_does_not_vouch_for_says_nothing(browser, refused, claim):
    known = await browser.world.person()
    person = Person.new(email=known.email)
    person.claims.pop("email_verified")
    person.claims |= claim
    with refused(DENIED, "PROVIDER_ADDRESS_NOT_VERIFIED"):
        await browser.sign_on(person)


@pytest.mark.parametrize("email", ["", "not an address", "nul\x00@example.org"])
async def test_without_an_address_nobody_is_known(browser, refused, email):
    with refused(DENIED, "PROVIDER_ADDRESS_NOT_VERIFIED"):
        await browser.sign_on(Person.new(email=email))


async def test_a_trusted_provider_may_leave_out_that_addresses_are_verified(process, open_to, refused):
    async with open_to(process, trusted_email=True) as world:
        browser = Browser(world, process)
        silent, denying = Person.new(), Person.new(email_verified=False)
        silent.claims.pop("email_verified")
        assert subject_of(await browser.sign_on(silent))
        with refused(DENIED, "PROVIDER_ADDRESS_NOT_VERIFIED"):
            await browser.sign_on(denying)


async def test_by_invitation_only_the_invited_get_an_account(process, open_to, refused):
    async with open_to(process, SignUp.INVITATION) as world:
        browser, team = Browser(world, process), await world.organisation()
        stranger, guest = Person.new(), Person.new()
        await world.invitations.CreateInvitation(
            invitations_pb2.CreateInvitationRequest(email=guest.email, role=organisations_pb2.ROLE_MEMBER),
            metadata=team.as_owner,
        )
        with refused(FAILED, "INVITATION_NEEDED"):
            await browser.sign_on(stranger)
        assert subject_of(await browser.sign_on(guest))
        assert subject_of(await browser.sign_on(Person.new(email=team.owner.email))) == str(team.owner.id)


async def test_where_sign_up_is_closed_only_existing_accounts_are_linked(process, open_to, refused):
    async with open_to(process, SignUp.CLOSED) as world:
        browser, known = Browser(world, process), await world.person()
        with refused(FAILED, "SIGN_UP_CLOSED"):
            await browser.sign_on(Person.new())
        assert subject_of(await browser.sign_on(Person.new(email=known.email))) == str(known.id)


async def test_two_windows_at_once_make_one_account(browser):
    ada = Person.new()
    await browser.provider.tell(user=ada.claims)
    begun = [await browser.begin() for _ in range(4)]
    answers = [await browser.provider.visited(each.authorization_url) for each in begun]
    completed = await asyncio.gather(
        *(browser.complete(answer, each.browser_binding) for answer, each in zip(answers, begun, strict=True))
    )
    assert len({subject_of(each) for each in completed}) == 1


WRONG_TOKENS = {
    "wrong nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "nonce of another type": {"claims": {"nonce": ["x"]}},
    "wrong audience": {"claims": {"aud": "another-client"}},
    "no audience": {"claims": {"aud": None}},
    "several audiences without azp": {"claims": {"aud": ["assay", "another-client"]}},
    "made for another client": {"claims": {"aud": ["assay", "another-client"], "azp": "another-client"}},
    "azp of another client": {"claims": {"azp": "another-client"}},
    "wrong issuer": {"claims": {"iss": "https://accounts.example.com"}},
    "no issuer": {"claims": {"iss": None}},
    "expired": {"claims": {"exp": -40}},
    "no expiry": {"claims": {"exp": None}},
    "issued in the future": {"claims": {"iat": 40}},
    "no time of issue": {"claims": {"iat": None}},
    "no subject": {"claims": {"sub": None}},
    "empty subject": {"claims": {"sub": ""}},
    "subject of another type": {"claims": {"sub": 7}},
    "subject too long": {"claims": {"sub": "x" * 256}},
    "unsigned": {"sign": "none"},
    "public key as shared secret": {"sign": "HS256"},
    "signed by a stranger": {"sign": "stranger"},
    "signed with an unpublished key": {"sign": "unpublished"},
    "tampered": {"sign": "tampered"},
    "no token at all": {"sign": "garbage"},
}


@pytest.mark.parametrize("orders", WRONG_TOKENS.values(), ids=WRONG_TOKENS.keys())
async def test_a_token_that_does_not_hold_opens_nothing(browser, refused, orders):
    known = await browser.world.person()
    with refused(UNAUTHENTICATED, "ID_TOKEN_INVALID") as refusal:
        await browser.sign_on(Person.new(email=known.email), **orders)
    assert refusal.error.message == "what the identity provider says of you does not hold: begin again"
    assert await facts_of(browser.world, known.id) == []


@pytest.mark.parametrize("claims", [{"exp": -20}, {"iat": 20}])
async def test_clocks_may_be_thirty_seconds_apart(browser, claims):
    assert subject_of(await browser.sign_on(Person.new(), claims=claims))


async def test_an_audience_of_several_is_good_when_the_token_was_made_for_us(browser):
    claims = {"aud": ["assay", "another-client"], "azp": "assay"}
    assert subject_of(await browser.sign_on(Person.new(), claims=claims))


async def test_claims_told_at_the_userinfo_endpoint_only(browser, refused):
    person = Person.new()
    assert subject_of(await browser.sign_on(person, thin=True))
    with refused(UNAUTHENTICATED, "ID_TOKEN_INVALID"):
        await browser.sign_on(Person.new(), thin=True, userinfo={"sub": "somebody else"})


async def test_a_state_is_good_once(browser, refused):
    await browser.provider.tell(user=Person.new().claims)
    begun = await browser.begin()
    answer = await browser.provider.visited(begun.authorization_url)
    await browser.complete(answer, begun.browser_binding)
    with refused(UNAUTHENTICATED, "SIGN_ON_INVALID"):
        await browser.complete(answer, begun.browser_binding)


async def test_another_browser_cannot_end_it_and_spoils_it(browser, refused):
    await browser.provider.tell(user=Person.new().claims)
    begun, other = await browser.begin(), await browser.begin()
    answer = await browser.provider.visited(begun.authorization_url)
    for binding in (other.browser_binding, begun.browser_binding):
        with refused(UNAUTHENTICATED, "SIGN_ON_INVALID"):
            await browser.complete(answer, binding)


async def test_a_state_of_nobody(browser, refused):
    for state in ("unheard-of", "x" * 5000, "\x00"):
        with refused(UNAUTHENTICATED, "SIGN_ON_INVALID"):
            await browser.complete({"state": state, "code": "x"}, "binding")


async def test_an_attempt_ends_after_ten_minutes(browser, refused):
    await browser.provider.tell(user=Person.new().claims)
    begun = await browser.begin()
    answer = await browser.provider.visited(begun.authorization_url)
    browser.world.clock.shift = timedelta(minutes=10)
    with refused(UNAUTHENTICATED, "SIGN_ON_INVALID"):
        await browser.complete(answer, begun.browser_binding)


async def test_the_code_of_one_attempt_does_not_end_another(browser, refused):
    # PKCE: somebody slips the code of their own attempt into another's.
    await browser.provider.tell(user=Person.new().claims)
    mine, theirs = await browser.begin(), await browser.begin()
    stolen = await browser.provider.visited(mine.authorization_url)
    answer = await browser.provider.visited(theirs.authorization_url)
    with refused(UNAUTHENTICATED, "SIGN_ON_REFUSED") as refusal:
        await browser.complete({**answer, "code": stolen["code"]}, theirs.browser_binding)
    assert refusal.details == {"error": "invalid_grant"}


async def test_a_code_that_the_provider_refuses(browser, refused):
    begun = await browser.begin()
    answer = await browser.provider.visited(begun.authorization_url)
    with refused(UNAUTHENTICATED, "SIGN_ON_REFUSED"):
        await browser.complete({**answer, "code": "made-up"}, begun.browser_binding)


async def test_a_person_who_says_no_at_the_provider(browser, refused):
    await browser.provider.tell(user=Person.new().claims, deny=True)
    begun = await browser.begin()
    answer = await browser.provider.visited(begun.authorization_url)
    assert answer["error"] == "access_denied"
    with refused(UNAUTHENTICATED, "SIGN_ON_REFUSED") as refusal:
        await browser.complete({**answer, "iss": browser.provider.issuer}, begun.browser_binding)
    assert refusal.details == {"error": "access_denied"}


@pytest.mark.parametrize("issuer", ["https://accounts.example.com", ""])
async def test_an_answer_of_another_provider_is_a_mix_up(browser, refused, issuer):
    await browser.provider.tell(user=Person.new().claims)
    begun = await browser.begin()
    answer = await browser.provider.visited(begun.authorization_url)
    with refused(UNAUTHENTICATED, "SIGN_ON_REFUSED"):
        await browser.complete({**answer, "iss": issuer}, begun.browser_binding)


async def test_a_provider_that_does_not_name_itself_need_not(process, open_to):
    silent = {"authorization_response_iss_parameter_supported": False}
    async with open_to(process) as world:
        browser = Browser(world, process)
        await process.tell(user=Person.new().claims, discovery=silent)
        begun = await browser.begin()
        answer = await process.visited(begun.authorization_url)
        del answer["iss"]
        assert subject_of(await browser.complete(answer, begun.browser_binding))


async def test_what_is_asked_of_the_provider(browser):
    begun = await browser.begin()
    parts = urlsplit(begun.authorization_url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert asked["tenant"] == "1"  # the endpoint's own query stays
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "assay"
    assert asked["redirect_uri"] == CALLBACK
    assert asked["scope"] == "openid email profile"
    assert asked["code_challenge_method"] == "S256"
    assert {len(asked[name]) for name in ("state", "nonce", "code_challenge")} == {43}
    async with browser.world.parts.uow.system() as tx:
        rows = [str(dict(row)) for row in await tx.tenant.connection.fetch("SELECT * FROM sign_on_attempts")]
    assert rows
    assert not any(secret in row for row in rows for secret in (asked["state"], begun.browser_binding))


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://evil.example.org/v1/sso/callback",
        "http://localhost:8081/v1/sso/callback",
        "javascript:alert(1)",
        "http://localhost:8080@evil.example.org/",
        "http://localhost:8080/v1/sso/callback#x",
        "http://[::1",
    ],
)
async def test_browsers_are_sent_back_here_only(browser, refused, uri):
    with refused(INVALID, "INVALID_ARGUMENT") as refusal:
        await browser.begin(redirect_uri=uri)
    assert refusal.fields == ["redirect_uri"]


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example.org",
        "/\\evil.example.org",
        "https://evil.example.org",
        "device",
        "/a\nb",
        "/a b",
        "/" + "a" * 2000,
        "/\u00e4",
        "/a\\b",
        "javascript:alert(1)",
    ],
)
async def test_in_the_end_browsers_go_to_a_path_of_this_installation(browser, refused, path):
    with refused(INVALID, "INVALID_ARGUMENT") as refusal:
        await browser.begin(return_to=path)
    assert refusal.fields == ["return_to"]


async def test_an_unknown_provider(browser, refused):
    with refused(grpc.StatusCode.NOT_FOUND, "PROVIDER_UNKNOWN"):
        await browser.begin("unheard-of")


async def test_a_secret_in_the_form_for_providers_that_want_it_there(process, open_to):
    await process.tell(auth_method="client_secret_post")
    try:
        async with open_to(process) as world:
            assert subject_of(await Browser(world, process).sign_on(Person.new()))
    finally:
        await process.tell(auth_method="client_secret_basic")


async def test_a_wrong_secret(process, open_to, refused):
    async with open_to(process, client_secret="wrong") as world:
        with refused(UNAUTHENTICATED, "SIGN_ON_REFUSED") as refusal:
            await Browser(world, process).sign_on(Person.new())
    assert refusal.details == {"error": "invalid_client"}


async def test_rotated_keys_are_fetched_once_when_they_are_first_seen(browser):
    await browser.sign_on(Person.new())
    before = (await browser.provider.fetched()).count("/jwks")
    await browser.sign_on(Person.new())
    assert (await browser.provider.fetched()).count("/jwks") == before
    await browser.sign_on(Person.new(), rotate=True)
    await browser.sign_on(Person.new())
    assert (await browser.provider.fetched()).count("/jwks") == before + 1


async def test_an_unknown_key_is_looked_for_once(browser, refused):
    await browser.sign_on(Person.new())
    before = (await browser.provider.fetched()).count("/jwks")
    with refused(UNAUTHENTICATED, "ID_TOKEN_INVALID"):
        await browser.sign_on(Person.new(), sign="unpublished")
    assert (await browser.provider.fetched()).count("/jwks") == before + 1


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_provider_that_fails_at_the_token_is_away(browser, refused, status):
    with refused(UNAVAILABLE, "PROVIDER_UNAVAILABLE"):
        await browser.sign_on(Person.new(), token_status=status)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://accounts.example.com"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:x"},
        {"jwks_uri": ["x"]},
    ],
)
async def test_a_description_that_is_not_the_providers_is_not_used(process, open_to, refused, discovery):
    await process.tell(discovery=discovery)
    async with open_to(process) as world:
        with refused(UNAVAILABLE, "PROVIDER_UNAVAILABLE"):
            await Browser(world, process).begin()
        await process.tell()
        await Browser(world, process).begin()  # as soon as it is mended


async def test_a_description_is_remembered_for_a_while(browser, monkeypatch):
    async def asked():
        return (await browser.provider.fetched()).count("/.well-known/openid-configuration")

    await browser.begin()
    before = await asked()
    await browser.begin()
    assert await asked() == before
    monkeypatch.setattr(oidc, "METADATA_SECONDS", 0.001)
    await browser.begin()
    assert await asked() == before + 1


async def test_a_provider_inside_is_reached_only_when_the_operator_says_so(process, open_to, refused):
    async with open_to(process, allow_private_addresses=False) as world:
        with refused(UNAVAILABLE, "PROVIDER_UNAVAILABLE"):
            await Browser(world, process).begin()


async def test_a_description_does_not_lead_inside(process, open_to, refused):
    await process.tell(discovery={"token_endpoint": "http://169.254.169.254/token"})
    async with open_to(process) as world:
        browser = Browser(world, process)
        with refused(UNAVAILABLE, "PROVIDER_UNAVAILABLE"):
            await browser.sign_on(Person.new(), discovery={"token_endpoint": "http://169.254.169.254/token"})


async def test_a_provider_that_goes_away_and_comes_back(providers, open_to, refused):
    provider = providers()
    async with open_to(provider) as world:
        browser = Browser(world, provider)
        await browser.sign_on(Person.new())
        await provider.tell(user=Person.new().claims)
        begun = await browser.begin()
        answer = await provider.visited(begun.authorization_url)
        port = urlsplit(provider.issuer).port
        provider.stop()
        begun_meanwhile = await browser.begin()  # the description is remembered
        with refused(UNAVAILABLE, "PROVIDER_UNAVAILABLE"):
            await browser.complete(answer, begun.browser_binding)

        back = providers(port)  # with other keys
        browser.provider = back
        await back.tell(user=Person.new().claims)
        answer = await back.visited(begun_meanwhile.authorization_url)
        assert subject_of(await browser.complete(answer, begun_meanwhile.browser_binding))


async def test_a_provider_that_was_never_there(providers, open_to, refused):
    provider = providers()
    provider.stop()
    async with open_to(provider) as world:
        with refused(UNAVAILABLE, "PROVIDER_UNAVAILABLE"):
            await Browser(world, provider).begin()
