"""Whose tokens are where."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from assay_cli.credentials import Credentials
from assay_cli.errors import ApiError, ExitCode, NotSignedIn, Unreachable, WrongUsage, told
from assay_client import AssayError, Problem, Session
from assay_client import NotSignedIn as ClientNotSignedIn
from assay_client import Unreachable as ClientUnreachable


def session(name):
    return Session(f"access-{name}", f"refresh-{name}", datetime.now(UTC) + timedelta(minutes=10), "o1")


@pytest.fixture
def at(tmp_path):
    file = tmp_path / "config" / "credentials.json"

    def make(url=None, **environment):
        return Credentials(file, ({"ASSAY_URL": url} if url else {}) | environment, tmp_path / "cache")

    return make


def test_each_gateway_has_its_own_session_in_a_file_for_the_owner_only(at):
    at("https://one.test/").save(session("one"))
    at("https://two.test").save(session("two"))
    assert stat.S_IMODE(at().file.stat().st_mode) == 0o600
    assert at().url == "https://two.test"
    assert at("https://one.test").load().access_token == "access-one"
    assert at("https://three.test").load() is None
    at("https://two.test").save(None)
    assert at("https://two.test").load() is None
    assert at("https://one.test").load() is not None


def test_a_session_of_an_older_assay_is_good_still(at):
    kept = {"email": "a@b", "access_token": "a", "expires_at": "2999-01-01T00:00:00Z", "refresh_token": "r"}
    at().file.parent.mkdir()
    at().file.write_text(json.dumps({"url": "https://one.test", "sessions": {"https://one.test": kept}}))
    assert at().load().refresh_token == "r"


def test_a_broken_credentials_file_is_named(at):
    at().file.parent.mkdir()
    at().file.write_text("{")
    with pytest.raises(WrongUsage, match=r"credentials\.json"):
        _ = at().url


@pytest.mark.parametrize(
    ("error", "has_key", "kind", "words"),
    [
        (Problem(404, {"title": "Not found", "detail": "no prompt"}), False, ApiError, "no prompt"),
        (Problem(401, {"detail": "the key was revoked"}), True, NotSignedIn, "ASSAY_API_KEY: the key was revoked"),
        (Problem(401, {"detail": "wrong password"}), False, ApiError, "wrong password"),
        (ClientUnreachable("refused"), False, Unreachable, "https://x does not answer"),
        (ClientNotSignedIn("no session"), False, NotSignedIn, "assay login"),
        (AssayError("else"), False, NotSignedIn, "else"),
    ],
    ids=["refused", "key", "session", "away", "nobody", "else"],
)
def test_the_user_is_told_what_the_client_raised(error, has_key, kind, words):
    said = told(error, "https://x", has_key=has_key)
    assert isinstance(said, kind)
    assert words in str(said)
    assert said.exit_code in ExitCode
