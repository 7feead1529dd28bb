"""What the API takes and answers, as typed dictionaries. Made from the OpenAPI document by `make client`: do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class Accepted(TypedDict):
    """
    Taken on. What follows comes by e-mail; the answer is the same whether the address is known or not.
    """


class Account(TypedDict):
    """
    A person as they see themselves.
    """

    id: str
    """
    UUID.
    """
    email: str
    name: str
    email_verified: bool
    second_factor: bool
    """
    Whether signing in needs a code.
    """
    has_password: bool
    """
    False for who signs in by single sign-on only.
    """
    recovery_codes: int
    """
    How many are left.
    """
    created_at: str | None
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """


class AccountAddress(TypedDict):
    """
    The address of an account.
    """

    email: str


class AccountChange(TypedDict):
    """
    What shall change.
    """

    name: str


class ApiKey(TypedDict):
    """
    What is known of a key; never its secret.
    """

    id: str
    """
    UUID.
    """
    name: str
    prefix: str
    """
    The first characters of the key, to recognise it by.
    """
    scopes: list[str]
    created_at: str | None
    expires_at: str | None
    """
    Null = never.
    """
    revoked_at: str | None
    """
    Null = not revoked.
    """
    created_by: str
    """
    UUID of a person or service account.
    """
    prompts: list[str]
    """
    The only prompts it may touch; empty = all.
    """
    repositories: list[str]
    """
    The only repositories it may touch; empty = all.
    """
    service_account_id: str
    """
    Whose it is; empty = the person's who created it.
    """
    last_used_at: str | None
    """
    Exact to a minute; null = never.
    """
    rotated_from: str
    """
    The key that this one replaces; empty = none.
    """


class ApiKeyPage(TypedDict):
    """
    API keys of the organisation.
    """

    items: list[ApiKey]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class AuditEntry(TypedDict):
    """
    One thing that somebody did.
    """

    sequence: int
    """
    1, 2, 3 … within the organisation, without gaps.
    """
    id: str
    """
    UUID.
    """
    occurred_at: str | None
    actor: str
    """
    Id of the person, service account or API key; empty = the installation itself.
    """
    actor_kind: str
    """
    `user`, `api_key` or `system`.
    """
    action: str
    """
    Name of the event.
    """
    target_kind: str
    """
    What kind of thing.
    """
    target: str
    address: str
    """
    Of the client; empty = not known.
    """
    request_id: str
    data: dict[str, Any] | None
    """
    The event's fields.
    """
    hash: str
    """
    SHA-256, hex: over the entry and the hash of the one before.
    """


class AuditEntryPage(TypedDict):
    """
    Entries of the organisation's audit trail, newest first.
    """

    items: list[AuditEntry]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class AuditResult(TypedDict):
    """
    One of the eight.
    """

    kind: Literal["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"] | None
    status: Literal["queued", "running", "completed", "not_measured", "failed"] | None
    score: float | None
    """
    0 to 100, 100 is best; null when not measured.
    """
    reason: str
    """
    Why it was not measured; empty otherwise.
    """
    findings: int
    duration_ms: float | None


class ChatMessage(TypedDict):
    """
    One message of a conversation.
    """

    role: str
    content: str


class Counters(TypedDict):
    """
    What is counted.
    """

    runs_created: int
    runs_completed: int
    runs_cancelled: int
    items_measured: int
    items_unmeasured: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """
    US dollars, of the items whose model has a price.
    """
    items_unpriced: int
    audits_started: int
    audits_completed: int
    audits_failed: int
    findings: int
    versions_published: int
    labels_moved: int
    gates_allowed: int
    gates_refused: int


class CreatedApiKey(TypedDict):
    """
    The key and, this once, its secret.
    """

    api_key: ApiKey
    secret: str


