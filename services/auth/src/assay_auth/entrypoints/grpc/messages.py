"""Between the contract's messages and the domain's words."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from assay.auth.v1 import (
    accounts_pb2,
    api_keys_pb2,
    invitations_pb2,
    organisations_pb2,
    service_accounts_pb2,
    sessions_pb2,
    teams_pb2,
)
from assay_auth.application.accounts.own_account import Account
from assay_auth.application.pages import Page, PageRequest, T
from assay_auth.application.sessions.session import Session
from assay_auth.application.sessions.who_am_i import Identity
from assay_auth.domain.access import AccessToken
from assay_auth.domain.api_keys import ApiKey
from assay_auth.domain.invitations import Invitation, InvitationStatus
from assay_auth.domain.members import Member
from assay_auth.domain.organisations import Organisation
from assay_auth.domain.roles import Role
from assay_auth.domain.service_accounts import ServiceAccount
from assay_auth.domain.sessions import OpenedSession
from assay_auth.domain.teams import Team
from assay_auth.domain.text import parsed_id
from assay_common.errors import InvalidArgument, Violation
from assay_common.postgres.pages import decode_cursor, encode_cursor, malformed_cursor, page_size

_TO_PROTO: Final = {
    Role.OWNER: organisations_pb2.ROLE_OWNER,
    Role.ADMIN: organisations_pb2.ROLE_ADMIN,
    Role.MEMBER: organisations_pb2.ROLE_MEMBER,
    Role.VIEWER: organisations_pb2.ROLE_VIEWER,
}
_FROM_PROTO: Final = {number: role for role, number in _TO_PROTO.items()}
_STATUS_TO_PROTO: Final = {
    InvitationStatus.OPEN: invitations_pb2.INVITATION_STATUS_OPEN,
    InvitationStatus.ACCEPTED: invitations_pb2.INVITATION_STATUS_ACCEPTED,
    InvitationStatus.REVOKED: invitations_pb2.INVITATION_STATUS_REVOKED,
    InvitationStatus.EXPIRED: invitations_pb2.INVITATION_STATUS_EXPIRED,
}
_STATUS_FROM_PROTO: Final = {number: status for status, number in _STATUS_TO_PROTO.items()}
_AFTER: Final = "after"


def role_from(number: organisations_pb2.Role.ValueType) -> Role:
    """The role that a request names; raises InvalidArgument when it names none that is known."""
    role = _FROM_PROTO.get(number)
    if role is None:
        raise InvalidArgument("the request is not valid: role", Violation("role", "is required"))
    return role


def role_wanted(number: organisations_pb2.Role.ValueType) -> Role | None:
    """The role that a change names, None where it names none; raises InvalidArgument when it is not known."""
    return role_from(number) if number else None


def status_wanted(number: invitations_pb2.InvitationStatus.ValueType) -> InvitationStatus | None:
    """The status that a filter names, None where it names none; raises InvalidArgument when it is not known."""
    if not number:
        return None
    status = _STATUS_FROM_PROTO.get(number)
    if status is None:
        raise InvalidArgument("the request is not valid: status", Violation("status", "is not a status"))
    return status


def page_request(size: int, token: str) -> PageRequest:
    """The page that a request asks for; raises PageSizeOutOfRange, MalformedCursor (InvalidArgument)."""
    if not token:
        return PageRequest(page_size(size))
    after = parsed_id(decode_cursor(token).get(_AFTER, ""))
    if after is None:
        raise malformed_cursor()
    return PageRequest(page_size(size), after)


def next_page_token(page: Page[T]) -> str:
    """The cursor of the page behind this one; empty at the end of the list."""
    return encode_cursor({_AFTER: str(page.next_after)}) if page.next_after else ""


def timestamp(moment: datetime | None) -> Timestamp | None:
    """The moment as protobuf writes it."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def moment_from(field: str, stamp: Timestamp) -> datetime:
    """The moment that a request names, in UTC; raises InvalidArgument when it lies outside the years 1 to 9999."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"the request is not valid: {field}", Violation(field, "is not a moment")) from error


def access_token_message(access: AccessToken) -> sessions_pb2.AccessToken:
    """An access token; no organisation is an empty id."""
    return sessions_pb2.AccessToken(
        access_token=access.token,
        expires_at=timestamp(access.expires_at),
        organisation_id=str(access.org_id) if access.org_id else "",
    )


def tokens_message(session: Session) -> sessions_pb2.Tokens:
    """A session's pair of tokens."""
    return sessions_pb2.Tokens(
        access=access_token_message(session.access),
        refresh_token=session.refresh_token,
        refresh_expires_at=timestamp(session.refresh_expires_at),
    )


