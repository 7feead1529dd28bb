import asyncio
from uuid import uuid4


async def test_a_delivery_is_first_once_for_each_consumer(uow, org):
    event_id = uuid4()
    for expected in (True, False, False):
        async with uow(org) as tx:
            assert await tx.first_delivery("analytics", event_id) is expected
    async with uow(org) as tx:
        assert await tx.first_delivery("gateway", event_id)
    async with uow.system() as tx:
        assert not await tx.first_delivery("analytics", event_id)


async def test_of_two_deliveries_at_once_one_takes_effect(uow, org, add_note, bodies):
    event_id = uuid4()

    async def deliver():
        async with uow(org) as tx:
            if first := await tx.first_delivery("analytics", event_id):
                await add_note(tx)
        return first

    assert sorted(await asyncio.gather(*(deliver() for _ in range(4)))) == [False, False, False, True]
    async with uow(org) as tx:
        assert len(await bodies(tx)) == 1


async def test_when_the_first_attempt_fails_the_one_that_waited_takes_over(uow, org):
    event_id, taken, fail = uuid4(), asyncio.Event(), asyncio.Event()

    async def failing():
        async with uow(org) as tx:
            assert await tx.first_delivery("analytics", event_id)
            taken.set()
            await fail.wait()
            raise ZeroDivisionError

    async def waiting():
        await taken.wait()
        async with uow(org) as tx:
            asyncio.get_running_loop().call_later(0.05, fail.set)
            return await tx.first_delivery("analytics", event_id)

    outcomes = await asyncio.gather(failing(), waiting(), return_exceptions=True)
    assert isinstance(outcomes[0], ZeroDivisionError)
    assert outcomes[1] is True