class Dataset(TypedDict):
    """
    A named dataset.
    """

    id: str
    """
    UUID.
    """
    name: str
    """
    Unique in the organisation; must not look like an id.
    """
    description: str
    latest_version: int
    """
    0 = nothing imported yet.
    """
    item_count: int
    """
    Items of the latest version.
    """
    created_at: str | None
    updated_at: str | None
    visibility: Literal["private", "organisation", "public"] | None
    """
    Who may see it: its creator and the administrators, the organisation, or everybody signed in.
    """
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """
    created_by: str
    """
    UUID of a person or service account.
    """
    organisation_id: str
    """
    Not the caller's when the dataset is another's and public.
    """


class DatasetChange(TypedDict):
    """
    What shall change; what is absent stays.
    """

    description: NotRequired[str | None]
    visibility: NotRequired[Literal["private", "organisation", "public"] | None]
    """
    Who may see it: its creator and the administrators, the organisation, or everybody signed in.
    """


class DatasetItem(TypedDict):
    """
    One example.
    """

    id: str
    """
    UUID.
    """
    index: int
    """
    Position in its version, from 0.
    """
    inputs: dict[str, Any] | None
    expected: str | None
    metadata: dict[str, Any] | None


class DatasetItemPage(TypedDict):
    """
    Items of a version, in the file's order.
    """

    items: list[DatasetItem]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class DatasetPage(TypedDict):
    """
    Datasets of the organisation, newest first.
    """

    items: list[Dataset]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class Deactivation(TypedDict):
    """
    The password, and the second factor where there is one: an open screen does not do.
    """

    password: NotRequired[str | None]
    """
    Absent for an account without one.
    """
    one_time_code: NotRequired[str | None]


class DeviceApproval(TypedDict):
    """
    Where the device shall act.
    """

    organisation: NotRequired[str | None]
    """
    Id or slug; absent = that of the caller's token.
    """


class DeviceAuthorization(TypedDict):
    """
    The codes of a device (RFC 8628, section 3.2).
    """

    device_code: str
    """
    For the device only.
    """
    user_code: str
    """
    For people.
    """
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    """
    Seconds.
    """
    interval: int
    """
    Seconds to wait between two polls.
    """


class DeviceRequest(TypedDict):
    """
    A device that waits.
    """

    user_code: str
    client_name: str
    address: str
    """
    Network address that asked.
    """
    requested_at: str | None
    expires_at: str | None


class EmailLink(TypedDict):
    """
    The token of a link that verifies an address.
    """

    token: str
    """
    The token of the link that came by e-mail.
    """


class Evaluator(TypedDict):
    """
    One evaluator of a run.
    """

    name: str
    kind: Literal["exact_match", "contains", "regex", "json_schema", "token_f1", "embedding_similarity"] | None
    config: dict[str, Any] | None


class EvaluatorComparison(TypedDict):
    """
    One evaluator's scores in both runs.
    """

    evaluator: str
    paired_items: int
    baseline_mean: float | None
    candidate_mean: float | None
    difference: float | None
    """
    Candidate minus baseline.
    """
    ci_low: float | None
    """
    95 % paired bootstrap interval of the difference.
    """
    ci_high: float | None
    mcnemar_p: float | None
    """
    Exact two-sided p; for pass/fail evaluators only.
    """
    wins: int
    losses: int
    ties: int
    verdict: Literal["better", "worse", "no_evidence"] | None


class EvaluatorSummary(TypedDict):
    """
    The mean score of an evaluator.
    """

    evaluator: str
    mean_score: float | None
    """
    Null when nothing was measured.
    """
    measured: int
    passed: int | None
    """
    For pass/fail evaluators only.
    """


class EventCount(TypedDict):
    """
    How often a type of event was counted.
    """

    type: str
    count: int


class EventCountList(TypedDict):
    """
    One count per type of event.
    """

    items: list[EventCount]


class Finding(TypedDict):
    """
    One finding.
    """

    id: str
    """
    UUID.
    """
    kind: Literal["integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive"] | None
    rule: str
    severity: Literal["note", "warning", "error"] | None
    message: str
    path: str
    """
    Relative to the root; empty = the repository as a whole.
    """
    line: int
    """
    From 1; 0 = the whole file.
    """
    fingerprint: str
    """
    Stable when lines move.
    """


class FindingPage(TypedDict):
    """
    Findings of an audit run, worst first.
    """

    items: list[Finding]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class GateDecision(TypedDict):
    """
    The gate's answer; a refusal is an answer too.
    """

    id: str
    """
    UUID.
    """
    comparison_id: str
    """
    UUID.
    """
    prompt_id: str
    """
    UUID.
    """
    label: str
    version: int
    policy: Literal["better", "not_worse"] | None
    allowed: bool
    reason: str
    decided_at: str | None
    decided_by: str
    """
    UUID of a person or service account.
    """


class GateQuestion(TypedDict):
    """
    The label to move, and what is asked of the candidate.
    """

    label: str
    policy: NotRequired[Literal["better", "not_worse"]]


class HistoryEntry(TypedDict):
    """
    One event of a prompt.
    """

    event_id: str
    """
    UUID.
    """
    type: str
    occurred_at: str | None
    actor: str
    """
    UUID of a person or service account.
    """
    data: dict[str, Any] | None


class HistoryPage(TypedDict):
    """
    What happened to a prompt, oldest first.
    """

    items: list[HistoryEntry]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class Invitation(TypedDict):
    """
    An invitation; its secret goes by e-mail only.
    """

    id: str
    """
    UUID.
    """
    email: str
    role: Literal["owner", "admin", "member", "viewer"] | None
    teams: list[str]
    """
    Ids of the teams to join.
    """
    status: Literal["open", "accepted", "revoked", "expired"] | None
    invited_by: str
    """
    UUID of a person or service account.
    """
    created_at: str | None
    expires_at: str | None


class InvitationLink(TypedDict):
    """
    The token of an invitation's link.
    """

    token: str
    """
    The token of the link that came by e-mail.
    """


class InvitationOffer(TypedDict):
    """
    What whoever holds the link may know.
    """

    organisation_name: str
    organisation_slug: str
    email: str
    role: Literal["owner", "admin", "member", "viewer"] | None
    expires_at: str | None


class InvitationPage(TypedDict):
    """
    Invitations of the organisation, newest first.
    """

    items: list[Invitation]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


JsonValue: TypeAlias = Any


class Jwk(TypedDict):
    """
    One public key (RFC 7517, RFC 8037).
    """

    kty: str
    kid: str
    crv: str
    x: str


class Jwks(TypedDict):
    """
    The public keys that verify access tokens (RFC 7517).
    """

    keys: list[Jwk]


class KeyRotation(TypedDict):
    """
    How long the old secret works on.
    """

    overlap_seconds: NotRequired[int | None]
    """
    Absent = 24 hours. A key that expires sooner expires sooner.
    """


class Label(TypedDict):
    """
    A name that points at a version.
    """

    name: str
    version: int
    updated_at: str | None
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """


