"""Every operation of the API, asynchronous. Made from the OpenAPI document by `make client`: do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from assay_client.async_resource import AsyncResource
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


class AsyncAccountsResource(AsyncResource):
    """Operations on accounts."""

    async def sign_up(self, body: SignUp, *, idempotency_key: str | None = None) -> Accepted:
        """Create a person, who gets a link that verifies the address. For a known address that person is told."""
        return await self._json(Call("POST", "/v1/accounts", body=body, idempotency_key=idempotency_key, signed=False))

    async def verify_email(self, body: EmailLink, *, idempotency_key: str | None = None) -> None:
        """Spend a verifying link: the address is the person's from then on."""
        await self._nothing(
            Call("POST", "/v1/accounts/verification", body=body, idempotency_key=idempotency_key, signed=False)
        )

    async def resend_verification(self, body: AccountAddress, *, idempotency_key: str | None = None) -> Accepted:
        """Send the verifying link again."""
        return await self._json(
            Call("POST", "/v1/accounts/verification/resend", body=body, idempotency_key=idempotency_key, signed=False)
        )

    async def request_password_reset(self, body: AccountAddress, *, idempotency_key: str | None = None) -> Accepted:
        """Send a link that lets its holder choose a new password."""
        return await self._json(
            Call("POST", "/v1/accounts/password-reset", body=body, idempotency_key=idempotency_key, signed=False)
        )

    async def reset_password(self, body: PasswordReset, *, idempotency_key: str | None = None) -> None:
        """Spend such a link; every session of the person ends."""
        await self._nothing(
            Call(
                "POST", "/v1/accounts/password-reset/confirm", body=body, idempotency_key=idempotency_key, signed=False
            )
        )


class AsyncAccountResource(AsyncResource):
    """Operations on account."""

    async def get_account(self) -> Account:
        """The caller's own account."""
        return await self._json(Call("GET", "/v1/me/account"))

    async def update_account(self, body: AccountChange, *, etag: str | None = None) -> Account:
        """Change the caller's name."""
        return await self._json(Call("PATCH", "/v1/me/account", body=body, etag=etag))

    async def deactivate_account(self, body: Deactivation, *, idempotency_key: str | None = None) -> None:
        """Deactivate the caller's account for good: sessions and memberships end. The last owner of any of them cannot."""
        await self._nothing(Call("POST", "/v1/me/account/deactivate", body=body, idempotency_key=idempotency_key))

    async def change_password(self, body: PasswordChange, *, idempotency_key: str | None = None) -> None:
        """Change the caller's password; every other session of theirs ends."""
        await self._nothing(Call("POST", "/v1/me/password", body=body, idempotency_key=idempotency_key))

    async def enrol_totp(self, *, idempotency_key: str | None = None) -> TotpEnrolment:
        """Begin to set the second factor up; it counts once a code confirmed it."""
        return await self._json(Call("POST", "/v1/me/totp", idempotency_key=idempotency_key))

    async def confirm_totp(self, body: TotpConfirmation, *, idempotency_key: str | None = None) -> RecoveryCodes:
        """Turn the second factor on; the recovery codes are in this answer and nowhere else."""
        return await self._json(Call("POST", "/v1/me/totp/confirm", body=body, idempotency_key=idempotency_key))

    async def disable_totp(self, body: SecondFactorProof, *, idempotency_key: str | None = None) -> None:
        """Turn the second factor off."""
        await self._nothing(Call("POST", "/v1/me/totp/disable", body=body, idempotency_key=idempotency_key))

    async def replace_recovery_codes(
        self, body: SecondFactorProof, *, idempotency_key: str | None = None
    ) -> RecoveryCodes:
        """Replace the recovery codes by new ones, which are in this answer and nowhere else."""
        return await self._json(Call("POST", "/v1/me/recovery-codes", body=body, idempotency_key=idempotency_key))


