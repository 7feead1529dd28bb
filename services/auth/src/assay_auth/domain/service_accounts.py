"""Service accounts: machines that are members, whose keys no person's leaving takes away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from assay_auth.domain.errors import RoleExceedsCreator, ServiceAccountNotFound
from assay_auth.domain.members import Standing
from assay_auth.domain.roles import Role
from assay_auth.domain.text import description_violations, missing, name_violations, parsed_id, refuse
from assay_common.errors import Violation


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A machine."""

    id: UUID
    org_id: UUID
    name: str
    description: str
    role: Role
    created_by: UUID
    created_at: datetime
    revision: int = 1

    @property
    def etag(self) -> str:
        """Names this state of the service account."""
        return str(self.revision)

    def changed(
        self, actor: Standing, *, name: str | None, description: str | None, role: Role | None
    ) -> "ServiceAccount":
        """The account as `actor` wants it, as a new revision; itself if nothing differs.

        Raises InvalidArgument, RoleExceedsCreator.
        """
        new = replace(
            self,
            name=self.name if name is None else name.strip(),
            description=self.description if description is None else description,
            role=role or self.role,
        )
        check_service_account(actor, new)
        return self if new == self else replace(new, revision=self.revision + 1)


def check_service_account(actor: Standing, account: ServiceAccount) -> None:
    """Whether `actor` may make such an account; raises InvalidArgument, RoleExceedsCreator."""
    refuse(*_violations(account))
    if actor.role is None or account.role.exceeds(actor.role):
        raise RoleExceedsCreator("a service account cannot be allowed more than you are", role=account.role.value)


def service_account_id(field: str, text: str) -> UUID:
    """The id that a request names; raises InvalidArgument when there is none, ServiceAccountNotFound for no id."""
    refuse(*missing(field, text))
    account_id = parsed_id(text)
    if account_id is None:
        raise ServiceAccountNotFound("the organisation has no such service account")
    return account_id


def _violations(account: ServiceAccount) -> Iterator[Violation]:
    yield from name_violations("name", account.name)
    yield from description_violations("description", account.description)
    if account.role is Role.OWNER:
        yield Violation("role", "must be admin, member or viewer: an owner is a person")
