"""The pages for people: they spend nothing by being looked at, take forms from themselves only, and load nothing."""

import re
from html import unescape

import pytest

from assay.auth.v1 import invitations_pb2, organisations_pb2, sessions_pb2, single_sign_on_pb2
from assay_common.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Violation,
)

SIGN_IN = {"action": "sign_in", "user_code": "wdjb-mjht", "email": "ada@example.org", "password": "a long password"}
PAGES = [
    "/device",
    "/device?user_code=WDJB-MJHT",
    "/verify-email",
    "/reset-password",
    "/verify-email?token=t",
    "/reset-password?token=t",
    "/accept-invitation?token=t",
]


class InvalidCredentials(Unauthenticated):
    pass


class SecondFactorNeeded(Unauthenticated):
    pass


class UserCodeUnknown(NotFound):
    pass


class LinkInvalid(FailedPrecondition):
    pass


class AddressNotInvited(PermissionDenied):
    pass


class TooOften(ResourceExhausted):
    pass


class AuthAway(Unavailable):
    pass


class Browser:
    """Sends forms as browsers do: with the origin they come from."""

    def __init__(self, gateway):
        self.http = gateway.http
        self.own = {"origin": str(gateway.http.base_url).rstrip("/")}

    async def get(self, path):
        return await self.http.get(path)

    async def post(self, path, form, **headers):
        return await self.http.post(path, data=form, headers=self.own | headers)

    @property
    def cookie(self):
        return self.http.cookies.get("assay_page")


@pytest.fixture
def browser(gateway):
    return Browser(gateway)


@pytest.fixture
def organisations(backend):
    """`organisations("acme", …)`: those that whoever asks is in."""

    def are(*slugs):
        backend.answers["ListOrganisations"] = organisations_pb2.ListOrganisationsResponse(
            organisations=[organisations_pb2.Organisation(id=f"id of {s}", slug=s, name=s.title()) for s in slugs]
        )

    are("acme")
    return are


@pytest.fixture
def tokens(backend, token):
    backend.answers["SignIn"] = sessions_pb2.Tokens(
        access=sessions_pb2.AccessToken(access_token=token), refresh_token="the-refresh-token"
    )


@pytest.fixture
async def signed_in(browser, tokens, organisations):
    answered = await browser.post("/device", SIGN_IN)
    assert answered.status_code == 303, answered.text
    return browser


# All pages


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_nothing_and_stays_in_its_frame(path, browser, backend):
    answered = await browser.get(path)
    assert answered.status_code == 200
    headers = answered.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers.get_list("referrer-policy") == ["same-origin"]
    (policy,) = headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert "<script" not in answered.text and " on" + "click" not in answered.text
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', answered.text):
        assert address.startswith("/") and not address.startswith("//"), address
    # Every field has its label, and the page says in which language it is.
    labelled = set(re.findall(r'<label for="(\w+)"', answered.text))
    assert set(re.findall(r'<(?:input|select) (?:class="code" )?id="(\w+)"', answered.text)) == labelled
    assert '<html lang="en">' in answered.text and answered.text.count("<h1>") == 1


@pytest.mark.parametrize("path", PAGES)
async def test_looking_at_a_page_changes_nothing(path, browser, backend):
    await browser.get(path)
    await browser.get(path)
    assert {call.rpc for call in backend.calls} <= {"GetJwks", "ListProviders", "DescribeInvitation"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.example.org"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:8080"},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/device", "/verify-email", "/reset-password", "/accept-invitation"])
async def test_forms_of_other_sites_are_refused(path, headers, gateway, backend):
    answered = await gateway.http.post(path, data=SIGN_IN | {"token": "t"}, headers=headers)
    assert answered.status_code == 403
    assert "not sent from a page of this site" in answered.text
    assert {call.rpc for call in backend.calls} <= {"GetJwks"}


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "same-origin", "origin": "null"}, {"origin": "http://localhost:8080"}, {"origin": "own"}],
    ids=str,
)
async def test_forms_of_this_site_are_taken(headers, browser, backend):
    if headers.get("origin") == "own":
        headers = browser.own
    answered = await browser.http.post("/verify-email", data={"token": "t"}, headers=headers)
    assert answered.status_code == 200
    assert backend.asked("VerifyEmail")[0].token == "t"


