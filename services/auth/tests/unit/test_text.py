import pytest

from assay_auth.domain.text import (
    email_violations,
    is_email,
    is_slug,
    name_violations,
    normal_email,
    normal_password,
    password_violations,
    refuse,
    slug_violations,
)
from assay_common.errors import InvalidArgument, Violation

AN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize("text", ["ada@example.org", "a.b+c@mail.example.co.uk", "root@localhost", "ü@exämple.de"])
def test_addresses(text):
    assert is_email(text)


@pytest.mark.parametrize(
    "text", ["", "ada", "@example.org", "ada@", "a b@example.org", "a@b@c", "a@.org", "a@b..c", "a\x00@b", "a" * 300]
)
def test_no_addresses(text):
    assert not is_email(text)
    assert [violation.field for violation in email_violations("email", text)] == ["email"]


def test_an_address_is_compared_in_lower_case_without_space():
    assert normal_email(" Ada@Example.ORG ") == "ada@example.org"


@pytest.mark.parametrize("text", ["ab", "acme", "a-1", "0x", "a" * 63])
def test_slugs(text):
    assert is_slug(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "-a",
        "a-",
        "Acme",
        "a_b",
        "a b",
        "a" * 64,
        "é-e",
        "a\n",
        "0" * 32,
        "01890a5d-ac96-774b-bcce-b302099a8057",
    ],
)
def test_no_slugs(text):
    assert not is_slug(text)
    assert [violation.field for violation in slug_violations("slug", text)] == ["slug"]


@pytest.mark.parametrize(("length", "wrong"), [(0, True), (11, True), (12, False), (128, False), (129, True)])
def test_a_password_has_12_to_128_characters(length, wrong):
    assert bool(list(password_violations("password", "ä" * length))) is wrong


def test_a_password_needs_no_special_characters():
    assert not list(password_violations("password", "correct horse battery staple"))


def test_a_password_is_the_same_from_every_keyboard():
    assert normal_password("é" * 12) == normal_password("e\N{COMBINING ACUTE ACCENT}" * 12)


def test_names():
    assert not list(name_violations("name", "Ada Lovelace"))
    assert not list(name_violations("name", "", required=False))
    assert list(name_violations("name", "  "))
    assert list(name_violations("name", "x" * 201))
    assert list(name_violations("name", "a\x00b"))


def test_all_violations_are_told_at_once():
    with pytest.raises(InvalidArgument) as refused:
        refuse(Violation("email", "is required"), Violation("password", "is too short"))
    assert [violation.field for violation in refused.value.violations] == ["email", "password"]
    assert refused.value.reason == "INVALID_ARGUMENT"
    refuse()
