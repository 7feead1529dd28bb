from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from assay_auth.domain.errors import OrganisationNotFound
from assay_auth.domain.organisations import Membership, chosen, continued, found_organisation
from assay_auth.domain.roles import Role
from assay_common.errors import InvalidArgument

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACME = Membership(uuid4(), "acme", Role.OWNER)
UMBRELLA = Membership(UUID("01890a5d-ac96-774b-bcce-b302099a8057"), "umbrella", Role.VIEWER)


def test_an_organisation_is_named_by_its_slug_unless_it_has_a_name():
    assert found_organisation(uuid4(), "acme", " ", NOW).name == "acme"
    assert found_organisation(uuid4(), "acme", " Acme Ltd ", NOW).name == "Acme Ltd"


def test_slug_and_name_are_checked_together():
    with pytest.raises(InvalidArgument) as refused:
        found_organisation(uuid4(), "", "x" * 201, NOW)
    assert [violation.field for violation in refused.value.violations] == ["slug", "name"]


def test_the_only_organisation_is_chosen_when_none_is_named():
    assert chosen([ACME], "") is ACME


@pytest.mark.parametrize("memberships", [[], [ACME, UMBRELLA]])
def test_none_is_chosen_when_there_is_none_or_a_choice(memberships):
    assert chosen(memberships, "") is None


@pytest.mark.parametrize("named", ["umbrella", str(UMBRELLA.org_id), str(UMBRELLA.org_id).upper()])
def test_an_organisation_is_named_by_slug_or_id(named):
    assert chosen([ACME, UMBRELLA], named) is UMBRELLA


@pytest.mark.parametrize("named", ["wayne", "01890a5d-ac96-774b-bcce-b302099a8058", "\x00", "UMBRELLA"])
def test_an_organisation_one_is_not_in_is_not_found(named):
    with pytest.raises(OrganisationNotFound):
        chosen([ACME, UMBRELLA], named)


def test_a_session_goes_on_where_it_was_or_nowhere():
    assert continued([ACME, UMBRELLA], UMBRELLA.org_id) is UMBRELLA
    assert continued([ACME], UMBRELLA.org_id) is None
    assert continued([ACME], None) is None


def test_a_new_name_is_a_new_revision():
    old = found_organisation(uuid4(), "acme", "Acme", NOW)
    new = old.renamed(" Umbrella ")
    assert (new.name, new.slug, old.etag, new.etag) == ("Umbrella", "acme", "1", "2")
    with pytest.raises(InvalidArgument):
        old.renamed(" ")