class Member(TypedDict):
    """
    A person in an organisation.
    """

    user_id: str
    """
    UUID of a person or service account.
    """
    email: str
    name: str
    role: Literal["owner", "admin", "member", "viewer"]
    joined_at: str | None
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """


class MemberPage(TypedDict):
    """
    Members.
    """

    items: list[Member]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class MetricComparison(TypedDict):
    """
    One measured quantity in both runs.
    """

    metric: str
    baseline_mean: float | None
    candidate_mean: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None


class Model(TypedDict):
    """
    A model that runs can name.
    """

    name: str
    priced: bool
    """
    Whether cost can be measured.
    """


class ModelPage(TypedDict):
    """
    The catalogue of models, whole.
    """

    items: list[Model]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class ModelParameters(TypedDict):
    """
    What is sent with every request to the model.
    """

    max_tokens: int
    temperature: float | None
    seed: int | None
    stop: list[str]


class ModelUsage(TypedDict):
    """
    What one model was used for.
    """

    model: str
    items: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    latency_ms_mean: float | None
    """
    Over the measured items; null when there is none.
    """


class NewApiKey(TypedDict):
    """
    The key to create; its scopes must be among the creator's permissions.
    """

    name: str
    scopes: list[str]
    expires_at: NotRequired[str | None]
    """
    Absent = never.
    """
    prompts: NotRequired[list[str]]
    """
    Ids or names of the only prompts; empty = all.
    """
    repositories: NotRequired[list[str]]
    """
    Ids or names of the only repositories; empty = all.
    """
    service_account_id: NotRequired[str | None]
    """
    Whose it shall be; absent = the caller's own.
    """


class NewAudit(TypedDict):
    """
    The repository, and the commit to audit.
    """

    repository: str
    """
    Id or name.
    """
    commit: NotRequired[str | None]
    """
    A full commit id; absent = the newest.
    """


class NewChatMessage(TypedDict):
    """
    One message of a conversation.
    """

    role: Literal["system", "user", "assistant"]
    content: str


class NewComparison(TypedDict):
    """
    Two completed runs over the same dataset version.
    """

    baseline_run_id: str
    """
    UUID.
    """
    candidate_run_id: str
    """
    UUID.
    """
    primary_evaluator: NotRequired[str | None]
    """
    The evaluator that decides; absent = the first of the candidate's run.
    """


class NewDataset(TypedDict):
    """
    The dataset to create.
    """

    name: str
    """
    Unique in the organisation; must not look like an id.
    """
    description: NotRequired[str]
    visibility: NotRequired[Literal["private", "organisation", "public"] | None]
    """
    Who may see it: its creator and the administrators, the organisation, or everybody signed in. Absent = the organisation.
    """


class NewEvaluator(TypedDict):
    """
    One evaluator of a run.
    """

    name: NotRequired[str]
    """
    Unique in the run; absent = named after the kind.
    """
    kind: Literal["exact_match", "contains", "regex", "json_schema", "token_f1", "embedding_similarity"]
    config: NotRequired[dict[str, JsonValue]]


class NewInvitation(TypedDict):
    """
    Whom to invite.
    """

    email: str
    role: Literal["owner", "admin", "member", "viewer"]
    teams: NotRequired[list[str]]
    """
    Ids or slugs of teams to join.
    """


class NewLabel(TypedDict):
    """
    The version that a label shall point at.
    """

    version: int


class NewMember(TypedDict):
    """
    The person to add.
    """

    email: str
    role: Literal["owner", "admin", "member", "viewer"]
    name: NotRequired[str]
    password: NotRequired[str | None]
    """
    Only for a person nobody knew before.
    """


class NewModelParameters(TypedDict):
    """
    What is sent with every request to the model.
    """

    max_tokens: NotRequired[int]
    temperature: NotRequired[float]
    seed: NotRequired[int | None]
    stop: NotRequired[list[str]]


class NewOrganisation(TypedDict):
    """
    The organisation to create; the caller becomes its owner.
    """

    slug: str
    """
    2 to 63 lower-case letters, digits and inner hyphens; must not look like an id.
    """
    name: NotRequired[str | None]
    """
    Absent = the slug.
    """


class NewOwner(TypedDict):
    """
    The member who becomes an owner.
    """

    user_id: str
    """
    UUID of a person or service account.
    """


class NewPrompt(TypedDict):
    """
    The prompt to create.
    """

    name: str
    """
    Unique in the organisation; must not look like an id.
    """
    description: NotRequired[str]
    visibility: NotRequired[Literal["private", "organisation", "public"] | None]
    """
    Who may see it: its creator and the administrators, the organisation, or everybody signed in. Absent = the organisation.
    """


class NewRepository(TypedDict):
    """
    The repository to register.
    """

    name: str
    """
    Unique in the organisation; must not look like an id.
    """
    url: NotRequired[str | None]
    """
    https URL to clone from; absent = bundles are uploaded.
    """


class NewRole(TypedDict):
    """
    The role that a member shall have.
    """

    role: Literal["owner", "admin", "member", "viewer"]


class NewRun(TypedDict):
    """
    The run to create.
    """

    prompt: str
    """
    Id or name.
    """
    label: NotRequired[str | None]
    version: NotRequired[int | None]
    dataset: str
    """
    Id or name.
    """
    dataset_version: NotRequired[int | None]
    """
    Absent = the latest.
    """
    model: str
    """
    A name of the installation's catalogue.
    """
    parameters: NotRequired[NewModelParameters | None]
    evaluators: list[NewEvaluator]


class NewServiceAccount(TypedDict):
    """
    The service account to create.
    """

    name: str
    description: NotRequired[str]
    role: Literal["admin", "member", "viewer"]


class NewTeam(TypedDict):
    """
    The team to create.
    """

    slug: str
    """
    2 to 63 lower-case letters, digits and inner hyphens; must not look like an id.
    """
    name: NotRequired[str | None]
    """
    Absent = the slug.
    """
    description: NotRequired[str]


class OAuthError(TypedDict):
    """
    A refusal (RFC 6749, section 5.2; RFC 8628, section 3.5).
    """

    error: str
    error_description: str


class OAuthTokens(TypedDict):
    """
    A successful answer (RFC 6749, section 5.1).
    """

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    """
    Seconds.
    """
    refresh_token: str
    """
    Works once; using it twice closes the session.
    """
    organisation_id: str | None


class OpenedSession(TypedDict):
    """
    An access token with the refresh token that renews it.
    """

    access_token: str
    """
    A signed JWT (RFC 7519); services verify it offline.
    """
    token_type: Literal["Bearer"]
    expires_in: int
    """
    Seconds.
    """
    expires_at: str
    organisation_id: str | None
    refresh_token: str
    """
    Works once; using it twice closes the session.
    """
    refresh_expires_at: str


class Organisation(TypedDict):
    """
    A tenant.
    """

    id: str
    """
    UUID.
    """
    slug: str
    """
    2 to 63 lower-case letters, digits and inner hyphens; must not look like an id.
    """
    name: str
    created_at: str | None
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """


