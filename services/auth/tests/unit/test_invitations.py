from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from assay_auth.domain.errors import AddressNotInvited, InvitationNotOpen
from assay_auth.domain.invitations import ENTROPY_BYTES, LIFETIME, Invitation, InvitationStatus, digest_of, token_from
from assay_auth.domain.roles import Role

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ADA = "ada@example.org"


def invitation(**changes):
    return replace(Invitation(uuid4(), uuid4(), ADA, Role.MEMBER, (), uuid4(), NOW, NOW + LIFETIME), **changes)


ENDED = {
    InvitationStatus.ACCEPTED: invitation(accepted_at=NOW),
    InvitationStatus.REVOKED: invitation(revoked_at=NOW),
    InvitationStatus.EXPIRED: invitation(expires_at=NOW),
}


def test_an_invitation_is_open_for_a_week():
    assert invitation().status(NOW + timedelta(days=7) - timedelta(seconds=1)) is InvitationStatus.OPEN
    assert invitation().status(NOW + timedelta(days=7)) is InvitationStatus.EXPIRED


@pytest.mark.parametrize("status", ENDED)
def test_an_invitation_that_ended_is_not_taken_up(status):
    assert ENDED[status].status(LATER) is status
    with pytest.raises(InvitationNotOpen) as refused:
        ENDED[status].accepted(ADA, LATER)
    assert refused.value.details == {"status": status.value}


def test_an_invitation_is_taken_up_by_whom_it_is_for():
    assert invitation().accepted(ADA, LATER).accepted_at == LATER
    with pytest.raises(AddressNotInvited):
        invitation().accepted("grace@example.org", LATER)


def test_an_invitation_is_taken_back_once():
    assert invitation().revoked(LATER).revoked_at == LATER
    for status in (InvitationStatus.REVOKED, InvitationStatus.EXPIRED):
        assert ENDED[status].revoked(LATER) is ENDED[status]
    with pytest.raises(InvitationNotOpen):
        ENDED[InvitationStatus.ACCEPTED].revoked(LATER)


def test_tokens_and_their_digests_differ():
    tokens = {token_from(bytes([number]) * ENTROPY_BYTES) for number in range(256)}
    assert len({digest_of(token) for token in tokens}) == len(tokens) == 256
