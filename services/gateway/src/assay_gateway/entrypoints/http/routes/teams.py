"""Groups of members."""

from __future__ import annotations

from assay.auth.v1 import teams_pb2 as pb
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InTeam, InUser
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.organisations import Member, MemberPage, NewTeam, Team, TeamChange, TeamPage
from assay_gateway.messages import Json, to_json

router = api_router("/v1/teams", "teams")


@router.post("", status_code=201, response_model=Team, responses=problems(400, 409, 413, 415))
async def create_team(body: NewTeam, services: TheServices) -> Json:
    """Create a team without members."""
    request = pb.CreateTeamRequest(slug=body.slug, name=body.name or "", description=body.description)
    return to_json(await services.teams.CreateTeam(request))


@router.get("", response_model=TeamPage)
async def list_teams(services: TheServices, part: Page) -> Json:
    """The organisation's teams."""
    found = await services.teams.ListTeams(pb.ListTeamsRequest(page_size=part.page_size, page_token=part.page_token))
    return page(found.teams, found.next_page_token)


@router.get("/{team}", response_model=Team)
async def get_team(team: InTeam, services: TheServices) -> Json:
    """One team, by id or slug."""
    return to_json(await services.teams.GetTeam(pb.GetTeamRequest(team=team)))


@router.patch("/{team}", response_model=Team, responses=problems(400, 412, 413, 415))
async def update_team(team: InTeam, body: TeamChange, services: TheServices, if_match: IfMatch) -> Json:
    """Change a team's name or description."""
    request = pb.UpdateTeamRequest(team=team, name=body.name, description=body.description, etag=if_match)
    return to_json(await services.teams.UpdateTeam(request))


@router.delete("/{team}", status_code=204, responses=problems(412))
async def delete_team(team: InTeam, services: TheServices, if_match: IfMatch) -> None:
    """Delete a team; its members stay in the organisation."""
    await services.teams.DeleteTeam(pb.DeleteTeamRequest(team=team, etag=if_match))


@router.get("/{team}/members", response_model=MemberPage)
async def list_team_members(team: InTeam, services: TheServices, part: Page) -> Json:
    """The members of a team."""
    found = await services.teams.ListTeamMembers(
        pb.ListTeamMembersRequest(team=team, page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.members, found.next_page_token)


@router.put("/{team}/members/{user_id}", response_model=Member)
async def add_team_member(team: InTeam, user_id: InUser, services: TheServices) -> Json:
    """Put a member of the organisation into the team; one who is in it stays in it."""
    return to_json(await services.teams.AddTeamMember(pb.AddTeamMemberRequest(team=team, user_id=user_id)))


@router.delete("/{team}/members/{user_id}", status_code=204)
async def remove_team_member(team: InTeam, user_id: InUser, services: TheServices) -> None:
    """Take a member out of the team."""
    await services.teams.RemoveTeamMember(pb.RemoveTeamMemberRequest(team=team, user_id=user_id))