class OrganisationChange(TypedDict):
    """
    What shall change.
    """

    name: str


class OrganisationPage(TypedDict):
    """
    Organisations of the caller.
    """

    items: list[Organisation]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class PasswordChange(TypedDict):
    """
    The password as it is, and as it shall be.
    """

    current_password: str
    """
    The password as it is.
    """
    new_password: str
    """
    12 to 128 characters, and none of the common ones (NIST SP 800-63B).
    """


class PasswordReset(TypedDict):
    """
    The token of a resetting link, and the new password.
    """

    token: str
    """
    The token of the link that came by e-mail.
    """
    new_password: str
    """
    12 to 128 characters, and none of the common ones (NIST SP 800-63B).
    """


class Prompt(TypedDict):
    """
    A named prompt.
    """

    id: str
    """
    UUID.
    """
    name: str
    """
    Unique in the organisation; must not look like an id.
    """
    description: str
    latest_version: int
    """
    0 = no version yet.
    """
    labels: list[Label]
    created_at: str | None
    updated_at: str | None
    created_by: str
    """
    UUID of a person or service account.
    """
    visibility: Literal["private", "organisation", "public"] | None
    """
    Who may see it: its creator and the administrators, the organisation, or everybody signed in.
    """
    etag: str
    """
    Changes with description, visibility, versions and labels.
    """
    organisation_id: str
    """
    Not the caller's when the prompt is another's and public.
    """


