"""Machines that are members of the organisation."""

from __future__ import annotations

from assay.auth.v1 import service_accounts_pb2 as pb
from assay.auth.v1.organisations_pb2 import ROLE_UNSPECIFIED, Role
from assay_gateway.entrypoints.http.etags import IfMatch
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.machines import (
    NewServiceAccount,
    ServiceAccount,
    ServiceAccountChange,
    ServiceAccountPage,
)
from assay_gateway.messages import Json, numbers_of, to_json

router = api_router("/v1/service-accounts", "service accounts")

_ROLES = numbers_of(Role)


@router.post("", status_code=201, response_model=ServiceAccount, responses=problems(400, 409, 413, 415))
async def create_service_account(body: NewServiceAccount, services: TheServices) -> Json:
    """Create a service account; nobody makes one that may do more than themselves."""
    request = pb.CreateServiceAccountRequest(name=body.name, description=body.description, role=_ROLES[body.role])
    return to_json(await services.service_accounts.CreateServiceAccount(request))


@router.get("", response_model=ServiceAccountPage)
async def list_service_accounts(services: TheServices, part: Page) -> Json:
    """The organisation's service accounts."""
    found = await services.service_accounts.ListServiceAccounts(
        pb.ListServiceAccountsRequest(page_size=part.page_size, page_token=part.page_token)
    )
    return page(found.service_accounts, found.next_page_token)


@router.get("/{service_account_id}", response_model=ServiceAccount)
async def get_service_account(service_account_id: InId, services: TheServices) -> Json:
    """One service account."""
    request = pb.GetServiceAccountRequest(id=service_account_id)
    return to_json(await services.service_accounts.GetServiceAccount(request))


@router.patch("/{service_account_id}", response_model=ServiceAccount, responses=problems(400, 409, 412, 413, 415))
async def update_service_account(
    service_account_id: InId, body: ServiceAccountChange, services: TheServices, if_match: IfMatch
) -> Json:
    """Change a service account's name, description or role."""
    request = pb.UpdateServiceAccountRequest(
        id=service_account_id,
        name=body.name,
        description=body.description,
        role=_ROLES[body.role] if body.role else ROLE_UNSPECIFIED,
        etag=if_match,
    )
    return to_json(await services.service_accounts.UpdateServiceAccount(request))


@router.delete("/{service_account_id}", status_code=204, responses=problems(412))
async def delete_service_account(service_account_id: InId, services: TheServices, if_match: IfMatch) -> None:
    """Delete a service account; its keys stop working."""
    request = pb.DeleteServiceAccountRequest(id=service_account_id, etag=if_match)
    await services.service_accounts.DeleteServiceAccount(request)
