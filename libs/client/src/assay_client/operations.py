"""Every operation of the API. Made from the OpenAPI document by `make client`: do not edit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from assay_client.call import Call, Content
from assay_client.models import (
    Accepted,
    Account,
    AccountAddress,
    AccountChange,
    ApiKey,
    ApiKeyPage,
    AuditEntry,
    AuditEntryPage,
    AuditRun,
    AuditRunPage,
    Comparison,
    CreatedApiKey,
    Dataset,
    DatasetChange,
    DatasetItem,
    DatasetItemPage,
    DatasetPage,
    Deactivation,
    DeviceApproval,
    DeviceRequest,
    EmailLink,
    EventCountList,
    Finding,
    FindingPage,
    GateDecision,
    GateQuestion,
    GraphQLAnswer,
    GraphQLRequest,
    HistoryEntry,
    HistoryPage,
    Identity,
    ImportReport,
    Invitation,
    InvitationLink,
    InvitationOffer,
    InvitationPage,
    ItemResult,
    ItemResultPage,
    Jwks,
    KeyRotation,
    Label,
    Member,
    MemberPage,
    ModelPage,
    NewApiKey,
    NewAudit,
    NewComparison,
    NewDataset,
    NewInvitation,
    NewLabel,
    NewMember,
    NewOrganisation,
    NewOwner,
    NewPrompt,
    NewRepository,
    NewRole,
    NewRun,
    NewServiceAccount,
    NewTeam,
    NewVersion,
    OpenedSession,
    Organisation,
    OrganisationChange,
    OrganisationPage,
    PasswordChange,
    PasswordReset,
    Prompt,
    PromptChange,
    PromptPage,
    ProviderList,
    RecoveryCodes,
    Refresh,
    Rendered,
    RenderRequest,
    Repository,
    RepositoryChange,
    RepositoryPage,
    Revoke,
    Run,
    RunPage,
    SecondFactorProof,
    ServiceAccount,
    ServiceAccountChange,
    ServiceAccountPage,
    Session,
    SessionPage,
    SignIn,
    SignUp,
    Summary,
    Team,
    TeamChange,
    TeamPage,
    TotpConfirmation,
    TotpEnrolment,
    TrailVerification,
    UploadedBundle,
    UsageList,
    Version,
    VersionPage,
)
from assay_client.resource import Resource


class AccountsResource(Resource):
    """Operations on accounts."""

    def sign_up(self, body: SignUp, *, idempotency_key: str | None = None) -> Accepted:
        """Create a person, who gets a link that verifies the address. For a known address that person is told."""
        return self._json(Call("POST", "/v1/accounts", body=body, idempotency_key=idempotency_key, signed=False))

    def verify_email(self, body: EmailLink, *, idempotency_key: str | None = None) -> None:
        """Spend a verifying link: the address is the person's from then on."""
        self._nothing(
            Call("POST", "/v1/accounts/verification", body=body, idempotency_key=idempotency_key, signed=False)
        )

    def resend_verification(self, body: AccountAddress, *, idempotency_key: str | None = None) -> Accepted:
        """Send the verifying link again."""
        return self._json(
            Call("POST", "/v1/accounts/verification/resend", body=body, idempotency_key=idempotency_key, signed=False)
        )

    def request_password_reset(self, body: AccountAddress, *, idempotency_key: str | None = None) -> Accepted:
        """Send a link that lets its holder choose a new password."""
        return self._json(
            Call("POST", "/v1/accounts/password-reset", body=body, idempotency_key=idempotency_key, signed=False)
        )

    def reset_password(self, body: PasswordReset, *, idempotency_key: str | None = None) -> None:
        """Spend such a link; every session of the person ends."""
        self._nothing(
            Call(
                "POST", "/v1/accounts/password-reset/confirm", body=body, idempotency_key=idempotency_key, signed=False
            )
        )


