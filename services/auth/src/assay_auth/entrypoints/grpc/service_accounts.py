"""assay.auth.v1.ServiceAccountService."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import service_accounts_pb2, service_accounts_pb2_grpc
from assay_auth.application.machines.change_service_account import DeleteServiceAccount, UpdateServiceAccount
from assay_auth.application.machines.create_service_account import CreateServiceAccount
from assay_auth.application.machines.read_service_accounts import GetServiceAccount, ListServiceAccounts
from assay_auth.entrypoints.grpc.messages import (
    next_page_token,
    page_request,
    role_from,
    role_wanted,
    service_account_message,
)
from assay_common.identity import principal, tenant


@dataclass(frozen=True, slots=True)
class ServiceAccountServicer(service_accounts_pb2_grpc.ServiceAccountServiceServicer):
    """Machines that are members."""

    create_service_account: CreateServiceAccount
    get_service_account: GetServiceAccount
    list_service_accounts: ListServiceAccounts
    update_service_account: UpdateServiceAccount
    delete_service_account: DeleteServiceAccount

    async def CreateServiceAccount(
        self, request: service_accounts_pb2.CreateServiceAccountRequest, context: Any
    ) -> service_accounts_pb2.ServiceAccount:
        """Create a machine."""
        account = await self.create_service_account(
            principal(), tenant(), request.name, request.description, role_from(request.role)
        )
        return service_account_message(account)

    async def GetServiceAccount(
        self, request: service_accounts_pb2.GetServiceAccountRequest, context: Any
    ) -> service_accounts_pb2.ServiceAccount:
        """Show a machine."""
        return service_account_message(await self.get_service_account(tenant(), request.id))

    async def ListServiceAccounts(
        self, request: service_accounts_pb2.ListServiceAccountsRequest, context: Any
    ) -> service_accounts_pb2.ListServiceAccountsResponse:
        """List the machines of the caller's organisation."""
        page = await self.list_service_accounts(tenant(), page_request(request.page_size, request.page_token))
        return service_accounts_pb2.ListServiceAccountsResponse(
            service_accounts=map(service_account_message, page.items), next_page_token=next_page_token(page)
        )

    async def UpdateServiceAccount(
        self, request: service_accounts_pb2.UpdateServiceAccountRequest, context: Any
    ) -> service_accounts_pb2.ServiceAccount:
        """Change a machine."""
        account = await self.update_service_account(
            principal(),
            tenant(),
            request.id,
            name=request.name if request.HasField("name") else None,
            description=request.description if request.HasField("description") else None,
            role=role_wanted(request.role),
            etag=request.etag,
        )
        return service_account_message(account)

    async def DeleteServiceAccount(
        self, request: service_accounts_pb2.DeleteServiceAccountRequest, context: Any
    ) -> Empty:
        """Delete a machine."""
        await self.delete_service_account(principal(), tenant(), request.id, request.etag)
        return Empty()
