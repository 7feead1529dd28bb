"""How often a caller may come: over all replicas while Valkey is there, by each replica while it is not."""

import asyncio
import json
import time

import pytest

from assay_common.errors import Unauthenticated
from assay_gateway.adapters.valkey import KEY, valkey_buckets
from assay_gateway.application.ports import BucketsAway
from assay_gateway.domain.rate import Rate
from assay_local.components import Valkey

TIGHT = {"per_second": 0.01, "burst": 20}


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


async def test_passwords_cannot_be_tried_quickly(make_gateway, backend):
    # The port is part of no bucket, so this bucket is shared by every test that signs in from this machine.
    backend.answers["SignIn"] = WrongPassword("no")
    gateway = await make_gateway(
        backend,
        limits={"sign_in_per_second": 0.01, "sign_in_burst": 5},
        http={"listen": "127.0.0.1:0", "trusted_proxies": "127.0.0.1"},
    )
    body = {"email": "a@b.org", "password": "x"}
    headers = {"x-forwarded-for": f"2001:db8::{time.time_ns() & 0xFFFF:x}"}
    statuses = [(await gateway.http.post("/v1/sessions", json=body, headers=headers)).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert len(backend.asked("SignIn")) == 5


async def test_nobody_can_choose_an_address_of_ones_own(make_gateway, backend):
    limits = {"sign_in_burst": 3, "sign_in_per_second": 0.01}
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


async def test_the_script_takes_no_more_than_there_is(valkey):
    rate = Rate(per_second=1, burst=10)
    subject = f"test:{time.time_ns()}"
    async with valkey_buckets(valkey.url, 5) as buckets:
        leases = await asyncio.gather(*(buckets.lease(subject, rate, 4) for _ in range(5)))
        assert sorted(lease.granted for lease in leases) == [0, 0, 2, 4, 4]
        assert (await buckets.lease(subject, rate, 4)).remaining < 1


async def test_tokens_come_back_by_valkeys_clock(valkey):
    rate = Rate(per_second=100, burst=10)
    subject = f"test:{time.time_ns()}"
    async with valkey_buckets(valkey.url, 5) as buckets:
        assert (await buckets.lease(subject, rate, 10)).granted == 10
        await asyncio.sleep(0.05)
        assert 5 <= (await buckets.lease(subject, rate, 10)).granted <= 10


async def test_an_idle_bucket_leaves_nothing_behind(valkey):
    subject = f"test:{time.time_ns()}"
    async with valkey_buckets(valkey.url, 5) as buckets:
        await buckets.lease(subject, Rate(per_second=1000, burst=10), 1)
        assert 0 < await buckets._client.pttl(KEY % subject) <= 1011


async def test_a_server_that_is_not_there_is_named_so():
    async with valkey_buckets("redis://127.0.0.1:1/0", 0.1) as buckets:
        with pytest.raises(BucketsAway):
            await buckets.ping()
        with pytest.raises(BucketsAway):
            await buckets.lease("x", Rate(1, 1), 1)