class PromptChange(TypedDict):
    """
    What shall change; what is absent stays.
    """

    description: NotRequired[str | None]
    visibility: NotRequired[Literal["private", "organisation", "public"] | None]
    """
    Who may see it: its creator and the administrators, the organisation, or everybody signed in.
    """


class PromptPage(TypedDict):
    """
    Prompts of the organisation, newest first.
    """

    items: list[Prompt]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class Provider(TypedDict):
    """
    An OpenID Connect provider.
    """

    id: str
    """
    Short name in addresses.
    """
    name: str
    """
    For people.
    """


class ProviderList(TypedDict):
    """
    The providers to choose from, in the order of the settings.
    """

    items: list[Provider]


class RecoveryCodes(TypedDict):
    """
    Codes that each stand in once for the authenticator; shown this once.
    """

    codes: list[str]


class Refresh(TypedDict):
    """
    A refresh token and, to change it, the organisation to act in from now on.
    """

    refresh_token: str
    """
    Works once; using it twice closes the session.
    """
    organisation: NotRequired[str | None]
    """
    Id or slug; absent = as before.
    """


class RenderRequest(TypedDict):
    """
    A version, by label or number or neither (the newest), and values for its variables.
    """

    label: NotRequired[str | None]
    version: NotRequired[int | None]
    variables: NotRequired[dict[str, JsonValue]]


