"""Wires devices."""

from assay.auth.v1.single_sign_on_pb2_grpc import add_DeviceServiceServicer_to_server
from assay_auth.application.devices.decide import ApproveDevice, DenyDevice, DescribeDevice, FindDevice
from assay_auth.application.devices.poll_device import PollDevice
from assay_auth.application.devices.start_device import StartDevice
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.grpc.devices import DeviceServicer
from assay_common.rpc.server import Servicer


def device_service(parts: Parts) -> Servicer:
    """DeviceService."""
    find = FindDevice(parts.uow, parts.clock)
    return add_DeviceServiceServicer_to_server, DeviceServicer(
        start_device=StartDevice(parts.uow, parts.clock),
        describe_device=DescribeDevice(find),
        approve_device=ApproveDevice(find),
        deny_device=DenyDevice(find),
        poll_device=PollDevice(parts.uow, parts.open_session, parts.clock),
    )
