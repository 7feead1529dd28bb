from datetime import UTC, datetime

import pytest

from assay_auth.domain.errors import InvitationNeeded, SignOnInvalid, SignUpClosed
from assay_auth.domain.sessions import digest_of
from assay_auth.domain.sign_up import SignUp
from assay_auth.domain.sso import (
    ATTEMPT_LIFETIME,
    Attempt,
    ProvidedIdentity,
    code_challenge,
    redirect_violations,
    return_violations,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ATTEMPT = Attempt(
    provider="acme",
    state_digest=digest_of("state"),
    binding_digest=digest_of("binding"),
    redirect_uri="https://assay.example.org/v1/sso/callback",
    return_to="/",
    expires_at=NOW + ATTEMPT_LIFETIME,
    nonce="a nonce",
    code_verifier="a verifier",
)


def identity(**changes):
    return ProvidedIdentity(
        **{"provider": "acme", "subject": "7", "email": "Ada@Example.org", "email_is_verified": True, "name": "Ada"}
        | changes
    )


def test_the_challenge_is_that_of_the_rfc():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_only_the_browser_that_began_ends_it_and_in_time():
    ATTEMPT.check("binding", NOW)
    for binding, moment in (("other", NOW), ("", NOW), ("binding", NOW + ATTEMPT_LIFETIME)):
        with pytest.raises(SignOnInvalid):
            ATTEMPT.check(binding, moment)


def test_its_secrets_are_not_shown():
    assert "a nonce" not in repr(ATTEMPT)
    assert "a verifier" not in repr(ATTEMPT)


def test_names_of_new_people():
    assert identity(name=" Ada\n\tLovelace\x00 ").display_name() == "Ada Lovelace"
    assert identity(name="\x00").display_name() == "Ada"
    assert len(identity(name="x" * 1000).display_name()) == 200
    assert identity().verified_email() == "ada@example.org"


@pytest.mark.parametrize(
    ("uri", "public", "fits"),
    [
        ("https://assay.example.org/v1/sso/callback", "https://assay.example.org", True),
        ("https://ASSAY.example.org/v1/sso/callback", "https://assay.example.org/", True),
        ("http://assay.example.org/v1/sso/callback", "https://assay.example.org", False),
        ("https://assay.example.org:8443/", "https://assay.example.org", False),
        ("https://assay.example.org.evil.org/", "https://assay.example.org", False),
        ("https://assay.example.org@evil.org/", "https://assay.example.org", False),
        ("//assay.example.org/", "https://assay.example.org", False),
        ("https://assay.example.org/#x", "https://assay.example.org", False),
    ],
)
def test_where_browsers_are_sent_back_to(uri, public, fits):
    assert [each.field for each in redirect_violations("redirect_uri", uri, public)] == (
        [] if fits else ["redirect_uri"]
    )


@pytest.mark.parametrize("path", ["", "/", "/device?user_code=BCDF-GHJK", "/a/b?c=%20#d", "/a//b"])
def test_where_they_go_in_the_end(path):
    assert list(return_violations("return_to", path)) == []


def test_who_may_make_an_account():
    SignUp.OPEN.check(invited=False)
    SignUp.INVITATION.check(invited=True)
    with pytest.raises(InvitationNeeded):
        SignUp.INVITATION.check(invited=False)
    for invited in (True, False):
        with pytest.raises(SignUpClosed):
            SignUp.CLOSED.check(invited=invited)
