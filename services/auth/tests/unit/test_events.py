from datetime import UTC, datetime
from uuid import uuid4

from assay.auth.v1 import events_pb2, organisations_pb2
from assay_auth.adapters.postgres.events import message_of
from assay_auth.domain import events
from assay_auth.domain.roles import Role
from assay_protos.topics import AUTH_EVENTS

ORG, SOMEBODY, KEY = uuid4(), uuid4(), uuid4()
NOW = datetime(2026, 1, 1, tzinfo=UTC)

EVENTS = [
    events.OrganisationCreated(ORG, "acme", "Acme", SOMEBODY),
    *(events.MemberAdded(ORG, SOMEBODY, role) for role in Role),
    events.MemberRoleChanged(ORG, SOMEBODY, Role.ADMIN),
    events.MemberRemoved(ORG, SOMEBODY),
    events.ApiKeyCreated(ORG, KEY, "ci", ("prompts:read",), NOW),
    events.ApiKeyRevoked(ORG, KEY),
    events.ApiKeyRotated(ORG, KEY, SOMEBODY, NOW),
    events.OrganisationUpdated(ORG, "Acme"),
    events.OwnershipTransferred(ORG, SOMEBODY, KEY),
    events.InvitationCreated(ORG, KEY, "ada@example.org", Role.MEMBER),
    events.InvitationRevoked(ORG, KEY),
    events.InvitationAccepted(ORG, KEY, SOMEBODY),
    events.TeamCreated(ORG, KEY, "red", "Red"),
    events.TeamUpdated(ORG, KEY, "Red", "they"),
    events.TeamDeleted(ORG, KEY),
    events.TeamMemberAdded(ORG, KEY, SOMEBODY),
    events.TeamMemberRemoved(ORG, KEY, SOMEBODY),
    events.ServiceAccountCreated(ORG, KEY, "ci", Role.MEMBER),
    events.ServiceAccountUpdated(ORG, KEY, "ci", Role.VIEWER),
    events.ServiceAccountDeleted(ORG, KEY),
    events.UserSignedUp(SOMEBODY),
    events.EmailVerified(SOMEBODY),
    events.IdentityLinked(SOMEBODY, "acme"),
    events.PasswordChanged(SOMEBODY),
    events.SecondFactorChanged(SOMEBODY, enabled=True),
    *(events.SignInFailed(SOMEBODY, reason) for reason in events.FailureReason),
    events.UserDeactivated(SOMEBODY),
    events.SessionOpened(SOMEBODY, KEY, "password"),
    *(events.SessionRevoked(SOMEBODY, KEY, reason) for reason in events.RevocationReason),
]


def test_every_message_of_the_topic_is_made_of_some_event():
    assert {message_of(event).DESCRIPTOR.full_name for event in EVENTS} == set(AUTH_EVENTS.messages)


def test_a_message_carries_the_event():
    added = message_of(events.MemberAdded(ORG, SOMEBODY, Role.VIEWER))
    assert added == events_pb2.MemberAdded(
        organisation_id=str(ORG), user_id=str(SOMEBODY), role=organisations_pb2.ROLE_VIEWER
    )
    created = message_of(events.ApiKeyCreated(ORG, KEY, "ci", ("prompts:read",), NOW))
    assert created.expires_at.ToDatetime(UTC) == NOW
    assert not message_of(events.ApiKeyCreated(ORG, KEY, "ci", (), None)).HasField("expires_at")
    rotated = message_of(events.ApiKeyRotated(ORG, KEY, SOMEBODY, NOW))
    assert (rotated.api_key_id, rotated.replaced_by) == (str(KEY), str(SOMEBODY))


def test_an_event_of_a_person_is_of_no_organisation():
    revoked = events.SessionRevoked(SOMEBODY, KEY, events.RevocationReason.PASSWORD_RESET)
    assert revoked.org_id == SOMEBODY
    assert message_of(revoked) == events_pb2.SessionRevoked(
        session_id=str(KEY), user_id=str(SOMEBODY), reason="password_reset"
    )
