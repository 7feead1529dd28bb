"""assay.auth.v1.SingleSignOnService."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.auth.v1 import single_sign_on_pb2, single_sign_on_pb2_grpc
from assay_auth.application.ports import IdentityProvider
from assay_auth.application.sso.begin_sign_on import BeginSignOn
from assay_auth.application.sso.complete_sign_on import CompleteSignOn, ProviderAnswer
from assay_auth.entrypoints.grpc.messages import timestamp, tokens_message


@dataclass(frozen=True, slots=True)
class SingleSignOnServicer(single_sign_on_pb2_grpc.SingleSignOnServiceServicer):
    """Signing on with an identity provider."""

    providers: Sequence[IdentityProvider]
    begin_sign_on: BeginSignOn
    complete_sign_on: CompleteSignOn

    async def ListProviders(
        self, request: single_sign_on_pb2.ListProvidersRequest, context: Any
    ) -> single_sign_on_pb2.ListProvidersResponse:
        """List the providers to choose from."""
        return single_sign_on_pb2.ListProvidersResponse(
            providers=[single_sign_on_pb2.Provider(id=each.id, name=each.name) for each in self.providers]
        )

    async def BeginSignOn(
        self, request: single_sign_on_pb2.BeginSignOnRequest, context: Any
    ) -> single_sign_on_pb2.SignOnBegun:
        """Say where to send the browser."""
        begun = await self.begin_sign_on(request.provider, request.redirect_uri, request.return_to)
        return single_sign_on_pb2.SignOnBegun(
            authorization_url=begun.authorization_url,
            browser_binding=begun.browser_binding,
            expires_at=timestamp(begun.expires_at),
        )

    async def CompleteSignOn(
        self, request: single_sign_on_pb2.CompleteSignOnRequest, context: Any
    ) -> single_sign_on_pb2.CompletedSignOn:
        """Open a session for what came back."""
        answer = ProviderAnswer(request.state, request.code, request.error, request.issuer)
        signed_on = await self.complete_sign_on(answer, request.browser_binding)
        return single_sign_on_pb2.CompletedSignOn(
            tokens=tokens_message(signed_on.session), return_to=signed_on.return_to
        )