class AsyncSessionsResource(AsyncResource):
    """Operations on sessions."""

    async def list_sessions(self, *, limit: int | None = None, cursor: str | None = None) -> SessionPage:
        """The caller's open sessions, newest first."""
        return await self._json(Call("GET", "/v1/sessions", query={"limit": limit, "cursor": cursor}))

    def iterate_sessions(self, *, limit: int | None = None) -> AsyncIterator[Session]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/sessions"), limit)

    async def sign_in(self, body: SignIn, *, idempotency_key: str | None = None) -> OpenedSession:
        """Open a session with an e-mail address and a password, and a code for who has a second factor."""
        return await self._json(Call("POST", "/v1/sessions", body=body, idempotency_key=idempotency_key, signed=False))

    async def close_other_sessions(self) -> None:
        """Close all of the caller's sessions but the current one."""
        await self._nothing(Call("DELETE", "/v1/sessions"))

    async def refresh_session(self, body: Refresh, *, idempotency_key: str | None = None) -> OpenedSession:
        """Exchange a refresh token for new tokens; each works once, and using one twice closes the session."""
        return await self._json(
            Call("POST", "/v1/sessions/refresh", body=body, idempotency_key=idempotency_key, signed=False)
        )

    async def revoke_session(self, body: Revoke, *, idempotency_key: str | None = None) -> None:
        """Close a session by its refresh token."""
        await self._nothing(
            Call("POST", "/v1/sessions/revoke", body=body, idempotency_key=idempotency_key, signed=False)
        )

    async def close_session(self, session_id: str) -> None:
        """Close one of the caller's sessions."""
        await self._nothing(Call("DELETE", "/v1/sessions/{}", names=(session_id,)))

    async def get_me(self) -> Identity:
        """Who the caller is, in which organisation, with which permissions."""
        return await self._json(Call("GET", "/v1/me"))

    async def get_jwks(self) -> Jwks:
        """The public keys that verify access tokens (RFC 7517)."""
        return await self._json(Call("GET", "/.well-known/jwks.json", signed=False))


class AsyncSingleSignOnResource(AsyncResource):
    """Operations on single sign-on."""

    async def list_sign_on_providers(self) -> ProviderList:
        """The identity providers to choose from."""
        return await self._json(Call("GET", "/v1/sso/providers", signed=False))


class AsyncDevicesResource(AsyncResource):
    """Operations on devices."""

    async def describe_device(self, user_code: str) -> DeviceRequest:
        """What a user code stands for, to be looked at before it is approved."""
        return await self._json(Call("GET", "/v1/device/{}", names=(user_code,)))

    async def approve_device(
        self, user_code: str, body: DeviceApproval | None = None, *, idempotency_key: str | None = None
    ) -> None:
        """Let the device act for the caller. Only a person can."""
        await self._nothing(
            Call("POST", "/v1/device/{}/approve", names=(user_code,), body=body, idempotency_key=idempotency_key)
        )

    async def deny_device(self, user_code: str, *, idempotency_key: str | None = None) -> None:
        """Refuse the device."""
        await self._nothing(Call("POST", "/v1/device/{}/deny", names=(user_code,), idempotency_key=idempotency_key))


class AsyncOrganisationsResource(AsyncResource):
    """Operations on organisations."""

    async def list_organisations(self, *, limit: int | None = None, cursor: str | None = None) -> OrganisationPage:
        """The organisations that the caller is a member of."""
        return await self._json(Call("GET", "/v1/organisations", query={"limit": limit, "cursor": cursor}))

    def iterate_organisations(self, *, limit: int | None = None) -> AsyncIterator[Organisation]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/organisations"), limit)

    async def create_organisation(self, body: NewOrganisation, *, idempotency_key: str | None = None) -> Organisation:
        """Create an organisation; the caller becomes its owner."""
        return await self._json(Call("POST", "/v1/organisations", body=body, idempotency_key=idempotency_key))

    async def get_organisation(self, organisation_id: str) -> Organisation:
        """The organisation that the token names."""
        return await self._json(Call("GET", "/v1/organisations/{}", names=(organisation_id,)))

    async def update_organisation(
        self, organisation_id: str, body: OrganisationChange, *, etag: str | None = None
    ) -> Organisation:
        """Change the name of the organisation that the token names."""
        return await self._json(Call("PATCH", "/v1/organisations/{}", names=(organisation_id,), body=body, etag=etag))

    async def transfer_ownership(
        self, organisation_id: str, body: NewOwner, *, idempotency_key: str | None = None
    ) -> Member:
        """Make a member an owner and the caller an administrator. Only an owner can."""
        return await self._json(
            Call(
                "POST",
                "/v1/organisations/{}/transfer",
                names=(organisation_id,),
                body=body,
                idempotency_key=idempotency_key,
            )
        )

    async def leave_organisation(self, organisation_id: str, *, idempotency_key: str | None = None) -> None:
        """Leave the organisation that the token names; the last owner cannot."""
        await self._nothing(
            Call("POST", "/v1/organisations/{}/leave", names=(organisation_id,), idempotency_key=idempotency_key)
        )