async def test_what_is_shown_is_escaped(browser, backend):
    backend.answers["SignIn"] = InvalidCredentials("<script>alert(1)</script>")
    answered = await browser.post("/device", SIGN_IN | {"email": '"><img src=x>'})
    assert "<script" not in answered.text and "<img" not in answered.text
    assert '"><img src=x>' in unescape(answered.text)


async def test_what_broke_is_a_page_too(browser, backend):
    backend.answers["VerifyEmail"] = AuthAway("auth is away")
    answered = await browser.post("/verify-email", {"token": "t"})
    assert answered.status_code == 503
    assert answered.headers["retry-after"] and "<h1>Please try again" in answered.text
    assert answered.headers["x-request-id"] in answered.text
    backend.answers["VerifyEmail"] = ValueError("secret inside")
    answered = await browser.post("/verify-email", {"token": "t"})
    assert answered.status_code == 500 and "secret" not in answered.text and "<h1>" in answered.text
    backend.answers["VerifyEmail"] = TooOften("too many tries")
    assert (await browser.post("/verify-email", {"token": "t"})).status_code == 429
    assert (await browser.http.post("/verify-email", json={}, headers=browser.own)).status_code == 415


async def test_pages_are_no_part_of_the_api(gateway):
    paths = (await gateway.http.get("/openapi.json")).json()["paths"]
    assert not {"/device", "/verify-email", "/reset-password", "/accept-invitation"} & paths.keys()


# /device


async def test_a_stranger_signs_in_first(browser, backend):
    answered = await browser.get("/device?user_code=wdjb-mjht")
    assert 'value="WDJB-MJHT"' in answered.text and 'type="password"' in answered.text
    assert "/v1/sso/00000000-0000-0000-0000-000000000007/authorize?return_to=/device%3Fuser_code%3DWDJB-MJHT" in (
        answered.text
    )
    assert not backend.asked("DescribeDevice")


async def test_the_session_of_the_page_is_in_a_strict_cookie(make_gateway, backend, tokens, token):
    browser = Browser(await make_gateway(backend, public_url="https://assay.example.org"))
    answered = await browser.post("/device", SIGN_IN | {"one_time_code": "287 082"}, origin="https://assay.example.org")
    assert (answered.status_code, answered.headers["location"]) == (303, "/device?user_code=WDJB-MJHT")
    cookie = answered.headers["set-cookie"]
    assert cookie.startswith(f"assay_page={token}~the-refresh-token;")
    for part in ("httponly", "samesite=strict", "path=/device", "max-age=600", "secure"):
        assert part in cookie.lower(), part
    assert backend.asked("SignIn")[0].one_time_code == "287082"


@pytest.mark.parametrize("refusal", [InvalidCredentials("wrong"), SecondFactorNeeded("a code is needed")])
async def test_a_refused_sign_in_can_be_tried_again(refusal, browser, backend):
    backend.answers["SignIn"] = refusal
    answered = await browser.post("/device", SIGN_IN)
    assert answered.status_code == 401
    assert str(refusal) in answered.text.lower()
    assert 'value="ada@example.org"' in answered.text and 'value="WDJB-MJHT"' in answered.text
    assert "a long password" not in answered.text
    assert browser.cookie is None


async def test_the_device_is_shown_before_it_is_let_in(signed_in, backend, token):
    device = single_sign_on_pb2.DeviceRequest(user_code="WDJB-MJHT", client_name="<b>laptop</b>", address="203.0.113.7")
    backend.answers["DescribeDevice"] = device
    answered = await signed_in.get("/device?user_code=WDJB-MJHT")
    assert answered.status_code == 200
    for said in ("WDJB-MJHT", "&lt;b&gt;laptop&lt;/b&gt;", "203.0.113.7", "It will act in Acme"):
        assert said in answered.text, said
    (asked,) = [call for call in backend.calls if call.rpc == "DescribeDevice"]
    assert asked.principal.token == token


