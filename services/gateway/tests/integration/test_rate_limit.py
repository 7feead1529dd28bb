"""How often a caller may come: over all replicas while Valkey is there, by each replica while it is not."""

import asyncio
import json
import time
from uuid import uuid4

import pytest

from assay_common.errors import Unauthenticated
from assay_gateway.adapters.valkey import KEY, ValkeyBuckets
from assay_gateway.adapters.valkey import valkey as connected
from assay_gateway.application.ports import BucketsAway
from assay_gateway.domain.rate import Claim, Claims, Rate
from assay_local.components import Valkey

TIGHT = {"per_second": 0.01, "burst": 20}
SIGN_IN_COST = 5
ELSEWHERE = {"listen": "127.0.0.1:0", "trusted_proxies": "127.0.0.1"}


class WrongPassword(Unauthenticated):
    pass


def bearer(token):
    return {"authorization": f"Bearer {token}"}


async def metric(gateway, name):
    lines = (await gateway.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


async def test_the_budget_is_told_and_then_refused(make_gateway, backend, token, issuer, org):
    gateway = await make_gateway(backend, limits=TIGHT)
    answers = [await gateway.http.get("/v1/prompts/x", headers=bearer(token)) for _ in range(22)]
    assert [answered.status_code for answered in answers] == [200] * 20 + [429] * 2
    assert [answered.headers["ratelimit-remaining"] for answered in answers[:3]] == ["19", "18", "17"]
    refused = answers[-1]
    assert refused.headers["ratelimit-limit"] == "20"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert int(refused.headers["retry-after"]) in range(90, 101)
    problem = refused.json()
    assert (problem["reason"], problem["status"]) == ("RATE_LIMITED", 429)
    other = await gateway.http.get("/v1/prompts/x", headers=bearer(issuer.token("prompts:read", org=org)))
    assert other.status_code == 200


async def test_the_hot_read_is_limited_too(make_gateway, backend, token):
    gateway = await make_gateway(backend, limits=TIGHT)
    statuses = [(await gateway.http.get("/v1/prompts/x/resolve", headers=bearer(token))).status_code for _ in range(22)]
    assert statuses == [200] * 20 + [429] * 2


async def test_a_hot_read_that_has_to_ask_valkey_first_stays_one(make_gateway, backend, token, capsys):
    gateway = await make_gateway(backend, limits=TIGHT)  # the lease of so small a budget is one request
    answers = [await gateway.http.get("/v1/prompts/x/resolve", headers=bearer(token)) for _ in range(10)]
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    # A hot read leaves no line. One that the cache cannot answer (the first, or after the stream cleared it) does.
    taken_the_long_way = len([line for line in logged if line["event"] == "request"])
    assert taken_the_long_way == len(backend.asked("ResolveVersion")) < len(answers)
    assert [answered.headers["ratelimit-remaining"] for answered in answers] == [str(left) for left in range(19, 9, -1)]


async def test_replicas_share_the_budget(make_gateway, backend, token):
    replicas = [await make_gateway(backend, limits=TIGHT) for _ in range(2)]
    statuses = [
        (await replicas[number % 2].http.get("/v1/prompts/x", headers=bearer(token))).status_code
        for number in range(24)
    ]
    assert statuses.count(200) == 20


async def test_a_key_is_limited_whatever_its_current_token(make_gateway, backend, org):
    gateway = await make_gateway(backend, limits=TIGHT)
    key, _ = backend.issue_key("prompts:read", org=org)
    statuses = [(await gateway.http.get("/v1/prompts/x", headers=bearer(key))).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


async def test_passwords_cannot_be_tried_quickly(make_gateway, backend, address):
    # The port is part of no bucket, so this bucket is shared by every test that signs in from this machine.
    backend.answers["SignIn"] = WrongPassword("no")
    gateway = await make_gateway(
        backend,
        limits={"sign_in_per_second": 0.01, "sign_in_burst": 5 * SIGN_IN_COST},
        http=ELSEWHERE,
    )
    body = {"email": "a@b.org", "password": "x"}
    headers = {"x-forwarded-for": address}
    statuses = [(await gateway.http.post("/v1/sessions", json=body, headers=headers)).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert len(backend.asked("SignIn")) == 5


async def test_nobody_can_choose_an_address_of_ones_own(make_gateway, backend):
    limits = {"sign_in_burst": 3 * SIGN_IN_COST, "sign_in_per_second": 0.01}
    gateway = await make_gateway(backend, valkey={"url": "redis://127.0.0.1:1/0"}, limits=limits)
    statuses = []
    for number in range(4):
        answered = await gateway.http.post(
            "/v1/sessions",
            json={"email": "a@b.org", "password": "x"},
            headers={"x-forwarded-for": f"10.0.0.{number}"},
        )
        statuses.append(answered.status_code)
    assert statuses == [201] * 3 + [429]


@pytest.mark.chaos
async def test_valkey_killed_and_back(make_gateway, backend, token, make_site, eventually):
    valkey = Valkey(make_site())
    await valkey.start()
    gateway = await make_gateway(
        backend, valkey={"url": valkey.url, "probe_seconds": 0.1}, limits={"per_second": 0.01, "burst": 60}
    )
    headers = bearer(token)
    assert (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code == 200
    await eventually(lambda: _is(gateway, 0))
    await valkey.kill()
    for _ in range(20):
        assert (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code == 200
    assert await metric(gateway, "gateway_rate_limit_local") == 1
    assert (await gateway.http.get("/readyz")).json()["problems"].keys() <= {"event stream"}
    statuses = [(await gateway.http.get("/v1/prompts/x", headers=headers)).status_code for _ in range(50)]
    assert 429 in statuses  # Limited still, by this replica alone.
    await valkey.start()
    await eventually(lambda: _is(gateway, 0))
    answered = await gateway.http.get("/v1/prompts/x", headers=headers)
    assert answered.status_code == 200
    await valkey.stop()


async def _is(gateway, value):
    return await metric(gateway, "gateway_rate_limit_local") == value


async def test_a_valkey_that_was_never_there_costs_nothing(make_gateway, backend, token):
    gateway = await make_gateway(backend, valkey={"url": "redis://127.0.0.1:1/0"})
    answered = await gateway.http.get("/v1/prompts/x", headers=bearer(token))
    assert answered.status_code == 200
    assert answered.headers["ratelimit-remaining"] == "399"
    assert await metric(gateway, "gateway_rate_limit_local") == 1


def claims(*rates):
    """Buckets that nobody has used before."""
    return Claims(tuple(Claim(f"test:{time.time_ns()}:{number}", rate) for number, rate in enumerate(rates)))


async def test_the_script_takes_no_more_than_there_is(valkey):
    bucket = claims(Rate(per_second=0.01, burst=10))
    async with connected(valkey.url, 5) as client:
        buckets = ValkeyBuckets(client)
        leases = await asyncio.gather(*(buckets.lease(bucket, 4, 1) for _ in range(5)))
        assert sorted(lease.granted for lease in leases) == [0, 0, 2, 4, 4]
        assert (await buckets.lease(bucket, 4, 1)).remaining[0] < 1


async def test_the_script_takes_from_all_buckets_or_from_none(valkey):
    both = claims(Rate(0.01, 10), Rate(0.01, 3))
    async with connected(valkey.url, 5) as client:
        buckets = ValkeyBuckets(client)
        assert (await buckets.lease(both, 2, 2)).granted == 2
        refused = await buckets.lease(both, 5, 2)
        assert (refused.granted, [round(left) for left in refused.remaining]) == (0, [8, 1])
        partly = await buckets.lease(both, 5, 1)
        assert (partly.granted, [round(left) for left in partly.remaining]) == (1, [7, 0])


async def test_tokens_come_back_by_valkeys_clock(valkey):
    bucket = claims(Rate(per_second=100, burst=10))
    async with connected(valkey.url, 5) as client:
        buckets = ValkeyBuckets(client)
        assert (await buckets.lease(bucket, 10, 1)).granted == 10
        await asyncio.sleep(0.05)
        assert 5 <= (await buckets.lease(bucket, 10, 1)).granted <= 10


async def test_an_idle_bucket_leaves_nothing_behind(valkey):
    bucket = claims(Rate(per_second=1000, burst=10))
    async with connected(valkey.url, 5) as client:
        await ValkeyBuckets(client).lease(bucket, 1, 1)
        assert 0 < await client.pttl(KEY % bucket.buckets[0].subject) <= 1011


async def test_a_server_that_is_not_there_is_named_so():
    async with connected("redis://127.0.0.1:1/0", 0.1) as client:
        buckets = ValkeyBuckets(client)
        with pytest.raises(BucketsAway):
            await buckets.ping()
        with pytest.raises(BucketsAway):
            await buckets.lease(claims(Rate(1, 1)), 1, 1)


async def test_keys_and_persons_share_what_their_organisation_has(make_gateway, backend, issuer, org, address):
    gateway = await make_gateway(
        backend, http=ELSEWHERE, limits={"organisation_per_second": 0.01, "organisation_burst": 6}
    )
    key, _ = backend.issue_key("prompts:read", org=org)
    bearers = [issuer.token("prompts:read", org=org), issuer.token("prompts:read", org=org), key]
    answers = [
        await gateway.http.get("/v1/prompts/x", headers={**bearer(bearers[turn % 3]), "x-forwarded-for": address})
        for turn in range(8)
    ]
    assert [answered.status_code for answered in answers] == [200] * 6 + [429] * 2
    assert answers[-1].json()["limited_by"] == "organisation"
    other = await gateway.http.get("/v1/prompts/x", headers=bearer(issuer.token("prompts:read", org=uuid4())))
    assert other.status_code == 200


async def test_many_callers_at_one_address_share_what_it_has(make_gateway, backend, issuer, address):
    gateway = await make_gateway(backend, http=ELSEWHERE, limits={"address_per_second": 0.01, "address_burst": 5})
    answers = []
    for number in range(7):  # addresses of one IPv6 network are one
        caller = bearer(issuer.token("prompts:read", org=uuid4()))
        headers = {**caller, "x-forwarded-for": address.removesuffix("1") + f"{number + 1:x}"}
        answers.append(await gateway.http.get("/v1/prompts/x", headers=headers))
    assert [answered.status_code for answered in answers] == [200] * 5 + [429] * 2
    assert answers[-1].json()["limited_by"] == "address"


async def test_a_persons_keys_share_what_the_person_has(make_gateway, backend, issuer, org):
    owner = uuid4()
    gateway = await make_gateway(backend, limits={"owner_per_second": 0.01, "owner_burst": 4})
    tokens = [issuer.token("prompts:read", org=org, kind="api_key", owner=str(owner)) for _ in range(2)]
    tokens.append(issuer.token("prompts:read", org=org, sub=owner))
    answers = [await gateway.http.get("/v1/prompts/x", headers=bearer(tokens[turn % 3])) for turn in range(6)]
    assert [answered.status_code for answered in answers] == [200] * 4 + [429] * 2
    assert answers[-1].json()["limited_by"] == "owner"


async def test_an_expensive_call_counts_for_many(make_gateway, backend, token, document):
    gateway = await make_gateway(backend, limits={"per_second": 0.01, "burst": 25})
    cost = document["paths"]["/v1/audits"]["post"]["x-cost"]
    assert cost == 10
    left = []
    for path, body in (("/v1/prompts/x/render", {}), ("/v1/audits", {"repository": "x"})):
        answered = await gateway.http.post(path, json=body, headers=bearer(token))
        left.append(int(answered.headers["ratelimit-remaining"]))
    assert left == [24, 14]


async def test_wrong_keys_are_throttled_by_address_without_asking_auth(make_gateway, backend, org, address):
    gateway = await make_gateway(backend, http=ELSEWHERE, limits={"refused_per_second": 0.01, "refused_burst": 5})
    good, _ = backend.issue_key("prompts:read", org=org)
    other, _ = backend.issue_key("prompts:read", org=org)

    async def get(key, at=address, path="/v1/prompts/x"):
        return await gateway.http.get(path, headers={**bearer(key), "x-forwarded-for": at})

    assert (await get(good)).status_code == 200
    statuses = [(await get(f"assay_{uuid4().hex}")).status_code for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    asked = len(backend.asked("ExchangeApiKey"))
    for path in ("/v1/prompts/x", "/v1/prompts/x/resolve"):
        refused = await get(f"assay_{uuid4().hex}", path=path)
        assert refused.status_code == 429
        assert refused.json()["reason"] == "TOO_MANY_REFUSED_CREDENTIALS"
        assert int(refused.headers["retry-after"]) > 1
    assert len(backend.asked("ExchangeApiKey")) == asked
    assert (await get(good)).status_code == 200  # What is known goes on working from there,
    assert (await get(other, at="192.0.2.77")).status_code == 200  # and everything from elsewhere.


async def test_many_wrong_keys_at_once_reach_auth_no_more_often(make_gateway, backend, address):
    gateway = await make_gateway(backend, http=ELSEWHERE, limits={"refused_per_second": 0.01, "refused_burst": 5})
    answers = await asyncio.gather(
        *(
            gateway.http.get("/v1/me", headers={**bearer(f"assay_{uuid4().hex}"), "x-forwarded-for": address})
            for _ in range(30)
        )
    )
    assert sorted(answered.status_code for answered in answers) == [401] * 5 + [429] * 25
    assert len(backend.asked("ExchangeApiKey")) == 5


async def test_keys_that_hold_never_count_as_guesses(make_gateway, backend, org, address):
    gateway = await make_gateway(backend, http=ELSEWHERE, limits={"refused_per_second": 0.01, "refused_burst": 2})
    for _ in range(6):
        key, _ = backend.issue_key("prompts:read", org=org)
        headers = {**bearer(key), "x-forwarded-for": address}
        assert (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code == 200


async def test_forged_tokens_are_throttled_too_and_expired_ones_are_not(make_gateway, backend, issuer, org, address):
    gateway = await make_gateway(backend, http=ELSEWHERE, limits={"refused_per_second": 0.01, "refused_burst": 3})

    async def status(token):
        headers = {**bearer(token), "x-forwarded-for": address}
        return (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code

    expired = issuer.token("prompts:read", org=org, lifetime=-120)
    assert [await status(expired) for _ in range(5)] == [401] * 5
    assert [await status("not.a.token") for _ in range(5)] == [401] * 3 + [429] * 2
    assert await status(issuer.token("prompts:read", org=org)) == 200
