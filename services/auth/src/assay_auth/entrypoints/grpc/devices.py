"""assay.auth.v1.DeviceService."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.empty_pb2 import Empty

from assay.auth.v1 import sessions_pb2, single_sign_on_pb2, single_sign_on_pb2_grpc
from assay_auth.application.devices.decide import ApproveDevice, DenyDevice, DescribeDevice
from assay_auth.application.devices.poll_device import PollDevice
from assay_auth.application.devices.start_device import StartDevice
from assay_auth.domain.devices import shown
from assay_auth.entrypoints.grpc.messages import timestamp, tokens_message
from assay_common.identity import principal
from assay_common.origin import origin


@dataclass(frozen=True, slots=True)
class DeviceServicer(single_sign_on_pb2_grpc.DeviceServiceServicer):
    """Signing in on another device."""

    start_device: StartDevice
    describe_device: DescribeDevice
    approve_device: ApproveDevice
    deny_device: DenyDevice
    poll_device: PollDevice

    async def StartDeviceAuthorization(
        self, request: single_sign_on_pb2.StartDeviceAuthorizationRequest, context: Any
    ) -> single_sign_on_pb2.DeviceAuthorization:
        """Answer the codes."""
        codes = await self.start_device(request.client_name, origin().address)
        return single_sign_on_pb2.DeviceAuthorization(
            device_code=codes.device_code,
            user_code=shown(codes.request.user_code),
            expires_at=timestamp(codes.request.expires_at),
            interval=codes.request.interval_seconds,
        )

    async def DescribeDevice(
        self, request: single_sign_on_pb2.DescribeDeviceRequest, context: Any
    ) -> single_sign_on_pb2.DeviceRequest:
        """Show the device that waits."""
        found = await self.describe_device(principal(), request.user_code)
        return single_sign_on_pb2.DeviceRequest(
            user_code=shown(found.user_code),
            client_name=found.client_name,
            address=found.address,
            requested_at=timestamp(found.requested_at),
            expires_at=timestamp(found.expires_at),
        )

    async def ApproveDevice(self, request: single_sign_on_pb2.ApproveDeviceRequest, context: Any) -> Empty:
        """Let the device act for the caller."""
        await self.approve_device(principal(), request.user_code, request.organisation)
        return Empty()

    async def DenyDevice(self, request: single_sign_on_pb2.DenyDeviceRequest, context: Any) -> Empty:
        """Refuse the device."""
        await self.deny_device(principal(), request.user_code)
        return Empty()

    async def PollDeviceToken(
        self, request: single_sign_on_pb2.PollDeviceTokenRequest, context: Any
    ) -> sessions_pb2.Tokens:
        """Answer the session of an approved device."""
        return tokens_message(await self.poll_device(request.device_code))
