import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay_common.errors import Unauthenticated, Unavailable
from assay_common.rpc import jwks
from assay_common.rpc.jwks import TokenExpired, TokenInvalid, TokenVerifier


@pytest.fixture
def clock(monkeypatch):
    """The verifier's idea of elapsed seconds, advanced by hand."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        def time(self):
            return datetime.now(UTC).timestamp()

    clock = Clock()
    monkeypatch.setattr(jwks, "time", clock)
    return clock


@pytest.fixture
def verifier(issuer, clock):
    return TokenVerifier(issuer.fetch)


async def test_a_good_token_names_its_caller(issuer, verifier):
    claims = issuer.claims("prompts:read", "prompts:write", kind="api_key")
    token = jwt.encode(claims, issuer.keys["first"], "EdDSA", headers={"kid": "first"})
    caller = await verifier.verify(token)
    assert caller.subject == UUID(claims["sub"])
    assert caller.kind == "api_key"
    assert caller.org_id == UUID(claims["org"])
    assert caller.permissions == {"prompts:read", "prompts:write"}
    assert caller.expires_at.timestamp() == claims["exp"]
    assert caller.token == token


async def test_a_token_may_name_no_organisation_and_no_permission(issuer, verifier):
    caller = await verifier.verify(issuer.token(org=None, scope=None))
    assert caller.org_id is None
    assert caller.permissions == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "evil"},
        {"aud": "other"},
        {"aud": None},
        {"iss": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"sub": None},
        {"sub": "not-a-uuid"},
        {"kind": "root"},
        {"kind": None},
        {"org": "not-a-uuid"},
        {"org": 7},
        {"scope": ["prompts:read"]},
        {"iat": 4102444800},
        {"nbf": 4102444800},
        {"exp": "soon"},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(issuer, verifier, changes):
    with pytest.raises(TokenInvalid):
        await verifier.verify(issuer.token(**changes))


async def test_clocks_may_differ_by_thirty_seconds(issuer, verifier):
    now = int(datetime.now(UTC).timestamp())
    assert await verifier.verify(issuer.token(exp=now - 20, iat=now - 100))
    with pytest.raises(TokenExpired):
        await verifier.verify(issuer.token(exp=now - 40, iat=now - 100))


@pytest.mark.parametrize("garbage", ["", "x", "a.b.c", "eyJhbGciOiJFZERTQSJ9..", "\x00", "é" * 50, "." * 1000])
async def test_garbage_is_refused(verifier, garbage):
    with pytest.raises(Unauthenticated):
        await verifier.verify(garbage)


async def test_an_unsigned_token_is_refused(issuer, verifier):
    for headers in ({}, {"kid": "first"}):
        unsigned = jwt.encode(issuer.claims(), None, "none", headers=headers)
        with pytest.raises(TokenInvalid):
            await verifier.verify(unsigned)


async def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(issuer, verifier):
    published = json.loads(issuer.jwks())["keys"][0]["x"] + "padding-to-a-decent-length"
    with pytest.raises(TokenInvalid):
        await verifier.verify(jwt.encode(issuer.claims(), published, "HS256", headers={"kid": "first"}))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (Ed25519PrivateKey.generate(), "EdDSA"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
    ],
)
async def test_a_token_signed_by_somebody_else_is_refused(issuer, verifier, key, algorithm):
    with pytest.raises(TokenInvalid):
        await verifier.verify(jwt.encode(issuer.claims(), key, algorithm, headers={"kid": "first"}))


async def test_a_changed_token_is_refused(issuer, verifier):
    header, payload, signature = issuer.token("prompts:read").split(".")
    _, other_payload, _ = issuer.token("prompts:write").split(".")
    with pytest.raises(TokenInvalid):
        await verifier.verify(f"{header}.{other_payload}.{signature}")
    assert await verifier.verify(f"{header}.{payload}.{signature}")


async def test_a_verified_token_is_remembered_until_it_expires(issuer, verifier, monkeypatch):
    token = issuer.token()
    first = await verifier.verify(token)
    assert await verifier.verify(token) is first
    monkeypatch.setattr(jwks.time, "time", lambda: first.expires_at.timestamp() + 1)
    assert await verifier.verify(token) is not first


async def test_only_so_many_tokens_are_remembered(issuer, verifier, monkeypatch):
    monkeypatch.setattr(jwks, "CACHE_SIZE", 2)
    tokens = [issuer.token() for _ in range(3)]
    first = [await verifier.verify(token) for token in tokens]
    assert await verifier.verify(tokens[2]) is first[2]
    assert await verifier.verify(tokens[0]) is not first[0]


async def test_keys_are_fetched_once_and_again_for_a_new_one(issuer, verifier, clock):
    await verifier.verify(issuer.token())
    await verifier.verify(issuer.token())
    assert issuer.fetches == 1
    issuer.rotate("second")
    clock.now += 5
    await verifier.verify(issuer.token())
    await verifier.verify(issuer.token())
    assert issuer.fetches == 2


async def test_unknown_key_ids_do_not_make_it_fetch_more_than_every_five_seconds(issuer, verifier, clock):
    forged = [
        jwt.encode(issuer.claims(), Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": f"forged-{number}"})
        for number in range(20)
    ]
    for token in forged:
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)
    assert issuer.fetches == 1
    clock.now += 5
    for token in forged:
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)
    assert issuer.fetches == 2


async def test_a_withdrawn_key_goes_and_takes_its_tokens_with_it(issuer, verifier, clock):
    token = issuer.token()
    await verifier.verify(token)
    del issuer.keys["first"]
    issuer.rotate("second")
    clock.now += 301
    with pytest.raises(TokenInvalid):
        await verifier.verify(token)


async def test_the_last_keys_stay_in_use_while_auth_is_away(issuer, clock):
    away = False

    async def fetch():
        if away:
            raise ConnectionRefusedError
        return await issuer.fetch()

    verifier = TokenVerifier(fetch)
    known = issuer.token()
    await verifier.verify(known)
    away = True
    clock.now += 1000
    assert await verifier.verify(known)
    assert await verifier.verify(issuer.token())
    issuer.rotate("second")
    clock.now += 5
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.token())
    away = False
    clock.now += 5
    assert await verifier.verify(issuer.token())


@pytest.mark.parametrize(
    "answer", ["", "not json", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "eA"}]}', "[]"]
)
async def test_without_usable_keys_nobody_is_refused_for_good(issuer, clock, answer):
    async def fetch():
        return answer

    with pytest.raises((Unavailable, TokenInvalid)):
        await TokenVerifier(fetch).verify(issuer.token())


async def test_a_symmetric_key_in_the_set_is_of_no_use(issuer, clock):
    shared = "a-secret-of-at-least-thirty-two-bytes!"

    async def fetch():
        algorithm = jwt.get_algorithm_by_name("HS256")
        return json.dumps({"keys": [{**algorithm.to_jwk(shared, as_dict=True), "kid": "shared"}]})

    with pytest.raises(TokenInvalid):
        await TokenVerifier(fetch).verify(
            jwt.encode(issuer.claims(sub=str(uuid4())), shared, "HS256", headers={"kid": "shared"})
        )
