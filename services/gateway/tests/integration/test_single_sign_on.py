"""The browser's way to an identity provider and back."""

import pytest

from assay.auth.v1 import sessions_pb2, single_sign_on_pb2
from assay_common.errors import NotFound, Unauthenticated

AUTHORIZE = "https://id.example.org/authorize?state=s"
BROWSER = {"accept": "text/html,application/xhtml+xml"}


class ProviderUnknown(NotFound):
    pass


class SignOnInvalid(Unauthenticated):
    pass


@pytest.fixture
def begun(backend):
    backend.answers["BeginSignOn"] = single_sign_on_pb2.SignOnBegun(
        authorization_url=AUTHORIZE, browser_binding="binding"
    )


@pytest.fixture
def completed(backend):
    def complete(return_to=""):
        tokens = sessions_pb2.Tokens(access=sessions_pb2.AccessToken(access_token="a"), refresh_token="r")
        backend.answers["CompleteSignOn"] = single_sign_on_pb2.CompletedSignOn(tokens=tokens, return_to=return_to)

    return complete


def cookies(answered):
    return {line.partition("=")[0]: line for line in answered.headers.get_list("set-cookie")}


async def test_the_providers_are_public(gateway, backend):
    answered = await gateway.http.get("/v1/sso/providers")
    assert answered.json() == {"items": [{"id": "00000000-0000-0000-0000-000000000007", "name": "a name"}]}


async def test_the_browser_is_sent_on_with_a_cookie_that_ties_it(make_gateway, backend, begun):
    gateway = await make_gateway(backend, public_url="https://assay.example.org")
    answered = await gateway.http.get("/v1/sso/acme/authorize", params={"return_to": "/device?user_code=WDJB-MJHT"})
    assert (answered.status_code, answered.headers["location"]) == (302, AUTHORIZE)
    assert answered.headers["cache-control"] == "no-store"
    cookie = cookies(answered)["assay_sso"].lower()
    for part in ("assay_sso=binding", "httponly", "samesite=lax", "secure", "path=/v1/sso", "max-age=600"):
        assert part in cookie, part
    asked = backend.asked("BeginSignOn")[0]
    assert (asked.provider, asked.redirect_uri, asked.return_to) == (
        "acme",
        "https://assay.example.org/v1/sso/callback",
        "/device?user_code=WDJB-MJHT",
    )


async def test_without_https_the_cookie_is_not_secure(gateway, begun):
    answered = await gateway.http.get("/v1/sso/acme/authorize")
    assert "secure" not in cookies(answered)["assay_sso"].lower()


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example.org/device",
        "//evil.example.org/device",
        "/\\evil.example.org",
        "device",
        "/v1/me",
        "/device\r\n",
    ],
)
async def test_nobody_is_sent_elsewhere_in_the_end(return_to, gateway, backend, begun):
    answered = await gateway.http.get("/v1/sso/acme/authorize", params={"return_to": return_to})
    assert answered.status_code == 422
    assert answered.json()["errors"][0]["pointer"] == "/return_to"
    assert not backend.asked("BeginSignOn")


async def test_a_program_gets_the_session_as_json(gateway, backend, completed):
    completed()
    answered = await gateway.http.get(
        "/v1/sso/callback",
        params={"state": "s", "code": "c", "iss": "https://id.example.org"},
        headers={"cookie": "assay_sso=binding"},
    )
    assert answered.status_code == 200, answered.text
    assert answered.headers["cache-control"] == "no-store"
    assert (answered.json()["access_token"], answered.json()["refresh_token"]) == ("a", "r")
    assert 'assay_sso=""' in cookies(answered)["assay_sso"]
    asked = backend.asked("CompleteSignOn")[0]
    assert (asked.state, asked.code, asked.browser_binding, asked.error, asked.issuer) == (
        "s",
        "c",
        "binding",
        "",
        "https://id.example.org",
    )


async def test_the_providers_refusal_reaches_auth(gateway, backend, completed):
    completed()
    await gateway.http.get("/v1/sso/callback", params={"state": "s", "error": "access_denied"})
    asked = backend.asked("CompleteSignOn")[0]
    assert (asked.code, asked.error, asked.browser_binding) == ("", "access_denied", "")


async def test_a_browser_goes_back_to_the_page_it_came_from(gateway, completed):
    completed("/device?user_code=WDJB-MJHT")
    answered = await gateway.http.get(
        "/v1/sso/callback", params={"state": "s", "code": "c"}, headers={"cookie": "assay_sso=binding"}
    )
    assert answered.status_code == 200
    assert 'content="0; url=/device?user_code=WDJB-MJHT"' in answered.text
    assert "access_token" not in answered.text
    cookie = cookies(answered)["assay_page"].lower()
    for part in ("assay_page=a~r", "httponly", "samesite=strict", "path=/device", "max-age=600"):
        assert part in cookie, part


async def test_an_address_that_is_no_page_is_not_gone_to(gateway, completed):
    completed("https://evil.example.org")
    answered = await gateway.http.get("/v1/sso/callback", params={"state": "s", "code": "c"})
    assert "evil" not in answered.text
    assert "assay_page" not in cookies(answered)


async def test_failures_are_pages_for_browsers_and_problems_for_programs(gateway, backend):
    backend.answers["CompleteSignOn"] = SignOnInvalid("the attempt belongs to <another> browser")
    page = await gateway.http.get("/v1/sso/callback", params={"state": "s"}, headers=BROWSER)
    assert page.status_code == 401
    assert page.headers["content-type"].startswith("text/html")
    assert "The attempt belongs to &lt;another&gt; browser." in page.text
    problem = await gateway.http.get("/v1/sso/callback", params={"state": "s"})
    assert problem.json()["reason"] == "SIGN_ON_INVALID"
    backend.answers["BeginSignOn"] = ProviderUnknown("there is no such provider")
    assert (await gateway.http.get("/v1/sso/nobody/authorize")).json()["reason"] == "PROVIDER_UNKNOWN"
