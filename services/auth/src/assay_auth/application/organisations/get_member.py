"""Show a member."""

from dataclasses import dataclass
from uuid import UUID

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.errors import MemberNotFound
from assay_auth.domain.members import Member
from assay_auth.domain.text import missing, parsed_id, refuse


@dataclass(frozen=True, slots=True)
class GetMember:
    """Find a member of the caller's organisation."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, wanted: str) -> Member:
        """The member; raises InvalidArgument, MemberNotFound."""
        refuse(*missing("user_id", wanted))
        user_id = parsed_id(wanted)
        if user_id is None:
            raise MemberNotFound("the organisation has no such member")
        async with self.uow(org_id) as tx:
            return await tx.members.get(org_id, user_id)
