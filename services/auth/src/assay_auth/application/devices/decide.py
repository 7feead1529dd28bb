"""A person looks at a device's request, and grants or refuses it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.domain.devices import DeviceRequest, typed
from assay_auth.domain.errors import PersonNeeded, SubjectUnknown, UserCodeUnknown
from assay_auth.domain.organisations import chosen, continued
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class FindDevice:
    """Find the device that waits with a user code; whoever is wrong too often must wait, even with the right one."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(
        self,
        caller: Principal,
        user_code: str,
        act: Callable[[Transaction, DeviceRequest], Awaitable[None]] | None = None,
    ) -> DeviceRequest:
        """The open request, after `act` was done in the same transaction.

        Raises PersonNeeded, InvalidArgument, SubjectUnknown, TooManyUserCodes, UserCodeUnknown, and what `act` raises.
        """
        if caller.kind != "user":
            raise PersonNeeded("only a person decides what a device may do, not an API key")
        refuse(*missing("user_code", user_code))
        now = self.clock()
        async with self.uow.system() as tx:
            if await tx.users.find(caller.subject) is None:
                raise SubjectUnknown("the token speaks for nobody who is known here")
            tries = await tx.devices.tries_of(caller.subject, now)
            tries.check(now)
            request = await tx.devices.by_user_code(typed(user_code))
            found = request if request is not None and request.is_open(now) else None
            if found is None:
                await tx.devices.save_tries(caller.subject, tries.after_a_wrong_one(now))
            elif act is not None:
                await act(tx, found)
        if found is None:  # said only now: the count must be committed
            raise UserCodeUnknown("no device waits with this code: it may have expired, or be mistyped")
        return found


@dataclass(frozen=True, slots=True)
class DescribeDevice:
    """Show who asks, before it is granted."""

    find: FindDevice

    async def __call__(self, caller: Principal, user_code: str) -> DeviceRequest:
        """The open request; raises as FindDevice."""
        return await self.find(caller, user_code)


@dataclass(frozen=True, slots=True)
class ApproveDevice:
    """Let a device act for the caller."""

    find: FindDevice

    async def __call__(self, caller: Principal, user_code: str, organisation: str = "") -> None:
        """Grant the request in the organisation with this id or slug, or of the caller's token, or their only one.

        Raises OrganisationNotFound (the request stays open), and as FindDevice.
        """

        async def approve(tx: Transaction, request: DeviceRequest) -> None:
            memberships = await tx.members.memberships_of(caller.subject)
            membership = None if organisation else continued(memberships, caller.org_id)
            membership = membership or chosen(memberships, organisation)
            await tx.devices.save(request.approved(caller.subject, membership.org_id if membership else None))

        await self.find(caller, user_code, approve)


@dataclass(frozen=True, slots=True)
class DenyDevice:
    """Refuse a device."""

    find: FindDevice

    async def __call__(self, caller: Principal, user_code: str) -> None:
        """Refuse the request; raises as FindDevice."""

        async def deny(tx: Transaction, request: DeviceRequest) -> None:
            await tx.devices.save(request.denied())

        await self.find(caller, user_code, deny)