class AsyncMembersResource(AsyncResource):
    """Operations on members."""

    async def list_members(self, *, limit: int | None = None, cursor: str | None = None) -> MemberPage:
        """The members of the organisation."""
        return await self._json(Call("GET", "/v1/members", query={"limit": limit, "cursor": cursor}))

    def iterate_members(self, *, limit: int | None = None) -> AsyncIterator[Member]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/members"), limit)

    async def add_member(self, body: NewMember, *, idempotency_key: str | None = None) -> Member:
        """Add a person; one whom nobody knew before is created with the password given."""
        return await self._json(Call("POST", "/v1/members", body=body, idempotency_key=idempotency_key))

    async def get_member(self, user_id: str) -> Member:
        """One member."""
        return await self._json(Call("GET", "/v1/members/{}", names=(user_id,)))

    async def change_role(self, user_id: str, body: NewRole, *, etag: str | None = None) -> Member:
        """Give a member another role; the last owner keeps theirs."""
        return await self._json(Call("PATCH", "/v1/members/{}", names=(user_id,), body=body, etag=etag))

    async def remove_member(self, user_id: str, *, etag: str | None = None) -> None:
        """Remove a member; the last owner stays."""
        await self._nothing(Call("DELETE", "/v1/members/{}", names=(user_id,), etag=etag))


