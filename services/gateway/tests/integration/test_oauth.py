"""What OAuth clients see: RFC 8628 for devices, RFC 6749 for refresh tokens and for every refusal."""

import pytest

from assay.auth.v1 import sessions_pb2, single_sign_on_pb2
from assay_common.clock import utc_now
from assay_common.errors import FailedPrecondition, ResourceExhausted, Unauthenticated, Unavailable

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
POLL = {"grant_type": DEVICE, "client_id": "assay-cli", "device_code": "d"}


def named(name, category=FailedPrecondition):
    return type(name, (category,), {})('said "so"')


def is_refusal(answered, error, status=400):
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["cache-control"] == "no-store"
    assert set(answered.json()) == {"error", "error_description"}
    assert answered.json()["error"] == error
    assert '"' not in answered.json()["error_description"]


async def test_a_device_begins(make_gateway, backend):
    gateway = await make_gateway(backend, public_url="https://assay.example.org/")
    begun = single_sign_on_pb2.DeviceAuthorization(device_code="secret", user_code="WDJB-MJHT", interval=5)
    begun.expires_at.FromDatetime(utc_now())
    begun.expires_at.seconds += 600
    backend.answers["StartDeviceAuthorization"] = begun
    answered = await gateway.http.post(
        "/oauth/device_authorization", data={"client_id": "assay-cli", "client_name": "assay on laptop-17"}
    )
    assert answered.status_code == 200, answered.text
    assert answered.headers["cache-control"] == "no-store"
    shown = answered.json()
    assert 598 <= shown.pop("expires_in") <= 600
    assert shown == {
        "device_code": "secret",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://assay.example.org/device",
        "verification_uri_complete": "https://assay.example.org/device?user_code=WDJB-MJHT",
        "interval": 5,
    }
    assert backend.asked("StartDeviceAuthorization")[0].client_name == "assay on laptop-17"


async def test_an_approved_device_gets_its_tokens(gateway, backend):
    backend.answers["PollDeviceToken"] = sessions_pb2.Tokens(
        access=sessions_pb2.AccessToken(access_token="a", organisation_id="o"), refresh_token="r"
    )
    answered = await gateway.http.post("/oauth/token", data=POLL)
    assert answered.status_code == 200
    assert answered.headers["cache-control"] == "no-store"
    assert answered.json() == {
        "access_token": "a",
        "token_type": "Bearer",
        "expires_in": 0,
        "refresh_token": "r",
        "organisation_id": "o",
    }
    assert backend.asked("PollDeviceToken")[0].device_code == "d"


async def test_a_refresh_token_is_exchanged(gateway, backend):
    form = {"grant_type": "refresh_token", "client_id": "assay-cli", "refresh_token": "r"}
    answered = await gateway.http.post("/oauth/token", data=form)
    assert answered.status_code == 200
    assert backend.asked("RefreshTokens")[0].refresh_token == "r"


@pytest.mark.parametrize(
    ("refusal", "error", "status"),
    [
        (named("AuthorizationPending"), "authorization_pending", 400),
        (named("SlowDown"), "slow_down", 400),
        (named("ExpiredToken"), "expired_token", 400),
        (named("AccessDenied"), "access_denied", 400),
        (named("InvalidGrant"), "invalid_grant", 400),
        (named("RefreshTokenReused", Unauthenticated), "invalid_grant", 400),
        (named("TooOften", ResourceExhausted), "slow_down", 429),
        (named("ServiceAway", Unavailable), "temporarily_unavailable", 503),
        (ValueError("broken"), "server_error", 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_a_refusal_is_one_of_oauths(refusal, error, status, gateway, backend):
    backend.answers["PollDeviceToken"] = refusal
    answered = await gateway.http.post("/oauth/token", data=POLL)
    is_refusal(answered, error, status)
    assert ("retry-after" in answered.headers) is (status in (429, 503))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({**POLL, "client_id": "somebody"}, "invalid_client"),
        ({**POLL, "grant_type": "password"}, "unsupported_grant_type"),
        ({"client_id": "assay-cli"}, "invalid_request"),
        ({"grant_type": DEVICE, "device_code": "d"}, "invalid_request"),
        ({**POLL, "device_code": ""}, "invalid_request"),
        ({**POLL, "device_code": "a\x00b"}, "invalid_request"),
        ({**POLL, "device_code": ["a", "b"]}, "invalid_request"),
        ({**POLL, "device_code": "x" * 70_000}, "invalid_request"),
        ({f"f{n}": "x" for n in range(100)}, "invalid_request"),
    ],
)
async def test_a_broken_request_is_told_and_asks_nothing(form, error, gateway, backend):
    is_refusal(await gateway.http.post("/oauth/token", data=form), error)
    assert not backend.asked("PollDeviceToken")


async def test_only_forms_are_taken(gateway):
    is_refusal(await gateway.http.post("/oauth/token", json=POLL), "invalid_request")
    is_refusal(
        await gateway.http.post("/oauth/device_authorization", content=b"client_id=assay-cli"), "invalid_request"
    )
    broken = {"content-type": "application/x-www-form-urlencoded"}
    is_refusal(await gateway.http.post("/oauth/token", content=b"client_id=%ff", headers=broken), "invalid_request")
    is_refusal(await gateway.http.post("/oauth/token", content="é=1".encode(), headers=broken), "invalid_request")


async def test_trying_codes_is_limited_by_address(make_gateway, backend):
    gateway = await make_gateway(backend, limits={"sign_in_per_second": 0.001, "sign_in_burst": 3})
    backend.answers["PollDeviceToken"] = named("AuthorizationPending")
    for _ in range(3):
        is_refusal(await gateway.http.post("/oauth/token", data=POLL), "authorization_pending")
    is_refusal(await gateway.http.post("/oauth/token", data=POLL), "slow_down", 429)
