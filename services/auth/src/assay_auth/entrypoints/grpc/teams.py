"""assay.auth.v1.TeamService."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import organisations_pb2, teams_pb2, teams_pb2_grpc
from assay_auth.application.teams.change_team import DeleteTeam, UpdateTeam
from assay_auth.application.teams.create_team import CreateTeam
from assay_auth.application.teams.read_teams import GetTeam, ListTeamMembers, ListTeams
from assay_auth.application.teams.team_members import AddTeamMember, RemoveTeamMember
from assay_auth.entrypoints.grpc.messages import member_message, next_page_token, page_request, team_message
from assay_common.identity import principal, tenant


@dataclass(frozen=True, slots=True)
class TeamServicer(teams_pb2_grpc.TeamServiceServicer):
    """Groups of members."""

    create_team: CreateTeam
    get_team: GetTeam
    list_teams: ListTeams
    update_team: UpdateTeam
    delete_team: DeleteTeam
    add_team_member: AddTeamMember
    remove_team_member: RemoveTeamMember
    list_team_members: ListTeamMembers

    async def CreateTeam(self, request: teams_pb2.CreateTeamRequest, context: Any) -> teams_pb2.Team:
        """Create a team."""
        return team_message(
            await self.create_team(principal(), tenant(), request.slug, request.name, request.description)
        )

    async def GetTeam(self, request: teams_pb2.GetTeamRequest, context: Any) -> teams_pb2.Team:
        """Show a team."""
        return team_message(await self.get_team(tenant(), request.team))

    async def ListTeams(self, request: teams_pb2.ListTeamsRequest, context: Any) -> teams_pb2.ListTeamsResponse:
        """List the teams of the caller's organisation."""
        page = await self.list_teams(tenant(), page_request(request.page_size, request.page_token))
        return teams_pb2.ListTeamsResponse(teams=map(team_message, page.items), next_page_token=next_page_token(page))

    async def UpdateTeam(self, request: teams_pb2.UpdateTeamRequest, context: Any) -> teams_pb2.Team:
        """Change a team."""
        team = await self.update_team(
            principal(),
            tenant(),
            request.team,
            name=request.name if request.HasField("name") else None,
            description=request.description if request.HasField("description") else None,
            etag=request.etag,
        )
        return team_message(team)

    async def DeleteTeam(self, request: teams_pb2.DeleteTeamRequest, context: Any) -> Empty:
        """Delete a team."""
        await self.delete_team(principal(), tenant(), request.team, request.etag)
        return Empty()

    async def AddTeamMember(self, request: teams_pb2.AddTeamMemberRequest, context: Any) -> organisations_pb2.Member:
        """Put a member into a team."""
        return member_message(await self.add_team_member(principal(), tenant(), request.team, request.user_id))

    async def RemoveTeamMember(self, request: teams_pb2.RemoveTeamMemberRequest, context: Any) -> Empty:
        """Take a member out of a team."""
        await self.remove_team_member(principal(), tenant(), request.team, request.user_id)
        return Empty()

    async def ListTeamMembers(
        self, request: teams_pb2.ListTeamMembersRequest, context: Any
    ) -> teams_pb2.ListTeamMembersResponse:
        """List the members of a team."""
        page = await self.list_team_members(tenant(), request.team, page_request(request.page_size, request.page_token))
        return teams_pb2.ListTeamMembersResponse(
            members=map(member_message, page.items), next_page_token=next_page_token(page)
        )
