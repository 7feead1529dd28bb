"""Devices that wait to be let in (RFC 8628), for programs that show them to their user."""

from __future__ import annotations

from assay.auth.v1 import single_sign_on_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.parameters import InUserCode
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.sign_on import DeviceApproval, DeviceRequest
from assay_gateway.messages import Json, to_json

router = api_router("/v1/device", "devices")


@router.get("/{user_code}", response_model=DeviceRequest)
async def describe_device(user_code: InUserCode, services: TheServices) -> Json:
    """What a user code stands for, to be looked at before it is approved."""
    return to_json(await services.devices.DescribeDevice(pb.DescribeDeviceRequest(user_code=user_code)))


@router.post("/{user_code}/approve", status_code=204, responses=problems(400, 409, 413, 415))
async def approve_device(user_code: InUserCode, services: TheServices, body: DeviceApproval | None = None) -> None:
    """Let the device act for the caller. Only a person can."""
    organisation = body.organisation if body is not None else None
    await services.devices.ApproveDevice(pb.ApproveDeviceRequest(user_code=user_code, organisation=organisation or ""))


@router.post("/{user_code}/deny", status_code=204, responses=problems(409))
async def deny_device(user_code: InUserCode, services: TheServices) -> None:
    """Refuse the device."""
    await services.devices.DenyDevice(pb.DenyDeviceRequest(user_code=user_code))