class Repository(TypedDict):
    """
    A repository.
    """

    id: str
    """
    UUID.
    """
    name: str
    """
    Unique in the organisation; must not look like an id.
    """
    url: str
    """
    Empty = bundles are uploaded.
    """
    head_commit: str
    """
    Commit of the newest bundle or clone; empty = none yet.
    """
    created_at: str | None
    updated_at: str | None
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """


class RepositoryChange(TypedDict):
    """
    What shall change; what is absent stays.
    """

    url: NotRequired[str | None]
    """
    https URL to clone from; empty = bundles are uploaded.
    """


class RepositoryPage(TypedDict):
    """
    Repositories of the organisation, newest first.
    """

    items: list[Repository]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class Revoke(TypedDict):
    """
    The session to close.
    """

    refresh_token: str
    """
    Works once; using it twice closes the session.
    """


class RowError(TypedDict):
    """
    Why a row was refused.
    """

    line: int
    """
    Line of the file, from 1.
    """
    message: str


class RunProgress(TypedDict):
    """
    How far a run is, in items.
    """

    total: int
    measured: int
    unmeasured: int
    """
    Items without an answer; never counted as wrong answers.
    """


class RunTotals(TypedDict):
    """
    What the run used.
    """

    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """
    Null when the model's price is unknown.
    """
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class Score(TypedDict):
    """
    What one evaluator said of one answer.
    """

    evaluator: str
    score: float | None
    passed: bool | None
    unmeasured_reason: str
    """
    Empty when it was measured.
    """


class SecondFactorProof(TypedDict):
    """
    The second factor as it is.
    """

    code: str
    """
    Six digits of the authenticator, or a recovery code.
    """


class ServiceAccount(TypedDict):
    """
    A machine that is a member of the organisation; no person's leaving takes its keys away.
    """

    id: str
    """
    UUID.
    """
    name: str
    description: str
    role: Literal["admin", "member", "viewer"] | None
    """
    Its keys may do no more than that.
    """
    created_by: str
    """
    UUID of a person or service account.
    """
    created_at: str | None
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """


class ServiceAccountChange(TypedDict):
    """
    What shall change; what is absent stays.
    """

    name: NotRequired[str | None]
    description: NotRequired[str | None]
    role: NotRequired[Literal["admin", "member", "viewer"] | None]


class ServiceAccountPage(TypedDict):
    """
    Service accounts of the organisation.
    """

    items: list[ServiceAccount]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class Session(TypedDict):
    """
    A session of a person.
    """

    id: str
    """
    UUID.
    """
    method: str
    """
    `password`, `device`, or `sso:` and the provider's id.
    """
    user_agent: str
    """
    What the client called itself; empty = nothing.
    """
    address: str
    """
    Network address it was opened from; empty = not known.
    """
    organisation_id: str
    """
    Empty = none chosen.
    """
    created_at: str | None
    last_used_at: str | None
    expires_at: str | None
    current: bool
    """
    Whether the caller's own token belongs to it.
    """


class SessionPage(TypedDict):
    """
    Open sessions of the caller, newest first.
    """

    items: list[Session]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class SignIn(TypedDict):
    """
    An e-mail address and its password.
    """

    email: str
    password: str
    """
    The password as it is.
    """
    organisation: NotRequired[str | None]
    """
    Id or slug of the organisation to act in; absent = the only one, or none.
    """
    one_time_code: NotRequired[str | None]
    """
    The second factor, for who has one; without it the reason is SECOND_FACTOR_NEEDED.
    """


class SignUp(TypedDict):
    """
    The person to create.
    """

    email: str
    name: str
    password: str
    """
    12 to 128 characters, and none of the common ones (NIST SP 800-63B).
    """
    invitation_token: NotRequired[str | None]
    """
    Of an invitation's link; needed where only invited people may sign up.
    """


class Skipped(TypedDict):
    """
    Files that were left out for one reason.
    """

    reason: str
    files: int


Summary = TypedDict(
    "Summary",
    {
        "from": str | None,
        "to": str | None,
        "counters": Counters | None,
        "models": list[ModelUsage],
    },
)


class Team(TypedDict):
    """
    A group of members.
    """

    id: str
    """
    UUID.
    """
    slug: str
    """
    Unique in the organisation.
    """
    name: str
    description: str
    member_count: int
    created_at: str | None
    etag: str
    """
    Changes with every change; `If-Match` names it. The header `ETag` has it too.
    """