@pytest.mark.parametrize(("action", "rpc"), [("approve", "ApproveDevice"), ("deny", "DenyDevice")])
async def test_yes_or_no_ends_the_session_of_the_page(action, rpc, signed_in, backend):
    answered = await signed_in.post(
        "/device", {"action": action, "user_code": "WDJB-MJHT", "organisation": "id of acme"}
    )
    assert answered.status_code == 200
    (asked,) = backend.asked(rpc)
    assert asked.user_code == "WDJB-MJHT"
    if action == "approve":
        assert asked.organisation == "id of acme"
    assert [request.refresh_token for request in backend.asked("SignOut")] == ["the-refresh-token"]
    assert signed_in.cookie is None


async def test_who_is_in_several_organisations_chooses(signed_in, organisations):
    organisations("acme", "other")
    answered = await signed_in.get("/device?user_code=WDJB-MJHT")
    assert re.findall(r'<option value="([^"]+)">', answered.text) == ["id of acme", "id of other"]
    organisations()
    answered = await signed_in.get("/device?user_code=WDJB-MJHT")
    assert answered.status_code == 200 and "organisation" not in answered.text


async def test_an_unknown_code_is_asked_for_again(signed_in, backend):
    backend.answers["DescribeDevice"] = UserCodeUnknown("no device waits with this code")
    answered = await signed_in.get("/device?user_code=WRONG")
    assert answered.status_code == 404
    assert "No device waits with this code." in answered.text and 'name="user_code"' in answered.text
    assert signed_in.cookie is not None


async def test_without_a_code_it_is_asked_for(signed_in, backend):
    answered = await signed_in.get("/device")
    assert 'name="user_code"' in answered.text and 'type="password"' not in answered.text


async def test_somebody_else_can_sign_in(signed_in, backend):
    answered = await signed_in.post("/device", {"action": "sign_out", "user_code": "WDJB-MJHT"})
    assert answered.status_code == 303
    assert backend.asked("SignOut") and signed_in.cookie is None


async def test_an_ended_session_signs_in_anew_and_decides_nothing(browser, backend, issuer, org, organisations):
    for cookie in (f"{issuer.token(org=org, lifetime=-60)}~r", "nonsense~r", "nonsense", "~"):
        headers = {"cookie": f"assay_page={cookie}"}
        answered = await browser.post("/device", {"action": "approve", "user_code": "WDJB-MJHT"}, **headers)
        assert "Please sign in again" in answered.text
    assert not backend.asked("ApproveDevice")


# Links of e-mails


async def test_an_address_is_verified_by_the_button(browser, backend):
    page = await browser.get("/verify-email?token=abc%22%3E")
    assert 'value="abc&#34;&gt;"' in page.text
    answered = await browser.post("/verify-email", {"token": "abc"})
    assert answered.status_code == 200 and "Your address is verified" in answered.text
    assert [request.token for request in backend.asked("VerifyEmail")] == ["abc"]
    backend.answers["VerifyEmail"] = LinkInvalid("the link was used or is too old")
    answered = await browser.post("/verify-email", {"token": "abc"})
    assert answered.status_code == 409 and "The link was used or is too old." in answered.text


async def test_a_new_password_is_chosen(browser, backend):
    form = {"token": "abc", "new_password": "a much longer password"}
    answered = await browser.post("/reset-password", form)
    assert answered.status_code == 200 and "Your password is changed" in answered.text
    asked = backend.asked("ResetPassword")[0]
    assert (asked.token, asked.new_password) == ("abc", "a much longer password")


async def test_a_refused_password_can_be_chosen_anew(browser, backend):
    backend.answers["ResetPassword"] = InvalidArgument("not valid", Violation("new_password", "is too common"))
    answered = await browser.post("/reset-password", {"token": "abc", "new_password": "passwordpassword"})
    assert answered.status_code == 422
    assert "New password is too common." in answered.text and 'value="abc"' in answered.text
    assert "passwordpassword" not in answered.text


