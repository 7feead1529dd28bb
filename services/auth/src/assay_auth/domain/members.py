"""People, their place in an organisation, and who may change it."""

import zlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assay_auth.domain.errors import LastOwner, OwnershipReserved, PermissionLost
from assay_auth.domain.roles import Role


@dataclass(frozen=True, slots=True)
class User:
    """A person, known to the whole installation."""

    id: UUID
    email: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation."""

    user_id: UUID
    email: str
    name: str
    role: Role
    joined_at: datetime
    revision: int = 1

    @property
    def etag(self) -> str:
        """Names this state of the membership, and of the person's name and address, which are shown with it."""
        shown = zlib.crc32(f"{self.email}\0{self.name}".encode())
        return f"{self.revision}-{shown:08x}"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller may do now, as the database knows it; a token may be some minutes older.

    Without it somebody who was removed could use the last minutes of a token to come back, or to leave a key behind.
    """

    permissions: frozenset[str]
    role: Role | None = None
    """What the caller is to the organisation; a key is what its owner is."""
    is_owner: bool = False
    """Whether the caller is an owner in person: a key of an owner is not."""

    def require(self, permission: str) -> None:
        """Raise PermissionLost unless the caller still has the permission."""
        if permission not in self.permissions:
            raise PermissionLost(f"you no longer have the permission {permission}", permission=permission)


NO_STANDING = Standing(frozenset())
"""Of somebody who is not in the organisation any more."""


def check_joining(actor: Standing, role: Role) -> None:
    """Whether `actor` may add somebody in this role; raises OwnershipReserved."""
    if role is Role.OWNER:
        _owners_only(actor)


def check_role_change(actor: Standing, member: Member, role: Role, owners: int) -> None:
    """Whether `actor` may give `member` another role where there are `owners`; raises OwnershipReserved, LastOwner."""
    if Role.OWNER in (member.role, role):
        _owners_only(actor)
    if member.role is Role.OWNER and role is not Role.OWNER and owners == 1:
        raise LastOwner("the last owner keeps the role: make somebody else an owner first")


def check_removal(actor: Standing, member: Member, owners: int) -> None:
    """Whether `actor` may remove `member` where there are `owners`; raises OwnershipReserved, LastOwner."""
    if member.role is Role.OWNER:
        _owners_only(actor)
        if owners == 1:
            raise LastOwner("the last owner stays: make somebody else an owner first")


def check_leaving(member: Member, owners: int) -> None:
    """Whether `member` may leave where there are `owners`; raises LastOwner."""
    if member.role is Role.OWNER and owners == 1:
        raise LastOwner("the last owner cannot leave: make somebody else an owner first")


def check_transfer(actor: Standing) -> None:
    """Whether `actor` may hand the ownership over; raises OwnershipReserved."""
    if not actor.is_owner:
        raise OwnershipReserved("only an owner hands the ownership over")


def _owners_only(actor: Standing) -> None:
    if not actor.is_owner:
        raise OwnershipReserved("only an owner makes an owner, demotes one or removes one")