class TeamChange(TypedDict):
    """
    What shall change; what is absent stays.
    """

    name: NotRequired[str | None]
    description: NotRequired[str | None]


class TeamPage(TypedDict):
    """
    Teams of the organisation.
    """

    items: list[Team]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class TotpConfirmation(TypedDict):
    """
    Six digits of the authenticator.
    """

    code: str
    """
    Six digits of the authenticator.
    """


class TotpEnrolment(TypedDict):
    """
    What an authenticator needs; it counts once a code confirmed it.
    """

    secret: str
    """
    Base32 (RFC 4648).
    """
    otpauth_uri: str
    """
    What QR codes hold.
    """


class TrailVerification(TypedDict):
    """
    What computing the chain anew found.
    """

    intact: bool
    entries: int
    """
    How many were looked at.
    """
    first_broken: int
    """
    Sequence of the first entry that is wrong or missing; 0 = none.
    """
    problem: str
    """
    `changed`, `missing` or `truncated`; empty = intact.
    """
    head_hash: str
    """
    Hash of the newest entry, to be kept elsewhere if one wants to notice a rewritten chain.
    """


class UploadedBundle(TypedDict):
    """
    What a bundle holds.
    """

    repository_id: str
    """
    UUID.
    """
    digest: str
    """
    sha256: and the digest of the file.
    """
    head_commit: str
    size_bytes: int


class UsageBucket(TypedDict):
    """
    One bucket of time.
    """

    start: str | None
    counters: Counters | None


class UsageList(TypedDict):
    """
    The buckets in which something happened, oldest first.
    """

    items: list[UsageBucket]


class ErrorAt(TypedDict):
    """
    What is wrong with one part of a request.
    """

    pointer: str
    """
    JSON pointer (RFC 6901) to the part.
    """
    detail: str


class AuditRun(TypedDict):
    """
    Eight audits of one commit of one repository.
    """

    id: str
    """
    UUID.
    """
    repository_id: str
    """
    UUID.
    """
    repository_name: str
    """
    Unique in the organisation; must not look like an id.
    """
    commit: str
    status: Literal["queued", "running", "completed", "not_measured", "failed"] | None
    reason: str
    """
    Why it failed; empty otherwise.
    """
    audits: list[AuditResult]
    health: float | None
    """
    0 to 100 over the measured audits.
    """
    findings: int
    files: int
    lines_of_code: int
    skipped: list[Skipped]
    created_at: str | None
    finished_at: str | None


class AuditRunPage(TypedDict):
    """
    Audit runs of the organisation, newest first.
    """

    items: list[AuditRun]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class Chat(TypedDict):
    """
    A conversation.
    """

    messages: list[ChatMessage]


class Comparison(TypedDict):
    """
    Two runs, measured against each other.
    """

    id: str
    """
    UUID.
    """
    baseline_run_id: str
    """
    UUID.
    """
    candidate_run_id: str
    """
    UUID.
    """
    prompt_id: str
    """
    UUID.
    """
    prompt_name: str
    """
    Unique in the organisation; must not look like an id.
    """
    baseline_version: int
    candidate_version: int
    paired_items: int
    unpaired_items: int
    evaluators: list[EvaluatorComparison]
    metrics: list[MetricComparison]
    primary_evaluator: str
    verdict: Literal["better", "worse", "no_evidence"] | None
    reason: str
    created_at: str | None


class Content(TypedDict):
    """
    What is sent to a language model, with {{ variables }}; one of the two is null.
    """

    text: str | None
    """
    One text, sent as the user's message.
    """
    chat: Chat | None


class GraphQLAnswer(TypedDict):
    """
    What was read, and what could not be; there are no `errors` where everything could.
    """

    data: NotRequired[dict[str, JsonValue] | None]
    errors: NotRequired[list[dict[str, JsonValue]] | None]
    """
    Their `extensions.code` is the `reason` of a problem document.
    """


class GraphQLRequest(TypedDict):
    """
    A query, or the hash of one that the installation knows.
    """

    query: NotRequired[str | None]
    variables: NotRequired[dict[str, JsonValue] | None]
    operationName: NotRequired[str | None]
    """
    Which operation of the document to run.
    """
    extensions: NotRequired[dict[str, JsonValue] | None]
    """
    `persistedQuery`: {version: 1, sha256Hash} of a query that is known, or is to be kept.
    """