@pytest.mark.parametrize(
    ("page", "rpc"), [("/verify-email", "ResendVerification"), ("/reset-password", "RequestPasswordReset")]
)
async def test_who_comes_without_a_link_can_get_one(page, rpc, browser, backend):
    assert 'name="email"' in (await browser.get(page)).text
    answered = await browser.post(page, {"action": "ask", "email": "ada@example.org"})
    assert answered.status_code == 200 and "If an account has this address" in answered.text
    assert [request.email for request in backend.asked(rpc)] == ["ada@example.org"]
    backend.answers[rpc] = LinkInvalid("no mails are sent here")
    answered = await browser.post(page, {"action": "ask", "email": "ada@example.org"})
    assert answered.status_code == 409 and "No mails are sent here." in answered.text
    assert 'value="ada@example.org"' in answered.text


@pytest.fixture
def offer(backend):
    backend.answers["DescribeInvitation"] = invitations_pb2.InvitationOffer(
        organisation_name="Acme & Co", organisation_slug="acme", email="g@b.org", role=organisations_pb2.ROLE_MEMBER
    )


async def test_an_invitation_says_what_it_offers(browser, offer):
    answered = await browser.get("/accept-invitation?token=t")
    for said in ("Join Acme &amp; Co", "as member", "g@b.org", "Create my account", "Sign in and join"):
        assert said in answered.text, said


async def test_somebody_new_joins_by_signing_up(browser, backend, offer, tokens, organisations):
    form = {"action": "sign_up", "token": "t", "email": "g@b.org", "name": "Grace", "password": "a long password"}
    answered = await browser.post("/accept-invitation", form)
    assert answered.status_code == 200 and "Welcome" in answered.text, answered.text
    asked = backend.asked("SignUp")[0]
    assert (asked.email, asked.name, asked.password, asked.invitation_token) == (
        "g@b.org",
        "Grace",
        "a long password",
        "t",
    )
    assert not backend.asked("AcceptInvitation")  # Signing up did that.
    assert backend.asked("SignOut")


async def test_who_signed_up_and_is_not_in_yet_joins(browser, backend, offer, tokens, organisations):
    organisations()
    form = {"action": "sign_up", "token": "t", "email": "g@b.org", "name": "Grace", "password": "a long password"}
    assert (await browser.post("/accept-invitation", form)).status_code == 200
    assert backend.asked("AcceptInvitation")[0].token == "t"


async def test_who_has_an_account_signs_in_and_joins(browser, backend, offer, tokens, token):
    form = {"action": "sign_in", "token": "t", "email": "g@b.org", "password": "a long password"}
    answered = await browser.post("/accept-invitation", form)
    assert answered.status_code == 200
    (accepted,) = [call for call in backend.calls if call.rpc == "AcceptInvitation"]
    assert (accepted.request.token, accepted.principal.token) == ("t", token)
    assert not backend.asked("SignUp") and backend.asked("SignOut")


async def test_who_came_back_from_an_identity_provider_joins(browser, backend, offer, token):
    cookie = {"cookie": f"assay_page={token}~r"}
    page = await browser.http.get("/accept-invitation?token=t", headers=cookie)
    assert "Create my account" not in page.text and "Join Acme" in page.text
    answered = await browser.post("/accept-invitation", {"action": "accept", "token": "t"}, **cookie)
    assert answered.status_code == 200
    assert backend.asked("AcceptInvitation") and not backend.asked("SignIn")


async def test_a_refused_invitation_leaves_no_session(browser, backend, offer, tokens):
    backend.answers["AcceptInvitation"] = AddressNotInvited("the invitation is for another address")
    form = {"action": "sign_in", "token": "t", "email": "g@b.org", "password": "a long password"}
    answered = await browser.post("/accept-invitation", form)
    assert answered.status_code == 403 and "The invitation is for another address." in answered.text
    assert backend.asked("SignOut")


async def test_a_dead_invitation_says_so(browser, backend):
    backend.answers["DescribeInvitation"] = LinkInvalid("the invitation has expired")
    answered = await browser.get("/accept-invitation?token=t")
    assert answered.status_code == 409 and "The invitation has expired." in answered.text
