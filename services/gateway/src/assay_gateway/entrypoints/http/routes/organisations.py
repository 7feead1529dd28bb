"""Organisations."""

from __future__ import annotations

from assay.auth.v1 import organisations_pb2 as pb
from assay_common.errors import NotFound
from assay_common.identity import tenant
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.organisations import (
    Member,
    NewOrganisation,
    NewOwner,
    Organisation,
    OrganisationChange,
    OrganisationPage,
)
from assay_gateway.messages import Json, to_json

router = api_router("/v1/organisations", "organisations")


class OrganisationNotFound(NotFound):
    """There is no such organisation, or it is not the one that the token names."""


@router.post("", status_code=201, response_model=Organisation, responses=problems(400, 409, 413, 415))
async def create_organisation(body: NewOrganisation, services: TheServices) -> Json:
    """Create an organisation; the caller becomes its owner."""
    request = pb.CreateOrganisationRequest(slug=body.slug, name=body.name or "")
    return to_json(await services.organisations.CreateOrganisation(request))


@router.get("", response_model=OrganisationPage)
async def list_organisations(services: TheServices, part: Page) -> Json:
    """The organisations that the caller is a member of."""
    found = await services.organisations.ListOrganisations(
        pb.ListOrganisationsRequest(page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.organisations, found.next_page_token)


@router.get("/{organisation_id}", response_model=Organisation)
async def get_organisation(organisation_id: InId, services: TheServices) -> Json:
    """The organisation that the token names."""
    return to_json(await services.organisations.GetOrganisation(pb.GetOrganisationRequest(id=organisation_id)))


@router.patch("/{organisation_id}", response_model=Organisation, responses=problems(400, 412, 413, 415))
async def update_organisation(
    organisation_id: InId, body: OrganisationChange, services: TheServices, if_match: IfMatch
) -> Json:
    """Change the name of the organisation that the token names."""
    request = pb.UpdateOrganisationRequest(id=organisation_id, name=body.name, etag=if_match)
    return to_json(await services.organisations.UpdateOrganisation(request))


@router.post("/{organisation_id}/transfer", response_model=Member, responses=problems(400, 409, 413, 415))
async def transfer_ownership(organisation_id: InId, body: NewOwner, services: TheServices) -> Json:
    """Make a member an owner and the caller an administrator. Only an owner can."""
    _ensure_own(organisation_id)
    return to_json(await services.organisations.TransferOwnership(pb.TransferOwnershipRequest(user_id=body.user_id)))


@router.post("/{organisation_id}/leave", status_code=204, responses=problems(409))
async def leave_organisation(organisation_id: InId, services: TheServices) -> None:
    """Leave the organisation that the token names; the last owner cannot."""
    _ensure_own(organisation_id)
    await services.organisations.LeaveOrganisation(pb.LeaveOrganisationRequest())


def _ensure_own(organisation_id: str) -> None:
    """The path names what the token names already, so that nobody leaves an organisation by mistake."""
    if organisation_id.lower() != str(tenant()):
        raise OrganisationNotFound("there is no such organisation, or the token names another one")