class AccountResource(Resource):
    """Operations on account."""

    def get_account(self) -> Account:
        """The caller's own account."""
        return self._json(Call("GET", "/v1/me/account"))

    def update_account(self, body: AccountChange, *, etag: str | None = None) -> Account:
        """Change the caller's name."""
        return self._json(Call("PATCH", "/v1/me/account", body=body, etag=etag))

    def deactivate_account(self, body: Deactivation, *, idempotency_key: str | None = None) -> None:
        """Deactivate the caller's account for good: sessions and memberships end. The last owner of any of them cannot."""
        self._nothing(Call("POST", "/v1/me/account/deactivate", body=body, idempotency_key=idempotency_key))

    def change_password(self, body: PasswordChange, *, idempotency_key: str | None = None) -> None:
        """Change the caller's password; every other session of theirs ends."""
        self._nothing(Call("POST", "/v1/me/password", body=body, idempotency_key=idempotency_key))

    def enrol_totp(self, *, idempotency_key: str | None = None) -> TotpEnrolment:
        """Begin to set the second factor up; it counts once a code confirmed it."""
        return self._json(Call("POST", "/v1/me/totp", idempotency_key=idempotency_key))

    def confirm_totp(self, body: TotpConfirmation, *, idempotency_key: str | None = None) -> RecoveryCodes:
        """Turn the second factor on; the recovery codes are in this answer and nowhere else."""
        return self._json(Call("POST", "/v1/me/totp/confirm", body=body, idempotency_key=idempotency_key))

    def disable_totp(self, body: SecondFactorProof, *, idempotency_key: str | None = None) -> None:
        """Turn the second factor off."""
        self._nothing(Call("POST", "/v1/me/totp/disable", body=body, idempotency_key=idempotency_key))

    def replace_recovery_codes(self, body: SecondFactorProof, *, idempotency_key: str | None = None) -> RecoveryCodes:
        """Replace the recovery codes by new ones, which are in this answer and nowhere else."""
        return self._json(Call("POST", "/v1/me/recovery-codes", body=body, idempotency_key=idempotency_key))


class SessionsResource(Resource):
    """Operations on sessions."""

    def list_sessions(self, *, limit: int | None = None, cursor: str | None = None) -> SessionPage:
        """The caller's open sessions, newest first."""
        return self._json(Call("GET", "/v1/sessions", query={"limit": limit, "cursor": cursor}))

    def iterate_sessions(self, *, limit: int | None = None) -> Iterator[Session]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/sessions"), limit)

    def sign_in(self, body: SignIn, *, idempotency_key: str | None = None) -> OpenedSession:
        """Open a session with an e-mail address and a password, and a code for who has a second factor."""
        return self._json(Call("POST", "/v1/sessions", body=body, idempotency_key=idempotency_key, signed=False))

    def close_other_sessions(self) -> None:
        """Close all of the caller's sessions but the current one."""
        self._nothing(Call("DELETE", "/v1/sessions"))

    def refresh_session(self, body: Refresh, *, idempotency_key: str | None = None) -> OpenedSession:
        """Exchange a refresh token for new tokens; each works once, and using one twice closes the session."""
        return self._json(
            Call("POST", "/v1/sessions/refresh", body=body, idempotency_key=idempotency_key, signed=False)
        )

    def revoke_session(self, body: Revoke, *, idempotency_key: str | None = None) -> None:
        """Close a session by its refresh token."""
        self._nothing(Call("POST", "/v1/sessions/revoke", body=body, idempotency_key=idempotency_key, signed=False))

    def close_session(self, session_id: str) -> None:
        """Close one of the caller's sessions."""
        self._nothing(Call("DELETE", "/v1/sessions/{}", names=(session_id,)))

    def get_me(self) -> Identity:
        """Who the caller is, in which organisation, with which permissions."""
        return self._json(Call("GET", "/v1/me"))

    def get_jwks(self) -> Jwks:
        """The public keys that verify access tokens (RFC 7517)."""
        return self._json(Call("GET", "/.well-known/jwks.json", signed=False))


class SingleSignOnResource(Resource):
    """Operations on single sign-on."""

    def list_sign_on_providers(self) -> ProviderList:
        """The identity providers to choose from."""
        return self._json(Call("GET", "/v1/sso/providers", signed=False))


class DevicesResource(Resource):
    """Operations on devices."""

    def describe_device(self, user_code: str) -> DeviceRequest:
        """What a user code stands for, to be looked at before it is approved."""
        return self._json(Call("GET", "/v1/device/{}", names=(user_code,)))

    def approve_device(
        self, user_code: str, body: DeviceApproval | None = None, *, idempotency_key: str | None = None
    ) -> None:
        """Let the device act for the caller. Only a person can."""
        self._nothing(
            Call("POST", "/v1/device/{}/approve", names=(user_code,), body=body, idempotency_key=idempotency_key)
        )

    def deny_device(self, user_code: str, *, idempotency_key: str | None = None) -> None:
        """Refuse the device."""
        self._nothing(Call("POST", "/v1/device/{}/deny", names=(user_code,), idempotency_key=idempotency_key))


