"""End a membership, with everything that hangs on it."""

from datetime import datetime
from uuid import UUID

from assay_auth.application.ports import Transaction
from assay_auth.domain.events import ApiKeyRevoked, MemberRemoved, TeamMemberRemoved


async def end_membership(tx: Transaction, org_id: UUID, user_id: UUID, at: datetime) -> None:
    """Remove a member in the transaction of whoever decided so: their teams and their keys go with them.

    The keys are revoked, not only useless, so that coming back does not revive them.
    """
    teams = await tx.teams.of_member(org_id, user_id)
    for team_id in teams:
        await tx.teams.remove_member(org_id, team_id, user_id)
    keys = await tx.api_keys.revoke_of(user_id, at, org_id)
    await tx.members.remove(org_id, user_id)
    await tx.record(
        *(TeamMemberRemoved(org_id, team_id, user_id) for team_id in teams),
        *(ApiKeyRevoked(org_id, key.id) for key in keys),
        MemberRemoved(org_id, user_id),
    )
