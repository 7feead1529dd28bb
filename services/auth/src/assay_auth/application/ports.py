"""What the use cases need from the outside."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from assay_auth.application.pages import PageRequest
from assay_auth.domain.access import KeyMaterial, SigningKey
from assay_auth.domain.api_keys import ApiKey
from assay_auth.domain.events import Event
from assay_auth.domain.members import Member, User
from assay_auth.domain.organisations import Membership, Organisation
from assay_auth.domain.roles import Role
from assay_auth.domain.sessions import NewFamily, NewToken, StoredToken


@dataclass(frozen=True, slots=True)
class Credentials:
    """A person and the hash of their password."""

    user: User
    password_hash: str


class Users(Protocol):
    """People, of all organisations."""

    async def find(self, user_id: UUID) -> User | None:
        """The person with this id."""

    async def credentials(self, email: str) -> Credentials | None:
        """The person with this address (in normal form)."""

    async def add(self, user: User, password_hash: str) -> bool:
        """Add a person; False when the address is taken."""

    async def replace_hash(self, user_id: UUID, old: str, new: str) -> None:
        """Put a new hash in the place of `old`; nothing happens when that was replaced meanwhile."""

    async def lock(self) -> None:
        """Wait until nobody else holds this lock, and hold it until the transaction ends."""

    async def exist(self) -> bool:
        """Whether there is anybody at all."""


class Organisations(Protocol):
    """Tenants."""

    async def add(self, organisation: Organisation) -> None:
        """Add one; raises SlugTaken."""

    async def find(self, org_id: UUID) -> Organisation | None:
        """The organisation with this id."""

    async def of_subject(self, subject: UUID, page: PageRequest) -> Sequence[Organisation]:
        """Those a person is a member of, or that an API key belongs to."""

    async def lock(self, org_id: UUID) -> None:
        """Let nobody else change the organisation or its members until the transaction ends."""


class Members(Protocol):
    """People in organisations."""

    async def add(self, org_id: UUID, user_id: UUID, role: Role, joined_at: datetime) -> None:
        """Add one; raises AlreadyMember, and SubjectUnknown when there is no such person."""

    async def get(self, org_id: UUID, user_id: UUID) -> Member:
        """One member; raises MemberNotFound."""

    async def role_of(self, org_id: UUID, user_id: UUID) -> Role | None:
        """The person's role, None when they are no member."""

    async def memberships_of(self, user_id: UUID) -> Sequence[Membership]:
        """All organisations of a person."""

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[Member]:
        """Members in the order of their ids."""

    async def count_owners(self, org_id: UUID) -> int:
        """How many owners the organisation has."""

    async def change_role(self, org_id: UUID, user_id: UUID, role: Role) -> None:
        """Give a member another role."""

    async def remove(self, org_id: UUID, user_id: UUID) -> None:
        """Remove a member."""


class ApiKeys(Protocol):
    """Keys for machines."""

    async def add(self, key: ApiKey, digest: bytes) -> None:
        """Add a key under the digest of its secret."""

    async def find(self, key_id: UUID) -> ApiKey | None:
        """The key with this id."""

    async def find_by_digest(self, digest: bytes) -> ApiKey | None:
        """The key whose secret has this digest."""

    async def get_for_change(self, org_id: UUID, key_id: UUID) -> ApiKey:
        """One key, locked until the transaction ends; raises ApiKeyNotFound."""

    async def save(self, key: ApiKey) -> None:
        """Store what has changed of a key: when it was revoked."""

    async def page(self, org_id: UUID, page: PageRequest) -> Sequence[ApiKey]:
        """Keys in the order of their ids."""


class RefreshTokens(Protocol):
    """Families of refresh tokens."""

    async def open(self, family: NewFamily, token: NewToken) -> None:
        """Store a family with its first token, and forget the person's expired families."""

    async def find_for_change(self, digest: bytes) -> StoredToken | None:
        """The token with this digest, its family locked until the transaction ends."""

    async def rotate(self, spent: StoredToken, successor: NewToken, org_id: UUID | None) -> None:
        """Replace a token by its successor, in the organisation the session goes on in."""

    async def revoke(self, family_id: UUID, at: datetime) -> None:
        """Close a family for good."""


class SigningKeys(Protocol):
    """Keys that sign access tokens."""

    async def lock(self) -> None:
        """Wait until nobody else holds this lock, and hold it until the transaction ends."""

    async def add(self, key: SigningKey) -> None:
        """Add a key."""

    async def newest(self) -> SigningKey | None:
        """The key made last."""

    async def verifying_at(self, now: datetime) -> Sequence[SigningKey]:
        """All keys whose tokens may still be good."""


class Transaction(Protocol):
    """Everything done through it is committed together, or not at all."""

    @property
    def users(self) -> Users:
        """People."""

    @property
    def organisations(self) -> Organisations:
        """Tenants."""

    @property
    def members(self) -> Members:
        """People in organisations."""

    @property
    def api_keys(self) -> ApiKeys:
        """Keys for machines."""

    @property
    def refresh_tokens(self) -> RefreshTokens:
        """Sessions."""

    @property
    def signing_keys(self) -> SigningKeys:
        """Keys of access tokens."""

    async def record(self, *events: Event) -> None:
        """Store what happened; others are told after the commit."""


class UnitOfWork(Protocol):
    """Opens transactions."""

    def __call__(self, org_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """One that sees a single organisation."""

    def system(self) -> AbstractAsyncContextManager[Transaction]:
        """One that sees everything: where no organisation is known yet, and for what belongs to people."""


class PasswordHasher(Protocol):
    """Slow hashes of passwords."""

    async def hash(self, password: str) -> str:
        """The hash to store, with its parameters in it."""

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits; None fits nothing and takes as long."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""


class KeyMaker(Protocol):
    """Makes key pairs."""

    def generate(self) -> KeyMaterial:
        """A new key pair, its private half sealed."""


class TokenSigner(Protocol):
    """Signs tokens."""

    def sign(self, key: KeyMaterial, claims: Mapping[str, Any]) -> str:
        """The claims as a signed JWT (RFC 7519)."""