class OrganisationsResource(Resource):
    """Operations on organisations."""

    def list_organisations(self, *, limit: int | None = None, cursor: str | None = None) -> OrganisationPage:
        """The organisations that the caller is a member of."""
        return self._json(Call("GET", "/v1/organisations", query={"limit": limit, "cursor": cursor}))

    def iterate_organisations(self, *, limit: int | None = None) -> Iterator[Organisation]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/organisations"), limit)

    def create_organisation(self, body: NewOrganisation, *, idempotency_key: str | None = None) -> Organisation:
        """Create an organisation; the caller becomes its owner."""
        return self._json(Call("POST", "/v1/organisations", body=body, idempotency_key=idempotency_key))

    def get_organisation(self, organisation_id: str) -> Organisation:
        """The organisation that the token names."""
        return self._json(Call("GET", "/v1/organisations/{}", names=(organisation_id,)))

    def update_organisation(
        self, organisation_id: str, body: OrganisationChange, *, etag: str | None = None
    ) -> Organisation:
        """Change the name of the organisation that the token names."""
        return self._json(Call("PATCH", "/v1/organisations/{}", names=(organisation_id,), body=body, etag=etag))

    def transfer_ownership(self, organisation_id: str, body: NewOwner, *, idempotency_key: str | None = None) -> Member:
        """Make a member an owner and the caller an administrator. Only an owner can."""
        return self._json(
            Call(
                "POST",
                "/v1/organisations/{}/transfer",
                names=(organisation_id,),
                body=body,
                idempotency_key=idempotency_key,
            )
        )

    def leave_organisation(self, organisation_id: str, *, idempotency_key: str | None = None) -> None:
        """Leave the organisation that the token names; the last owner cannot."""
        self._nothing(
            Call("POST", "/v1/organisations/{}/leave", names=(organisation_id,), idempotency_key=idempotency_key)
        )


class MembersResource(Resource):
    """Operations on members."""

    def list_members(self, *, limit: int | None = None, cursor: str | None = None) -> MemberPage:
        """The members of the organisation."""
        return self._json(Call("GET", "/v1/members", query={"limit": limit, "cursor": cursor}))

    def iterate_members(self, *, limit: int | None = None) -> Iterator[Member]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/members"), limit)

    def add_member(self, body: NewMember, *, idempotency_key: str | None = None) -> Member:
        """Add a person; one whom nobody knew before is created with the password given."""
        return self._json(Call("POST", "/v1/members", body=body, idempotency_key=idempotency_key))

    def get_member(self, user_id: str) -> Member:
        """One member."""
        return self._json(Call("GET", "/v1/members/{}", names=(user_id,)))

    def change_role(self, user_id: str, body: NewRole, *, etag: str | None = None) -> Member:
        """Give a member another role; the last owner keeps theirs."""
        return self._json(Call("PATCH", "/v1/members/{}", names=(user_id,), body=body, etag=etag))

    def remove_member(self, user_id: str, *, etag: str | None = None) -> None:
        """Remove a member; the last owner stays."""
        self._nothing(Call("DELETE", "/v1/members/{}", names=(user_id,), etag=etag))


