"""The policy of `assay_common.visibility` as a condition of SQL, for lists and batches.

The condition asks `may` which visibilities the caller reads as what; nothing is decided here.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay_common.identity import Principal
from assay_common.visibility import Action, Relation, Visibility, may, relations_of

_NOBODY: Final[frozenset[Relation]] = frozenset()


@dataclass(frozen=True, slots=True)
class Visible:
    """What a caller may read of a table that has the columns org_id, visibility and created_by."""

    org_id: UUID | None
    inside: list[str]
    """What is read of the own organisation's rows, whoever created them."""
    created: list[str]
    """What is read of the rows that the caller created there."""
    creators: list[UUID]
    """Whose rows count as the caller's."""
    outside: list[str]
    """What is read of the rows of other organisations, as far as the transaction shows any."""

    @classmethod
    def to(cls, caller: Principal) -> "Visible":
        """What this caller may read."""
        if caller.org_id is None:
            own = other = _NOBODY
        else:
            own = relations_of(caller, caller.org_id, caller.acts_for)
            other = own - {Relation.CREATOR}
        return cls(
            org_id=caller.org_id,
            inside=_read_as(other),
            created=_read_as(own),
            creators=[caller.acts_for, caller.subject],
            outside=_read_as(frozenset({Relation.OUTSIDER})),
        )

    @staticmethod
    def condition(table: str, first: int = 1) -> str:
        """The condition on rows of `table` (its name or alias); it takes `values` from parameter `first` on."""
        org_id, inside, created, creators, outside = (f"${number}" for number in range(first, first + 5))
        return f"""
            CASE WHEN {table}.org_id = {org_id}::uuid
                 THEN {table}.visibility = ANY ({inside}::text[])
                      OR {table}.visibility = ANY ({created}::text[]) AND {table}.created_by = ANY ({creators}::uuid[])
                 ELSE {table}.visibility = ANY ({outside}::text[])
            END
        """

    @property
    def values(self) -> tuple[UUID | None, list[str], list[str], list[UUID], list[str]]:
        """The values of the condition's parameters."""
        return self.org_id, self.inside, self.created, self.creators, self.outside


def _read_as(relations: frozenset[Relation]) -> list[str]:
    return [visibility.value for visibility in Visibility if may(relations, Action.READ, visibility)]
