import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay_common.identity import Principal
from assay_gateway.application.resolve_prompt import ENTRY_OVERHEAD, ResolvePrompt
from assay_gateway.domain.prompts import Document, ResolvedPrompt, Selector

ORG = uuid4()
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def somebody(**changes):
    return Principal(uuid4(), "user", ORG, frozenset({"prompts:read"}), "token", LATER, **changes)


ME = somebody()
PRODUCTION = Selector(ORG, "greeting", label="production")


class Prompts:
    """The prompt service, with one prompt known by id and name."""

    def __init__(self):
        self.asked = []
        self.body = b"1"
        self.shared = True
        self.fails = None
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def resolve(self, selector):
        self.asked.append(selector)
        self.reached.set()
        body = self.body
        await self.gate.wait()
        if self.fails:
            raise self.fails
        return ResolvedPrompt("id-of-greeting", "greeting", Document(body, b'"' + body + b'"'), self.shared)


@pytest.fixture
def prompts():
    return Prompts()


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def resolve(prompts, now):
    return ResolvePrompt(prompts, ttl=30, max_bytes=100_000, steady=lambda: now[0])


async def test_the_second_read_is_answered_from_memory(resolve, prompts):
    assert resolve.at_once(PRODUCTION, ME) is None
    first = await resolve(PRODUCTION, ME)
    assert resolve.at_once(PRODUCTION, ME) is first
    assert await resolve(PRODUCTION, somebody()) is first
    assert len(prompts.asked) == 1


async def test_an_answer_grows_old(resolve, prompts, now):
    await resolve(PRODUCTION, ME)
    now[0] = 30
    assert resolve.at_once(PRODUCTION, ME) is None
    await resolve(PRODUCTION, ME)
    assert len(prompts.asked) == 2


@pytest.mark.parametrize("name", ["greeting", "id-of-greeting"])
@pytest.mark.parametrize("read_as", ["greeting", "id-of-greeting"])
async def test_a_change_is_forgotten_under_id_and_name(resolve, name, read_as):
    selector = Selector(ORG, read_as)
    await resolve(selector, ME)
    resolve.forget(ORG, name)
    assert resolve.at_once(selector, ME) is None


async def test_changes_of_others_are_of_no_concern(resolve):
    await resolve(PRODUCTION, ME)
    resolve.forget(ORG, "farewell")
    resolve.forget(uuid4(), "greeting")
    assert resolve.at_once(PRODUCTION, ME) is not None


async def test_a_private_prompt_is_asked_for_by_everybody_anew(resolve, prompts):
    prompts.shared = False
    for caller in (ME, somebody(), ME):
        await resolve(PRODUCTION, caller)
    assert len(prompts.asked) == 3
    assert resolve.at_once(PRODUCTION, ME) is None


@pytest.mark.parametrize(("limit", "may"), [("greeting", True), ("id-of-greeting", True), ("farewell", False)])
async def test_a_key_limited_to_other_prompts_gets_nothing_from_memory(resolve, prompts, limit, may):
    await resolve(PRODUCTION, ME)
    key = somebody(prompts=frozenset({limit}))
    assert (resolve.at_once(PRODUCTION, key) is not None) is may
    await resolve(PRODUCTION, key)
    assert len(prompts.asked) == (1 if may else 2)


async def test_a_public_prompt_that_changes_is_forgotten_in_other_organisations_too(resolve):
    elsewhere = Selector(uuid4(), "id-of-greeting")
    await resolve(elsewhere, ME)
    resolve.forget(ORG, "id-of-greeting")
    assert resolve.at_once(elsewhere, ME) is None


async def test_a_public_prompt_that_changes_while_another_organisation_reads_it_is_not_kept(resolve, prompts):
    elsewhere = Selector(uuid4(), "id-of-greeting")
    prompts.gate.clear()
    reading = asyncio.create_task(resolve(elsewhere, ME))
    await prompts.reached.wait()
    resolve.forget(ORG, "id-of-greeting")
    prompts.gate.set()
    await reading
    assert resolve.at_once(elsewhere, ME) is None


async def test_requests_of_a_caller_at_once_share_a_question(resolve, prompts):
    await asyncio.gather(*(resolve(PRODUCTION, ME) for _ in range(50)))
    assert len(prompts.asked) == 1


async def test_an_answer_that_was_on_its_way_when_the_prompt_changed_is_not_kept(resolve, prompts):
    prompts.gate.clear()
    reading = asyncio.create_task(resolve(PRODUCTION, ME))
    await prompts.reached.wait()
    prompts.body = b"2"
    resolve.forget(ORG, "id-of-greeting")
    later = asyncio.create_task(resolve(PRODUCTION, ME))
    await asyncio.sleep(0)
    prompts.gate.set()
    assert (await reading).body == b"1"
    assert (await later).body == b"2"
    assert resolve.at_once(PRODUCTION, ME).body == b"2"


async def test_after_a_gap_everything_is_asked_for_again(resolve, prompts):
    await resolve(PRODUCTION, ME)
    prompts.gate.clear()
    prompts.reached.clear()
    reading = asyncio.create_task(resolve(Selector(ORG, "greeting", version=1), ME))
    await prompts.reached.wait()
    resolve.forget_all()
    prompts.gate.set()
    await reading
    assert resolve.at_once(PRODUCTION, ME) is None
    assert resolve.at_once(Selector(ORG, "greeting", version=1), ME) is None


async def test_a_failure_is_not_kept(resolve, prompts):
    prompts.fails = LookupError("no such prompt")
    with pytest.raises(LookupError):
        await resolve(PRODUCTION, ME)
    prompts.fails = None
    assert (await resolve(PRODUCTION, ME)).body == b"1"


async def test_a_caller_who_goes_away_does_not_take_the_answer_along(resolve, prompts):
    prompts.gate.clear()
    first = asyncio.create_task(resolve(PRODUCTION, ME))
    second = asyncio.create_task(resolve(PRODUCTION, ME))
    await asyncio.sleep(0)
    first.cancel()
    prompts.gate.set()
    assert (await second).body == b"1"
    assert len(prompts.asked) == 1


async def test_the_longest_unused_goes_when_there_is_no_more_room(prompts):
    resolve = ResolvePrompt(prompts, ttl=30, max_bytes=3 * (ENTRY_OVERHEAD + 1), steady=lambda: 0)
    selectors = [Selector(ORG, "greeting", version=number) for number in range(1, 5)]
    for selector in selectors[:3]:
        await resolve(selector, ME)
    resolve.at_once(selectors[0], ME)
    await resolve(selectors[3], ME)
    assert [resolve.at_once(selector, ME) is not None for selector in selectors] == [True, False, True, True]


async def test_an_answer_larger_than_the_memory_is_given_and_not_kept(prompts):
    resolve = ResolvePrompt(prompts, ttl=30, max_bytes=10, steady=lambda: 0)
    assert (await resolve(PRODUCTION, ME)).body == b"1"
    assert resolve.at_once(PRODUCTION, ME) is None


@pytest.mark.parametrize(
    ("if_none_match", "matches"),
    [(b'"x"', True), (b'W/"x"', True), (b"*", True), (b'"a", "x"', True), (b'"y"', False), (b"x", False), (b"", False)],
)
def test_if_none_match(if_none_match, matches):
    assert Document(b"body", b'"x"').matches(if_none_match) is matches
