"""Wires teams."""

from assay.auth.v1.teams_pb2_grpc import add_TeamServiceServicer_to_server
from assay_auth.application.teams.change_team import DeleteTeam, UpdateTeam
from assay_auth.application.teams.create_team import CreateTeam
from assay_auth.application.teams.read_teams import GetTeam, ListTeamMembers, ListTeams
from assay_auth.application.teams.team_members import AddTeamMember, RemoveTeamMember
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.teams import TeamServicer
from assay_common.rpc.server import Servicer


def team_service(parts: Parts) -> Servicer:
    """TeamService."""
    return add_TeamServiceServicer_to_server, TeamServicer(
        create_team=CreateTeam(parts.uow, parts.find_standing, parts.clock),
        get_team=GetTeam(parts.uow),
        list_teams=ListTeams(parts.uow),
        update_team=UpdateTeam(parts.uow, parts.find_standing),
        delete_team=DeleteTeam(parts.uow, parts.find_standing),
        add_team_member=AddTeamMember(parts.uow, parts.find_standing, parts.clock),
        remove_team_member=RemoveTeamMember(parts.uow, parts.find_standing),
        list_team_members=ListTeamMembers(parts.uow),
    )