def identity_message(identity: Identity) -> sessions_pb2.Identity:
    """Who the caller is."""
    caller = identity.caller
    return sessions_pb2.Identity(
        subject=str(caller.subject),
        kind=caller.kind,
        email=identity.email,
        name=identity.name,
        organisation=organisation_message(identity.organisation) if identity.organisation else None,
        permissions=sorted(caller.permissions),
        role=_TO_PROTO[Role(caller.role)] if caller.role else organisations_pb2.ROLE_UNSPECIFIED,
        session_id=str(caller.session_id) if caller.session_id else "",
    )


def session_message(session: OpenedSession, current: UUID | None) -> sessions_pb2.Session:
    """An open session, as its owner sees it from the session `current`."""
    return sessions_pb2.Session(
        id=str(session.id),
        method=session.method,
        user_agent=session.user_agent,
        address=session.address,
        organisation_id=str(session.org_id) if session.org_id else "",
        created_at=timestamp(session.created_at),
        last_used_at=timestamp(session.last_used_at),
        expires_at=timestamp(session.expires_at),
        current=session.id == current,
    )


def account_message(account: Account) -> accounts_pb2.Account:
    """A person as they see themselves."""
    known = account.credentials
    return accounts_pb2.Account(
        id=str(known.user.id),
        email=known.user.email,
        name=known.user.name,
        email_verified=known.is_verified,
        second_factor=account.second_factor,
        has_password=known.password_hash is not None,
        recovery_codes=account.recovery_codes,
        created_at=timestamp(known.user.created_at),
        etag=known.etag,
    )


def organisation_message(organisation: Organisation) -> organisations_pb2.Organisation:
    """A tenant."""
    return organisations_pb2.Organisation(
        id=str(organisation.id),
        slug=organisation.slug,
        name=organisation.name,
        created_at=timestamp(organisation.created_at),
        etag=organisation.etag,
    )


def member_message(member: Member) -> organisations_pb2.Member:
    """A person in an organisation."""
    return organisations_pb2.Member(
        user_id=str(member.user_id),
        email=member.email,
        name=member.name,
        role=_TO_PROTO[member.role],
        joined_at=timestamp(member.joined_at),
        etag=member.etag,
    )


def api_key_message(key: ApiKey) -> api_keys_pb2.ApiKey:
    """What may be shown of a key."""
    return api_keys_pb2.ApiKey(
        id=str(key.id),
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        created_at=timestamp(key.created_at),
        expires_at=timestamp(key.expires_at),
        revoked_at=timestamp(key.revoked_at),
        created_by=str(key.created_by),
        prompts=key.limits.prompts,
        repositories=key.limits.repositories,
        service_account_id=str(key.owner.id) if key.owner.is_service_account else "",
        last_used_at=timestamp(key.last_used_at),
        rotated_from=str(key.rotated_from) if key.rotated_from else "",
    )


def invitation_message(invitation: Invitation, now: datetime) -> invitations_pb2.Invitation:
    """An invitation, as it stands now."""
    return invitations_pb2.Invitation(
        id=str(invitation.id),
        email=invitation.email,
        role=_TO_PROTO[invitation.role],
        teams=map(str, invitation.teams),
        status=_STATUS_TO_PROTO[invitation.status(now)],
        invited_by=str(invitation.invited_by),
        created_at=timestamp(invitation.created_at),
        expires_at=timestamp(invitation.expires_at),
    )


def offer_message(invitation: Invitation, organisation: Organisation) -> invitations_pb2.InvitationOffer:
    """What whoever holds an invitation's link may know."""
    return invitations_pb2.InvitationOffer(
        organisation_name=organisation.name,
        organisation_slug=organisation.slug,
        email=invitation.email,
        role=_TO_PROTO[invitation.role],
        expires_at=timestamp(invitation.expires_at),
    )


def team_message(team: Team) -> teams_pb2.Team:
    """A group of members."""
    return teams_pb2.Team(
        id=str(team.id),
        slug=team.slug,
        name=team.name,
        description=team.description,
        member_count=team.member_count,
        created_at=timestamp(team.created_at),
        etag=team.etag,
    )


def service_account_message(account: ServiceAccount) -> service_accounts_pb2.ServiceAccount:
    """A machine."""
    return service_accounts_pb2.ServiceAccount(
        id=str(account.id),
        name=account.name,
        description=account.description,
        role=_TO_PROTO[account.role],
        created_by=str(account.created_by),
        created_at=timestamp(account.created_at),
        etag=account.etag,
    )
