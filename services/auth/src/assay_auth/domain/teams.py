"""Teams: groups of an organisation's members."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from assay_auth.domain.text import description_violations, name_violations, refuse, slug_violations


@dataclass(frozen=True, slots=True)
class Team:
    """A group of members."""

    id: UUID
    org_id: UUID
    slug: str
    name: str
    description: str
    created_at: datetime
    member_count: int = 0
    revision: int = 1

    @property
    def etag(self) -> str:
        """Names this state of the team; its members are part of it."""
        return str(self.revision)

    def changed(self, name: str | None, description: str | None) -> "Team":
        """The team with another name or description, as a new revision; itself if nothing differs.

        Raises InvalidArgument.
        """
        refuse(
            *(name_violations("name", name) if name is not None else ()),
            *(description_violations("description", description) if description is not None else ()),
        )
        new = replace(
            self,
            name=self.name if name is None else name.strip(),
            description=self.description if description is None else description,
        )
        return self if new == self else replace(new, revision=self.revision + 1)


def new_team(team_id: UUID, org_id: UUID, slug: str, name: str, description: str, at: datetime) -> Team:
    """A team without members, named by its slug unless it has a name; raises InvalidArgument."""
    refuse(
        *slug_violations("slug", slug),
        *name_violations("name", name, required=False),
        *description_violations("description", description),
    )
    return Team(team_id, org_id, slug, name.strip() or slug, description, at)