class Identity(TypedDict):
    """
    The caller.
    """

    subject: str
    """
    Id of the user or of the API key.
    """
    kind: Literal["user", "api_key"]
    email: str
    """
    Empty for API keys.
    """
    name: str
    """
    Of the person or of the key.
    """
    organisation: Organisation | None
    """
    Null when the token names none.
    """
    permissions: list[str]
    role: Literal["owner", "admin", "member", "viewer"] | None
    """
    In the organisation; null without one.
    """
    session_id: str
    """
    Empty for API keys.
    """


class ImportReport(TypedDict):
    """
    What became of a file.
    """

    dataset_id: str
    """
    UUID.
    """
    version: int
    imported: int
    errors: list[RowError]
    """
    At most 100; rejected counts all.
    """
    rejected: int


class ItemResult(TypedDict):
    """
    What came of one item.
    """

    item_id: str
    """
    UUID.
    """
    index: int
    output: str | None
    """
    The model's answer; null when unmeasured.
    """
    scores: list[Score]
    unmeasured_reason: str
    """
    Empty when it was measured.
    """
    latency_ms: float | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    attempts: int
    completed_at: str | None


class ItemResultPage(TypedDict):
    """
    Results of a run, in the dataset's order.
    """

    items: list[ItemResult]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class NewChat(TypedDict):
    """
    A conversation.
    """

    messages: list[NewChatMessage]


class NewContent(TypedDict):
    """
    What is sent to a language model, with {{ variables }}: either text or chat.
    """

    text: NotRequired[str | None]
    chat: NotRequired[NewChat | None]


class NewVersion(TypedDict):
    """
    The version to append.
    """

    content: NewContent
    commit_message: NotRequired[str]


class Run(TypedDict):
    """
    A run of one prompt version over one dataset version.
    """

    id: str
    """
    UUID.
    """
    prompt_id: str
    """
    UUID.
    """
    prompt_name: str
    """
    Unique in the organisation; must not look like an id.
    """
    prompt_version: int
    dataset_id: str
    """
    UUID.
    """
    dataset_name: str
    """
    Unique in the organisation; must not look like an id.
    """
    dataset_version: int
    model: str
    parameters: ModelParameters | None
    evaluators: list[Evaluator]
    status: Literal["queued", "running", "completed", "cancelled"] | None
    progress: RunProgress | None
    summaries: list[EvaluatorSummary]
    totals: RunTotals | None
    created_at: str | None
    finished_at: str | None
    created_by: str
    """
    UUID of a person or service account.
    """
    visibility: Literal["private", "organisation", "public"] | None
    """
    Private when its prompt or its dataset was private when it was created.
    """


class RunPage(TypedDict):
    """
    Runs of the organisation, newest first.
    """

    items: list[Run]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class Version(TypedDict):
    """
    One immutable version of a prompt.
    """

    prompt_id: str
    """
    UUID.
    """
    prompt_name: str
    """
    Unique in the organisation; must not look like an id.
    """
    number: int
    content: Content
    content_hash: str
    """
    sha256: and the digest of the canonical content (RFC 8785).
    """
    commit_message: str
    variables: list[str]
    created_at: str | None
    created_by: str
    """
    UUID of a person or service account.
    """
    labels: list[str]
    """
    The labels that point here now.
    """
    visibility: Literal["private", "organisation", "public"] | None
    """
    The prompt's.
    """


class VersionPage(TypedDict):
    """
    Versions of a prompt, newest first.
    """

    items: list[Version]
    next_cursor: str | None
    """
    `cursor` of the next page; null at the end.
    """


class ProblemDocument(TypedDict):
    """
    A problem (RFC 9457). Some kinds carry more members, such as `permission` on a 403.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    """
    Path of the request.
    """
    request_id: str
    """
    To be named when asking for help.
    """
    reason: str
    """
    The rule that was broken, for programs.
    """
    errors: list[ErrorAt]


class Rendered(TypedDict):
    """
    The messages to send.
    """

    version: Version
    messages: list[ChatMessage]