class InvitationsResource(Resource):
    """Operations on invitations."""

    def list_invitations(
        self,
        *,
        status: Literal["open", "accepted", "revoked", "expired"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> InvitationPage:
        """The organisation's invitations, newest first."""
        return self._json(Call("GET", "/v1/invitations", query={"status": status, "limit": limit, "cursor": cursor}))

    def iterate_invitations(
        self, *, status: Literal["open", "accepted", "revoked", "expired"] | None = None, limit: int | None = None
    ) -> Iterator[Invitation]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/invitations", query={"status": status}), limit)

    def create_invitation(self, body: NewInvitation, *, idempotency_key: str | None = None) -> Invitation:
        """Invite an address by e-mail; an open invitation of the same address is replaced."""
        return self._json(Call("POST", "/v1/invitations", body=body, idempotency_key=idempotency_key))

    def revoke_invitation(self, invitation_id: str) -> None:
        """Take an open invitation back."""
        self._nothing(Call("DELETE", "/v1/invitations/{}", names=(invitation_id,)))

    def accept_invitation(self, body: InvitationLink, *, idempotency_key: str | None = None) -> Member:
        """Join the organisation. The caller's address must be the invited one."""
        return self._json(Call("POST", "/v1/invitations/accept", body=body, idempotency_key=idempotency_key))

    def describe_invitation(self, body: InvitationLink, *, idempotency_key: str | None = None) -> InvitationOffer:
        """What a link stands for, for somebody who may have no account yet."""
        return self._json(
            Call("POST", "/v1/invitations/describe", body=body, idempotency_key=idempotency_key, signed=False)
        )


class TeamsResource(Resource):
    """Operations on teams."""

    def list_teams(self, *, limit: int | None = None, cursor: str | None = None) -> TeamPage:
        """The organisation's teams."""
        return self._json(Call("GET", "/v1/teams", query={"limit": limit, "cursor": cursor}))

    def iterate_teams(self, *, limit: int | None = None) -> Iterator[Team]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/teams"), limit)

    def create_team(self, body: NewTeam, *, idempotency_key: str | None = None) -> Team:
        """Create a team without members."""
        return self._json(Call("POST", "/v1/teams", body=body, idempotency_key=idempotency_key))

    def get_team(self, team: str) -> Team:
        """One team, by id or slug."""
        return self._json(Call("GET", "/v1/teams/{}", names=(team,)))

    def update_team(self, team: str, body: TeamChange, *, etag: str | None = None) -> Team:
        """Change a team's name or description."""
        return self._json(Call("PATCH", "/v1/teams/{}", names=(team,), body=body, etag=etag))

    def delete_team(self, team: str, *, etag: str | None = None) -> None:
        """Delete a team; its members stay in the organisation."""
        self._nothing(Call("DELETE", "/v1/teams/{}", names=(team,), etag=etag))

    def list_team_members(self, team: str, *, limit: int | None = None, cursor: str | None = None) -> MemberPage:
        """The members of a team."""
        return self._json(Call("GET", "/v1/teams/{}/members", names=(team,), query={"limit": limit, "cursor": cursor}))

    def iterate_team_members(self, team: str, *, limit: int | None = None) -> Iterator[Member]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/teams/{}/members", names=(team,)), limit)

    def add_team_member(self, team: str, user_id: str) -> Member:
        """Put a member of the organisation into the team; one who is in it stays in it."""
        return self._json(
            Call(
                "PUT",
                "/v1/teams/{}/members/{}",
                names=(
                    team,
                    user_id,
                ),
            )
        )

    def remove_team_member(self, team: str, user_id: str) -> None:
        """Take a member out of the team."""
        self._nothing(
            Call(
                "DELETE",
                "/v1/teams/{}/members/{}",
                names=(
                    team,
                    user_id,
                ),
            )
        )


class ApiKeysResource(Resource):
    """Operations on api keys."""

    def list_api_keys(
        self, *, service_account_id: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> ApiKeyPage:
        """The organisation's keys, without their secrets."""
        return self._json(
            Call(
                "GET",
                "/v1/api-keys",
                query={"service_account_id": service_account_id, "limit": limit, "cursor": cursor},
            )
        )

    def iterate_api_keys(self, *, service_account_id: str | None = None, limit: int | None = None) -> Iterator[ApiKey]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/api-keys", query={"service_account_id": service_account_id}), limit)

    def create_api_key(self, body: NewApiKey, *, idempotency_key: str | None = None) -> CreatedApiKey:
        """Create a key. Its secret is in this answer and nowhere else."""
        return self._json(Call("POST", "/v1/api-keys", body=body, idempotency_key=idempotency_key))

    def rotate_api_key(
        self, api_key_id: str, body: KeyRotation | None = None, *, idempotency_key: str | None = None
    ) -> CreatedApiKey:
        """Draw a new secret for the same rights; the old one works on for the overlap."""
        return self._json(
            Call("POST", "/v1/api-keys/{}/rotate", names=(api_key_id,), body=body, idempotency_key=idempotency_key)
        )

    def revoke_api_key(self, api_key_id: str) -> None:
        """Revoke a key for good."""
        self._nothing(Call("DELETE", "/v1/api-keys/{}", names=(api_key_id,)))


class ServiceAccountsResource(Resource):
    """Operations on service accounts."""

    def list_service_accounts(self, *, limit: int | None = None, cursor: str | None = None) -> ServiceAccountPage:
        """The organisation's service accounts."""
        return self._json(Call("GET", "/v1/service-accounts", query={"limit": limit, "cursor": cursor}))

    def iterate_service_accounts(self, *, limit: int | None = None) -> Iterator[ServiceAccount]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/service-accounts"), limit)

    def create_service_account(self, body: NewServiceAccount, *, idempotency_key: str | None = None) -> ServiceAccount:
        """Create a service account; nobody makes one that may do more than themselves."""
        return self._json(Call("POST", "/v1/service-accounts", body=body, idempotency_key=idempotency_key))

    def get_service_account(self, service_account_id: str) -> ServiceAccount:
        """One service account."""
        return self._json(Call("GET", "/v1/service-accounts/{}", names=(service_account_id,)))

    def update_service_account(
        self, service_account_id: str, body: ServiceAccountChange, *, etag: str | None = None
    ) -> ServiceAccount:
        """Change a service account's name, description or role."""
        return self._json(Call("PATCH", "/v1/service-accounts/{}", names=(service_account_id,), body=body, etag=etag))

    def delete_service_account(self, service_account_id: str, *, etag: str | None = None) -> None:
        """Delete a service account; its keys stop working."""
        self._nothing(Call("DELETE", "/v1/service-accounts/{}", names=(service_account_id,), etag=etag))


class AuditTrailResource(Resource):
    """Operations on audit trail."""

    def list_audit_trail(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> AuditEntryPage:
        """Who did what to what, from where: newest first."""
        return self._json(
            Call(
                "GET",
                "/v1/audit-trail",
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "actor": actor,
                    "action": action,
                    "target": target,
                    "from": from_,
                    "to": to,
                },
            )
        )

    def iterate_audit_trail(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        from_: str | None = None,
        to: str | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """The items of every page, or the first `limit` of them."""
        return self._items(
            Call(
                "GET",
                "/v1/audit-trail",
                query={"actor": actor, "action": action, "target": target, "from": from_, "to": to},
            ),
            limit,
        )

    def export_audit_trail(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> Iterator[bytes]:
        """All entries that the filter lets through as JSON lines, oldest first."""
        return self._pieces(
            Call(
                "GET",
                "/v1/audit-trail/export",
                query={"actor": actor, "action": action, "target": target, "from": from_, "to": to},
            )
        )

    def verify_audit_trail(self) -> TrailVerification:
        """Compute the chain of hashes anew and find the first entry that was changed or is missing."""
        return self._json(Call("GET", "/v1/audit-trail/verification"))


class PromptsResource(Resource):
    """Operations on prompts."""

    def list_prompts(
        self, *, name_prefix: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> PromptPage:
        """The organisation's prompts, newest first."""
        return self._json(
            Call("GET", "/v1/prompts", query={"name_prefix": name_prefix, "limit": limit, "cursor": cursor})
        )

    def iterate_prompts(self, *, name_prefix: str | None = None, limit: int | None = None) -> Iterator[Prompt]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/prompts", query={"name_prefix": name_prefix}), limit)

    def create_prompt(self, body: NewPrompt, *, idempotency_key: str | None = None) -> Prompt:
        """Create a prompt without versions."""
        return self._json(Call("POST", "/v1/prompts", body=body, idempotency_key=idempotency_key))

    def get_prompt(self, prompt: str) -> Prompt:
        """One prompt, by id or name."""
        return self._json(Call("GET", "/v1/prompts/{}", names=(prompt,)))

    def update_prompt(self, prompt: str, body: PromptChange, *, etag: str | None = None) -> Prompt:
        """Change a prompt's description or who may see it."""
        return self._json(Call("PATCH", "/v1/prompts/{}", names=(prompt,), body=body, etag=etag))

    def list_versions(self, prompt: str, *, limit: int | None = None, cursor: str | None = None) -> VersionPage:
        """The versions of a prompt, newest first."""
        return self._json(
            Call("GET", "/v1/prompts/{}/versions", names=(prompt,), query={"limit": limit, "cursor": cursor})
        )

    def iterate_versions(self, prompt: str, *, limit: int | None = None) -> Iterator[Version]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/prompts/{}/versions", names=(prompt,)), limit)

    def publish_version(self, prompt: str, body: NewVersion, *, idempotency_key: str | None = None) -> Version:
        """Append an immutable version; content equal to the newest version's is refused."""
        return self._json(
            Call("POST", "/v1/prompts/{}/versions", names=(prompt,), body=body, idempotency_key=idempotency_key)
        )

    def set_label(self, prompt: str, label: str, body: NewLabel, *, etag: str | None = None) -> Label:
        """Point a label at a version."""
        return self._json(
            Call(
                "PUT",
                "/v1/prompts/{}/labels/{}",
                names=(
                    prompt,
                    label,
                ),
                body=body,
                etag=etag,
            )
        )

    def remove_label(self, prompt: str, label: str, *, etag: str | None = None) -> None:
        """Take a label away."""
        self._nothing(
            Call(
                "DELETE",
                "/v1/prompts/{}/labels/{}",
                names=(
                    prompt,
                    label,
                ),
                etag=etag,
            )
        )

    def resolve_prompt(self, prompt: str, *, label: str | None = None, version: int | None = None) -> Version:
        """The version that a label, a number or nothing (the newest) stands for: the read for programs that use prompts.

        Answered from the gateway's memory, which follows every change of the prompt.
        """
        return self._json(
            Call("GET", "/v1/prompts/{}/resolve", names=(prompt,), query={"label": label, "version": version})
        )

    def render_prompt(self, prompt: str, body: RenderRequest, *, idempotency_key: str | None = None) -> Rendered:
        """Fill a version's variables in; a missing one is a problem that names it (MISSING_VARIABLES)."""
        return self._json(
            Call("POST", "/v1/prompts/{}/render", names=(prompt,), body=body, idempotency_key=idempotency_key)
        )

    def list_history(self, prompt: str, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
        """What happened to a prompt, oldest first."""
        return self._json(
            Call("GET", "/v1/prompts/{}/history", names=(prompt,), query={"limit": limit, "cursor": cursor})
        )

    def iterate_history(self, prompt: str, *, limit: int | None = None) -> Iterator[HistoryEntry]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/prompts/{}/history", names=(prompt,)), limit)


class DatasetsResource(Resource):
    """Operations on datasets."""

    def list_datasets(self, *, limit: int | None = None, cursor: str | None = None) -> DatasetPage:
        """The organisation's datasets, newest first."""
        return self._json(Call("GET", "/v1/datasets", query={"limit": limit, "cursor": cursor}))

    def iterate_datasets(self, *, limit: int | None = None) -> Iterator[Dataset]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/datasets"), limit)

    def create_dataset(self, body: NewDataset, *, idempotency_key: str | None = None) -> Dataset:
        """Create an empty dataset."""
        return self._json(Call("POST", "/v1/datasets", body=body, idempotency_key=idempotency_key))

    def get_dataset(self, dataset: str) -> Dataset:
        """One dataset, by id or name."""
        return self._json(Call("GET", "/v1/datasets/{}", names=(dataset,)))

    def update_dataset(self, dataset: str, body: DatasetChange, *, etag: str | None = None) -> Dataset:
        """Change a dataset's description or who may see it."""
        return self._json(Call("PATCH", "/v1/datasets/{}", names=(dataset,), body=body, etag=etag))

    def list_items(
        self, dataset: str, *, version: int | None = None, limit: int | None = None, cursor: str | None = None
    ) -> DatasetItemPage:
        """The items of a version, in the file's order."""
        return self._json(
            Call(
                "GET",
                "/v1/datasets/{}/items",
                names=(dataset,),
                query={"version": version, "limit": limit, "cursor": cursor},
            )
        )

    def iterate_items(
        self, dataset: str, *, version: int | None = None, limit: int | None = None
    ) -> Iterator[DatasetItem]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/datasets/{}/items", names=(dataset,), query={"version": version}), limit)

    def import_items(
        self,
        dataset: str,
        content: Content,
        media_type: Literal["application/x-ndjson", "application/jsonl", "text/csv"],
        *,
        skip_invalid: bool | None = None,
        idempotency_key: str | None = None,
    ) -> ImportReport:
        """Read a file of at most 16 MiB into a new version: all of it, or nothing (INVALID_ROWS names the broken rows)."""
        return self._json(
            Call(
                "POST",
                "/v1/datasets/{}/items",
                names=(dataset,),
                query={"skip_invalid": skip_invalid},
                content=content,
                media_type=media_type,
                idempotency_key=idempotency_key,
            )
        )


class RunsResource(Resource):
    """Operations on runs."""

    def list_runs(self, *, prompt: str | None = None, limit: int | None = None, cursor: str | None = None) -> RunPage:
        """The organisation's runs, newest first."""
        return self._json(Call("GET", "/v1/runs", query={"prompt": prompt, "limit": limit, "cursor": cursor}))

    def iterate_runs(self, *, prompt: str | None = None, limit: int | None = None) -> Iterator[Run]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/runs", query={"prompt": prompt}), limit)

    def create_run(self, body: NewRun, *, idempotency_key: str | None = None) -> Run:
        """Cut the dataset into tasks and queue them."""
        return self._json(Call("POST", "/v1/runs", body=body, idempotency_key=idempotency_key))

    def get_run(self, run_id: str) -> Run:
        """One run with its progress."""
        return self._json(Call("GET", "/v1/runs/{}", names=(run_id,)))

    def cancel_run(self, run_id: str, *, idempotency_key: str | None = None) -> Run:
        """Stop a run: what is done stays. A finished run cannot be cancelled."""
        return self._json(Call("POST", "/v1/runs/{}/cancel", names=(run_id,), idempotency_key=idempotency_key))

    def list_results(self, run_id: str, *, limit: int | None = None, cursor: str | None = None) -> ItemResultPage:
        """The results of a run, in the dataset's order."""
        return self._json(Call("GET", "/v1/runs/{}/results", names=(run_id,), query={"limit": limit, "cursor": cursor}))

    def iterate_results(self, run_id: str, *, limit: int | None = None) -> Iterator[ItemResult]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/runs/{}/results", names=(run_id,)), limit)

    def list_models(self) -> ModelPage:
        """The models that runs can name."""
        return self._json(Call("GET", "/v1/models"))


class ComparisonsResource(Resource):
    """Operations on comparisons."""

    def create_comparison(self, body: NewComparison, *, idempotency_key: str | None = None) -> Comparison:
        """Compare two completed runs over the same dataset version, item by item."""
        return self._json(Call("POST", "/v1/comparisons", body=body, idempotency_key=idempotency_key))

    def get_comparison(self, comparison_id: str) -> Comparison:
        """One comparison."""
        return self._json(Call("GET", "/v1/comparisons/{}", names=(comparison_id,)))

    def decide_gate(
        self, comparison_id: str, body: GateQuestion, *, idempotency_key: str | None = None
    ) -> GateDecision:
        """Ask whether a label may move to the candidate's version; when allowed, it is moved. No is an answer too."""
        return self._json(
            Call("POST", "/v1/comparisons/{}/gate", names=(comparison_id,), body=body, idempotency_key=idempotency_key)
        )

    def get_gate_decision(self, decision_id: str) -> GateDecision:
        """One decision of a gate."""
        return self._json(Call("GET", "/v1/gate-decisions/{}", names=(decision_id,)))


class RepositoriesResource(Resource):
    """Operations on repositories."""

    def list_repositories(self, *, limit: int | None = None, cursor: str | None = None) -> RepositoryPage:
        """The organisation's repositories, newest first."""
        return self._json(Call("GET", "/v1/repositories", query={"limit": limit, "cursor": cursor}))

    def iterate_repositories(self, *, limit: int | None = None) -> Iterator[Repository]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/repositories"), limit)

    def create_repository(self, body: NewRepository, *, idempotency_key: str | None = None) -> Repository:
        """Register a repository, with an https URL to clone from or without one (bundles are uploaded then)."""
        return self._json(Call("POST", "/v1/repositories", body=body, idempotency_key=idempotency_key))

    def get_repository(self, repository: str) -> Repository:
        """One repository, by id or name."""
        return self._json(Call("GET", "/v1/repositories/{}", names=(repository,)))

    def update_repository(self, repository: str, body: RepositoryChange, *, etag: str | None = None) -> Repository:
        """Change the URL that a repository is cloned from."""
        return self._json(Call("PATCH", "/v1/repositories/{}", names=(repository,), body=body, etag=etag))

    def upload_bundle(
        self,
        repository: str,
        content: Content,
        media_type: Literal["application/x-git-bundle", "application/octet-stream"],
        *,
        commit: str | None = None,
        idempotency_key: str | None = None,
    ) -> UploadedBundle:
        """Upload a git bundle of at most 1 GiB; a corrupt one changes nothing."""
        return self._json(
            Call(
                "POST",
                "/v1/repositories/{}/bundles",
                names=(repository,),
                query={"commit": commit},
                content=content,
                media_type=media_type,
                idempotency_key=idempotency_key,
            )
        )


class AuditsResource(Resource):
    """Operations on audits."""

    def list_audits(
        self, *, repository: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> AuditRunPage:
        """The organisation's audit runs, newest first."""
        return self._json(Call("GET", "/v1/audits", query={"repository": repository, "limit": limit, "cursor": cursor}))

    def iterate_audits(self, *, repository: str | None = None, limit: int | None = None) -> Iterator[AuditRun]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/audits", query={"repository": repository}), limit)

    def start_audit(self, body: NewAudit, *, idempotency_key: str | None = None) -> AuditRun:
        """Queue an audit of a repository's commit."""
        return self._json(Call("POST", "/v1/audits", body=body, idempotency_key=idempotency_key))

    def get_audit(self, audit_id: str) -> AuditRun:
        """One audit run with its eight audits."""
        return self._json(Call("GET", "/v1/audits/{}", names=(audit_id,)))

    def list_findings(
        self,
        audit_id: str,
        *,
        kind: Literal["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"] | None = None,
        minimum_severity: Literal["note", "warning", "error"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> FindingPage:
        """Findings of an audit run, worst first."""
        return self._json(
            Call(
                "GET",
                "/v1/audits/{}/findings",
                names=(audit_id,),
                query={"kind": kind, "minimum_severity": minimum_severity, "limit": limit, "cursor": cursor},
            )
        )

    def iterate_findings(
        self,
        audit_id: str,
        *,
        kind: Literal["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"] | None = None,
        minimum_severity: Literal["note", "warning", "error"] | None = None,
        limit: int | None = None,
    ) -> Iterator[Finding]:
        """The items of every page, or the first `limit` of them."""
        return self._items(
            Call(
                "GET",
                "/v1/audits/{}/findings",
                names=(audit_id,),
                query={"kind": kind, "minimum_severity": minimum_severity},
            ),
            limit,
        )

    def export_sarif(self, audit_id: str) -> bytes:
        """All findings of an audit run as SARIF 2.1.0, for code scanning tools and editors."""
        return self._bytes(Call("GET", "/v1/audits/{}/sarif", names=(audit_id,)))


class AnalyticsResource(Resource):
    """Operations on analytics."""

    def get_summary(self, *, from_: str | None = None, to: str | None = None) -> Summary:
        """The organisation's totals in a span of time."""
        return self._json(Call("GET", "/v1/analytics/summary", query={"from": from_, "to": to}))

    def list_usage(
        self, *, from_: str | None = None, to: str | None = None, granularity: Literal["hour", "day"] | None = None
    ) -> UsageList:
        """The organisation's usage per hour or day, oldest first."""
        return self._json(
            Call("GET", "/v1/analytics/usage", query={"from": from_, "to": to, "granularity": granularity})
        )

    def list_event_counts(self, *, from_: str | None = None, to: str | None = None) -> EventCountList:
        """How many events of each type were counted."""
        return self._json(Call("GET", "/v1/analytics/events", query={"from": from_, "to": to}))


class GraphQLResource(Resource):
    """Operations on graphql."""

    def query_graph(self, body: GraphQLRequest, *, idempotency_key: str | None = None) -> GraphQLAnswer:
        """Read prompts, datasets, runs, comparisons, repositories, audits and members in one request.

        The schema is told by introspection. Lists take `first` (up to 200) and `after`. A query costs a point for each
        field, times the length of the lists around it: 10,000 points are the most, and each 200 count as one more request.
        Errors of parts leave the others whole.
        """
        return self._json(Call("POST", "/graphql", body=body, idempotency_key=idempotency_key))


class Operations(Resource):
    """All operations, by what they are about."""

    @property
    def accounts(self) -> AccountsResource:
        """Operations on accounts."""
        return AccountsResource(self._transport)

    @property
    def account(self) -> AccountResource:
        """Operations on account."""
        return AccountResource(self._transport)

    @property
    def sessions(self) -> SessionsResource:
        """Operations on sessions."""
        return SessionsResource(self._transport)

    @property
    def single_sign_on(self) -> SingleSignOnResource:
        """Operations on single sign-on."""
        return SingleSignOnResource(self._transport)

    @property
    def devices(self) -> DevicesResource:
        """Operations on devices."""
        return DevicesResource(self._transport)

    @property
    def organisations(self) -> OrganisationsResource:
        """Operations on organisations."""
        return OrganisationsResource(self._transport)

    @property
    def members(self) -> MembersResource:
        """Operations on members."""
        return MembersResource(self._transport)

    @property
    def invitations(self) -> InvitationsResource:
        """Operations on invitations."""
        return InvitationsResource(self._transport)

    @property
    def teams(self) -> TeamsResource:
        """Operations on teams."""
        return TeamsResource(self._transport)

    @property
    def api_keys(self) -> ApiKeysResource:
        """Operations on api keys."""
        return ApiKeysResource(self._transport)

    @property
    def service_accounts(self) -> ServiceAccountsResource:
        """Operations on service accounts."""
        return ServiceAccountsResource(self._transport)

    @property
    def audit_trail(self) -> AuditTrailResource:
        """Operations on audit trail."""
        return AuditTrailResource(self._transport)

    @property
    def prompts(self) -> PromptsResource:
        """Operations on prompts."""
        return PromptsResource(self._transport)

    @property
    def datasets(self) -> DatasetsResource:
        """Operations on datasets."""
        return DatasetsResource(self._transport)

    @property
    def runs(self) -> RunsResource:
        """Operations on runs."""
        return RunsResource(self._transport)

    @property
    def comparisons(self) -> ComparisonsResource:
        """Operations on comparisons."""
        return ComparisonsResource(self._transport)

    @property
    def repositories(self) -> RepositoriesResource:
        """Operations on repositories."""
        return RepositoriesResource(self._transport)

    @property
    def audits(self) -> AuditsResource:
        """Operations on audits."""
        return AuditsResource(self._transport)

    @property
    def analytics(self) -> AnalyticsResource:
        """Operations on analytics."""
        return AnalyticsResource(self._transport)

    @property
    def graphql(self) -> GraphQLResource:
        """Operations on graphql."""
        return GraphQLResource(self._transport)