class AsyncInvitationsResource(AsyncResource):
    """Operations on invitations."""

    async def list_invitations(
        self,
        *,
        status: Literal["open", "accepted", "revoked", "expired"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> InvitationPage:
        """The organisation's invitations, newest first."""
        return await self._json(
            Call("GET", "/v1/invitations", query={"status": status, "limit": limit, "cursor": cursor})
        )

    def iterate_invitations(
        self, *, status: Literal["open", "accepted", "revoked", "expired"] | None = None, limit: int | None = None
    ) -> AsyncIterator[Invitation]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/invitations", query={"status": status}), limit)

    async def create_invitation(self, body: NewInvitation, *, idempotency_key: str | None = None) -> Invitation:
        """Invite an address by e-mail; an open invitation of the same address is replaced."""
        return await self._json(Call("POST", "/v1/invitations", body=body, idempotency_key=idempotency_key))

    async def revoke_invitation(self, invitation_id: str) -> None:
        """Take an open invitation back."""
        await self._nothing(Call("DELETE", "/v1/invitations/{}", names=(invitation_id,)))

    async def accept_invitation(self, body: InvitationLink, *, idempotency_key: str | None = None) -> Member:
        """Join the organisation. The caller's address must be the invited one."""
        return await self._json(Call("POST", "/v1/invitations/accept", body=body, idempotency_key=idempotency_key))

    async def describe_invitation(self, body: InvitationLink, *, idempotency_key: str | None = None) -> InvitationOffer:
        """What a link stands for, for somebody who may have no account yet."""
        return await self._json(
            Call("POST", "/v1/invitations/describe", body=body, idempotency_key=idempotency_key, signed=False)
        )


class AsyncTeamsResource(AsyncResource):
    """Operations on teams."""

    async def list_teams(self, *, limit: int | None = None, cursor: str | None = None) -> TeamPage:
        """The organisation's teams."""
        return await self._json(Call("GET", "/v1/teams", query={"limit": limit, "cursor": cursor}))

    def iterate_teams(self, *, limit: int | None = None) -> AsyncIterator[Team]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/teams"), limit)

    async def create_team(self, body: NewTeam, *, idempotency_key: str | None = None) -> Team:
        """Create a team without members."""
        return await self._json(Call("POST", "/v1/teams", body=body, idempotency_key=idempotency_key))

    async def get_team(self, team: str) -> Team:
        """One team, by id or slug."""
        return await self._json(Call("GET", "/v1/teams/{}", names=(team,)))

    async def update_team(self, team: str, body: TeamChange, *, etag: str | None = None) -> Team:
        """Change a team's name or description."""
        return await self._json(Call("PATCH", "/v1/teams/{}", names=(team,), body=body, etag=etag))

    async def delete_team(self, team: str, *, etag: str | None = None) -> None:
        """Delete a team; its members stay in the organisation."""
        await self._nothing(Call("DELETE", "/v1/teams/{}", names=(team,), etag=etag))

    async def list_team_members(self, team: str, *, limit: int | None = None, cursor: str | None = None) -> MemberPage:
        """The members of a team."""
        return await self._json(
            Call("GET", "/v1/teams/{}/members", names=(team,), query={"limit": limit, "cursor": cursor})
        )

    def iterate_team_members(self, team: str, *, limit: int | None = None) -> AsyncIterator[Member]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/teams/{}/members", names=(team,)), limit)

    async def add_team_member(self, team: str, user_id: str) -> Member:
        """Put a member of the organisation into the team; one who is in it stays in it."""
        return await self._json(
            Call(
                "PUT",
                "/v1/teams/{}/members/{}",
                names=(
                    team,
                    user_id,
                ),
            )
        )

    async def remove_team_member(self, team: str, user_id: str) -> None:
        """Take a member out of the team."""
        await self._nothing(
            Call(
                "DELETE",
                "/v1/teams/{}/members/{}",
                names=(
                    team,
                    user_id,
                ),
            )
        )


class AsyncApiKeysResource(AsyncResource):
    """Operations on api keys."""

    async def list_api_keys(
        self, *, service_account_id: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> ApiKeyPage:
        """The organisation's keys, without their secrets."""
        return await self._json(
            Call(
                "GET",
                "/v1/api-keys",
                query={"service_account_id": service_account_id, "limit": limit, "cursor": cursor},
            )
        )

    def iterate_api_keys(
        self, *, service_account_id: str | None = None, limit: int | None = None
    ) -> AsyncIterator[ApiKey]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/api-keys", query={"service_account_id": service_account_id}), limit)

    async def create_api_key(self, body: NewApiKey, *, idempotency_key: str | None = None) -> CreatedApiKey:
        """Create a key. Its secret is in this answer and nowhere else."""
        return await self._json(Call("POST", "/v1/api-keys", body=body, idempotency_key=idempotency_key))

    async def rotate_api_key(
        self, api_key_id: str, body: KeyRotation | None = None, *, idempotency_key: str | None = None
    ) -> CreatedApiKey:
        """Draw a new secret for the same rights; the old one works on for the overlap."""
        return await self._json(
            Call("POST", "/v1/api-keys/{}/rotate", names=(api_key_id,), body=body, idempotency_key=idempotency_key)
        )

    async def revoke_api_key(self, api_key_id: str) -> None:
        """Revoke a key for good."""
        await self._nothing(Call("DELETE", "/v1/api-keys/{}", names=(api_key_id,)))


class AsyncServiceAccountsResource(AsyncResource):
    """Operations on service accounts."""

    async def list_service_accounts(self, *, limit: int | None = None, cursor: str | None = None) -> ServiceAccountPage:
        """The organisation's service accounts."""
        return await self._json(Call("GET", "/v1/service-accounts", query={"limit": limit, "cursor": cursor}))

    def iterate_service_accounts(self, *, limit: int | None = None) -> AsyncIterator[ServiceAccount]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/service-accounts"), limit)

    async def create_service_account(
        self, body: NewServiceAccount, *, idempotency_key: str | None = None
    ) -> ServiceAccount:
        """Create a service account; nobody makes one that may do more than themselves."""
        return await self._json(Call("POST", "/v1/service-accounts", body=body, idempotency_key=idempotency_key))

    async def get_service_account(self, service_account_id: str) -> ServiceAccount:
        """One service account."""
        return await self._json(Call("GET", "/v1/service-accounts/{}", names=(service_account_id,)))

    async def update_service_account(
        self, service_account_id: str, body: ServiceAccountChange, *, etag: str | None = None
    ) -> ServiceAccount:
        """Change a service account's name, description or role."""
        return await self._json(
            Call("PATCH", "/v1/service-accounts/{}", names=(service_account_id,), body=body, etag=etag)
        )

    async def delete_service_account(self, service_account_id: str, *, etag: str | None = None) -> None:
        """Delete a service account; its keys stop working."""
        await self._nothing(Call("DELETE", "/v1/service-accounts/{}", names=(service_account_id,), etag=etag))


class AsyncAuditTrailResource(AsyncResource):
    """Operations on audit trail."""

    async def list_audit_trail(
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
        return await self._json(
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
    ) -> AsyncIterator[AuditEntry]:
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
    ) -> AsyncIterator[bytes]:
        """All entries that the filter lets through as JSON lines, oldest first."""
        return self._pieces(
            Call(
                "GET",
                "/v1/audit-trail/export",
                query={"actor": actor, "action": action, "target": target, "from": from_, "to": to},
            )
        )

    async def verify_audit_trail(self) -> TrailVerification:
        """Compute the chain of hashes anew and find the first entry that was changed or is missing."""
        return await self._json(Call("GET", "/v1/audit-trail/verification"))


class AsyncPromptsResource(AsyncResource):
    """Operations on prompts."""

    async def list_prompts(
        self, *, name_prefix: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> PromptPage:
        """The organisation's prompts, newest first."""
        return await self._json(
            Call("GET", "/v1/prompts", query={"name_prefix": name_prefix, "limit": limit, "cursor": cursor})
        )

    def iterate_prompts(self, *, name_prefix: str | None = None, limit: int | None = None) -> AsyncIterator[Prompt]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/prompts", query={"name_prefix": name_prefix}), limit)

    async def create_prompt(self, body: NewPrompt, *, idempotency_key: str | None = None) -> Prompt:
        """Create a prompt without versions."""
        return await self._json(Call("POST", "/v1/prompts", body=body, idempotency_key=idempotency_key))

    async def get_prompt(self, prompt: str) -> Prompt:
        """One prompt, by id or name."""
        return await self._json(Call("GET", "/v1/prompts/{}", names=(prompt,)))

    async def update_prompt(self, prompt: str, body: PromptChange, *, etag: str | None = None) -> Prompt:
        """Change a prompt's description or who may see it."""
        return await self._json(Call("PATCH", "/v1/prompts/{}", names=(prompt,), body=body, etag=etag))

    async def list_versions(self, prompt: str, *, limit: int | None = None, cursor: str | None = None) -> VersionPage:
        """The versions of a prompt, newest first."""
        return await self._json(
            Call("GET", "/v1/prompts/{}/versions", names=(prompt,), query={"limit": limit, "cursor": cursor})
        )

    def iterate_versions(self, prompt: str, *, limit: int | None = None) -> AsyncIterator[Version]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/prompts/{}/versions", names=(prompt,)), limit)

    async def publish_version(self, prompt: str, body: NewVersion, *, idempotency_key: str | None = None) -> Version:
        """Append an immutable version; content equal to the newest version's is refused."""
        return await self._json(
            Call("POST", "/v1/prompts/{}/versions", names=(prompt,), body=body, idempotency_key=idempotency_key)
        )

    async def set_label(self, prompt: str, label: str, body: NewLabel, *, etag: str | None = None) -> Label:
        """Point a label at a version."""
        return await self._json(
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

    async def remove_label(self, prompt: str, label: str, *, etag: str | None = None) -> None:
        """Take a label away."""
        await self._nothing(
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

    async def resolve_prompt(self, prompt: str, *, label: str | None = None, version: int | None = None) -> Version:
        """The version that a label, a number or nothing (the newest) stands for: the read for programs that use prompts.

        Answered from the gateway's memory, which follows every change of the prompt.
        """
        return await self._json(
            Call("GET", "/v1/prompts/{}/resolve", names=(prompt,), query={"label": label, "version": version})
        )

    async def render_prompt(self, prompt: str, body: RenderRequest, *, idempotency_key: str | None = None) -> Rendered:
        """Fill a version's variables in; a missing one is a problem that names it (MISSING_VARIABLES)."""
        return await self._json(
            Call("POST", "/v1/prompts/{}/render", names=(prompt,), body=body, idempotency_key=idempotency_key)
        )

    async def list_history(self, prompt: str, *, limit: int | None = None, cursor: str | None = None) -> HistoryPage:
        """What happened to a prompt, oldest first."""
        return await self._json(
            Call("GET", "/v1/prompts/{}/history", names=(prompt,), query={"limit": limit, "cursor": cursor})
        )

    def iterate_history(self, prompt: str, *, limit: int | None = None) -> AsyncIterator[HistoryEntry]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/prompts/{}/history", names=(prompt,)), limit)


class AsyncDatasetsResource(AsyncResource):
    """Operations on datasets."""

    async def list_datasets(self, *, limit: int | None = None, cursor: str | None = None) -> DatasetPage:
        """The organisation's datasets, newest first."""
        return await self._json(Call("GET", "/v1/datasets", query={"limit": limit, "cursor": cursor}))

    def iterate_datasets(self, *, limit: int | None = None) -> AsyncIterator[Dataset]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/datasets"), limit)

    async def create_dataset(self, body: NewDataset, *, idempotency_key: str | None = None) -> Dataset:
        """Create an empty dataset."""
        return await self._json(Call("POST", "/v1/datasets", body=body, idempotency_key=idempotency_key))

    async def get_dataset(self, dataset: str) -> Dataset:
        """One dataset, by id or name."""
        return await self._json(Call("GET", "/v1/datasets/{}", names=(dataset,)))

    async def update_dataset(self, dataset: str, body: DatasetChange, *, etag: str | None = None) -> Dataset:
        """Change a dataset's description or who may see it."""
        return await self._json(Call("PATCH", "/v1/datasets/{}", names=(dataset,), body=body, etag=etag))

    async def list_items(
        self, dataset: str, *, version: int | None = None, limit: int | None = None, cursor: str | None = None
    ) -> DatasetItemPage:
        """The items of a version, in the file's order."""
        return await self._json(
            Call(
                "GET",
                "/v1/datasets/{}/items",
                names=(dataset,),
                query={"version": version, "limit": limit, "cursor": cursor},
            )
        )

    def iterate_items(
        self, dataset: str, *, version: int | None = None, limit: int | None = None
    ) -> AsyncIterator[DatasetItem]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/datasets/{}/items", names=(dataset,), query={"version": version}), limit)

    async def import_items(
        self,
        dataset: str,
        content: Content,
        media_type: Literal["application/x-ndjson", "application/jsonl", "text/csv"],
        *,
        skip_invalid: bool | None = None,
        idempotency_key: str | None = None,
    ) -> ImportReport:
        """Read a file of at most 16 MiB into a new version: all of it, or nothing (INVALID_ROWS names the broken rows)."""
        return await self._json(
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


class AsyncRunsResource(AsyncResource):
    """Operations on runs."""

    async def list_runs(
        self, *, prompt: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> RunPage:
        """The organisation's runs, newest first."""
        return await self._json(Call("GET", "/v1/runs", query={"prompt": prompt, "limit": limit, "cursor": cursor}))

    def iterate_runs(self, *, prompt: str | None = None, limit: int | None = None) -> AsyncIterator[Run]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/runs", query={"prompt": prompt}), limit)

    async def create_run(self, body: NewRun, *, idempotency_key: str | None = None) -> Run:
        """Cut the dataset into tasks and queue them."""
        return await self._json(Call("POST", "/v1/runs", body=body, idempotency_key=idempotency_key))

    async def get_run(self, run_id: str) -> Run:
        """One run with its progress."""
        return await self._json(Call("GET", "/v1/runs/{}", names=(run_id,)))

    async def cancel_run(self, run_id: str, *, idempotency_key: str | None = None) -> Run:
        """Stop a run: what is done stays. A finished run cannot be cancelled."""
        return await self._json(Call("POST", "/v1/runs/{}/cancel", names=(run_id,), idempotency_key=idempotency_key))

    async def list_results(self, run_id: str, *, limit: int | None = None, cursor: str | None = None) -> ItemResultPage:
        """The results of a run, in the dataset's order."""
        return await self._json(
            Call("GET", "/v1/runs/{}/results", names=(run_id,), query={"limit": limit, "cursor": cursor})
        )

    def iterate_results(self, run_id: str, *, limit: int | None = None) -> AsyncIterator[ItemResult]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/runs/{}/results", names=(run_id,)), limit)

    async def list_models(self) -> ModelPage:
        """The models that runs can name."""
        return await self._json(Call("GET", "/v1/models"))


class AsyncComparisonsResource(AsyncResource):
    """Operations on comparisons."""

    async def create_comparison(self, body: NewComparison, *, idempotency_key: str | None = None) -> Comparison:
        """Compare two completed runs over the same dataset version, item by item."""
        return await self._json(Call("POST", "/v1/comparisons", body=body, idempotency_key=idempotency_key))

    async def get_comparison(self, comparison_id: str) -> Comparison:
        """One comparison."""
        return await self._json(Call("GET", "/v1/comparisons/{}", names=(comparison_id,)))

    async def decide_gate(
        self, comparison_id: str, body: GateQuestion, *, idempotency_key: str | None = None
    ) -> GateDecision:
        """Ask whether a label may move to the candidate's version; when allowed, it is moved. No is an answer too."""
        return await self._json(
            Call("POST", "/v1/comparisons/{}/gate", names=(comparison_id,), body=body, idempotency_key=idempotency_key)
        )

    async def get_gate_decision(self, decision_id: str) -> GateDecision:
        """One decision of a gate."""
        return await self._json(Call("GET", "/v1/gate-decisions/{}", names=(decision_id,)))


class AsyncRepositoriesResource(AsyncResource):
    """Operations on repositories."""

    async def list_repositories(self, *, limit: int | None = None, cursor: str | None = None) -> RepositoryPage:
        """The organisation's repositories, newest first."""
        return await self._json(Call("GET", "/v1/repositories", query={"limit": limit, "cursor": cursor}))

    def iterate_repositories(self, *, limit: int | None = None) -> AsyncIterator[Repository]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/repositories"), limit)

    async def create_repository(self, body: NewRepository, *, idempotency_key: str | None = None) -> Repository:
        """Register a repository, with an https URL to clone from or without one (bundles are uploaded then)."""
        return await self._json(Call("POST", "/v1/repositories", body=body, idempotency_key=idempotency_key))

    async def get_repository(self, repository: str) -> Repository:
        """One repository, by id or name."""
        return await self._json(Call("GET", "/v1/repositories/{}", names=(repository,)))

    async def update_repository(
        self, repository: str, body: RepositoryChange, *, etag: str | None = None
    ) -> Repository:
        """Change the URL that a repository is cloned from."""
        return await self._json(Call("PATCH", "/v1/repositories/{}", names=(repository,), body=body, etag=etag))

    async def upload_bundle(
        self,
        repository: str,
        content: Content,
        media_type: Literal["application/x-git-bundle", "application/octet-stream"],
        *,
        commit: str | None = None,
        idempotency_key: str | None = None,
    ) -> UploadedBundle:
        """Upload a git bundle of at most 1 GiB; a corrupt one changes nothing."""
        return await self._json(
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


class AsyncAuditsResource(AsyncResource):
    """Operations on audits."""

    async def list_audits(
        self, *, repository: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> AuditRunPage:
        """The organisation's audit runs, newest first."""
        return await self._json(
            Call("GET", "/v1/audits", query={"repository": repository, "limit": limit, "cursor": cursor})
        )

    def iterate_audits(self, *, repository: str | None = None, limit: int | None = None) -> AsyncIterator[AuditRun]:
        """The items of every page, or the first `limit` of them."""
        return self._items(Call("GET", "/v1/audits", query={"repository": repository}), limit)

    async def start_audit(self, body: NewAudit, *, idempotency_key: str | None = None) -> AuditRun:
        """Queue an audit of a repository's commit."""
        return await self._json(Call("POST", "/v1/audits", body=body, idempotency_key=idempotency_key))

    async def get_audit(self, audit_id: str) -> AuditRun:
        """One audit run with its eight audits."""
        return await self._json(Call("GET", "/v1/audits/{}", names=(audit_id,)))

    async def list_findings(
        self,
        audit_id: str,
        *,
        kind: Literal["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"] | None = None,
        minimum_severity: Literal["note", "warning", "error"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> FindingPage:
        """Findings of an audit run, worst first."""
        return await self._json(
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
    ) -> AsyncIterator[Finding]:
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

    async def export_sarif(self, audit_id: str) -> bytes:
        """All findings of an audit run as SARIF 2.1.0, for code scanning tools and editors."""
        return await self._bytes(Call("GET", "/v1/audits/{}/sarif", names=(audit_id,)))


class AsyncAnalyticsResource(AsyncResource):
    """Operations on analytics."""

    async def get_summary(self, *, from_: str | None = None, to: str | None = None) -> Summary:
        """The organisation's totals in a span of time."""
        return await self._json(Call("GET", "/v1/analytics/summary", query={"from": from_, "to": to}))

    async def list_usage(
        self, *, from_: str | None = None, to: str | None = None, granularity: Literal["hour", "day"] | None = None
    ) -> UsageList:
        """The organisation's usage per hour or day, oldest first."""
        return await self._json(
            Call("GET", "/v1/analytics/usage", query={"from": from_, "to": to, "granularity": granularity})
        )

    async def list_event_counts(self, *, from_: str | None = None, to: str | None = None) -> EventCountList:
        """How many events of each type were counted."""
        return await self._json(Call("GET", "/v1/analytics/events", query={"from": from_, "to": to}))


class AsyncGraphQLResource(AsyncResource):
    """Operations on graphql."""

    async def query_graph(self, body: GraphQLRequest, *, idempotency_key: str | None = None) -> GraphQLAnswer:
        """Read prompts, datasets, runs, comparisons, repositories, audits and members in one request.

        The schema is told by introspection. Lists take `first` (up to 200) and `after`. A query costs a point for each
        field, times the length of the lists around it: 10,000 points are the most, and each 200 count as one more request.
        Errors of parts leave the others whole.
        """
        return await self._json(Call("POST", "/graphql", body=body, idempotency_key=idempotency_key))


class AsyncOperations(AsyncResource):
    """All operations, by what they are about."""

    @property
    def accounts(self) -> AsyncAccountsResource:
        """Operations on accounts."""
        return AsyncAccountsResource(self._transport)

    @property
    def account(self) -> AsyncAccountResource:
        """Operations on account."""
        return AsyncAccountResource(self._transport)

    @property
    def sessions(self) -> AsyncSessionsResource:
        """Operations on sessions."""
        return AsyncSessionsResource(self._transport)

    @property
    def single_sign_on(self) -> AsyncSingleSignOnResource:
        """Operations on single sign-on."""
        return AsyncSingleSignOnResource(self._transport)

    @property
    def devices(self) -> AsyncDevicesResource:
        """Operations on devices."""
        return AsyncDevicesResource(self._transport)

    @property
    def organisations(self) -> AsyncOrganisationsResource:
        """Operations on organisations."""
        return AsyncOrganisationsResource(self._transport)

    @property
    def members(self) -> AsyncMembersResource:
        """Operations on members."""
        return AsyncMembersResource(self._transport)

    @property
    def invitations(self) -> AsyncInvitationsResource:
        """Operations on invitations."""
        return AsyncInvitationsResource(self._transport)

    @property
    def teams(self) -> AsyncTeamsResource:
        """Operations on teams."""
        return AsyncTeamsResource(self._transport)

    @property
    def api_keys(self) -> AsyncApiKeysResource:
        """Operations on api keys."""
        return AsyncApiKeysResource(self._transport)

    @property
    def service_accounts(self) -> AsyncServiceAccountsResource:
        """Operations on service accounts."""
        return AsyncServiceAccountsResource(self._transport)

    @property
    def audit_trail(self) -> AsyncAuditTrailResource:
        """Operations on audit trail."""
        return AsyncAuditTrailResource(self._transport)

    @property
    def prompts(self) -> AsyncPromptsResource:
        """Operations on prompts."""
        return AsyncPromptsResource(self._transport)

    @property
    def datasets(self) -> AsyncDatasetsResource:
        """Operations on datasets."""
        return AsyncDatasetsResource(self._transport)

    @property
    def runs(self) -> AsyncRunsResource:
        """Operations on runs."""
        return AsyncRunsResource(self._transport)

    @property
    def comparisons(self) -> AsyncComparisonsResource:
        """Operations on comparisons."""
        return AsyncComparisonsResource(self._transport)

    @property
    def repositories(self) -> AsyncRepositoriesResource:
        """Operations on repositories."""
        return AsyncRepositoriesResource(self._transport)

    @property
    def audits(self) -> AsyncAuditsResource:
        """Operations on audits."""
        return AsyncAuditsResource(self._transport)

    @property
    def analytics(self) -> AsyncAnalyticsResource:
        """Operations on analytics."""
        return AsyncAnalyticsResource(self._transport)

    @property
    def graphql(self) -> AsyncGraphQLResource:
        """Operations on graphql."""
        return AsyncGraphQLResource(self._transport)
