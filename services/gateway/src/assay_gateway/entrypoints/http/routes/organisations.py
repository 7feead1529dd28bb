"""Organisations."""

from __future__ import annotations

from assay.auth.v1 import organisations_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.auth import NewOrganisation, Organisation, OrganisationPage
from assay_gateway.messages import Json, to_json

router = api_router("/v1/organisations", "organisations")


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
async def get_organisation(organisation_id: str, services: TheServices) -> Json:
    """The organisation that the token names."""
    return to_json(await services.organisations.GetOrganisation(pb.GetOrganisationRequest(id=organisation_id)))
