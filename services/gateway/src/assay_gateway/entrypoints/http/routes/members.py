"""Members of the caller's organisation."""

from __future__ import annotations

from assay.auth.v1 import organisations_pb2 as pb
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InUser
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.organisations import Member, MemberPage, NewMember, NewRole
from assay_gateway.messages import Json, numbers_of, to_json

router = api_router("/v1/members", "members")

_ROLES = numbers_of(pb.Role)


@router.get("", response_model=MemberPage)
async def list_members(services: TheServices, part: Page) -> Json:
    """The members of the organisation."""
    found = await services.organisations.ListMembers(
        pb.ListMembersRequest(page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.members, found.next_page_token)


@router.post("", status_code=201, response_model=Member, responses=problems(400, 409, 413, 415))
async def add_member(body: NewMember, services: TheServices) -> Json:
    """Add a person; one whom nobody knew before is created with the password given."""
    request = pb.AddMemberRequest(
        email=body.email, name=body.name, role=_ROLES[body.role], password=body.password or ""
    )
    return to_json(await services.organisations.AddMember(request))


@router.get("/{user_id}", response_model=Member)
async def get_member(user_id: InUser, services: TheServices) -> Json:
    """One member."""
    return to_json(await services.organisations.GetMember(pb.GetMemberRequest(user_id=user_id)))


@router.patch("/{user_id}", response_model=Member, responses=problems(400, 409, 412, 413, 415))
async def change_role(user_id: InUser, body: NewRole, services: TheServices, if_match: IfMatch) -> Json:
    """Give a member another role; the last owner keeps theirs."""
    request = pb.ChangeRoleRequest(user_id=user_id, role=_ROLES[body.role], etag=if_match)
    return to_json(await services.organisations.ChangeRole(request))


@router.delete("/{user_id}", status_code=204, responses=problems(409, 412))
async def remove_member(user_id: InUser, services: TheServices, if_match: IfMatch) -> None:
    """Remove a member; the last owner stays."""
    await services.organisations.RemoveMember(pb.RemoveMemberRequest(user_id=user_id, etag=if_match))
