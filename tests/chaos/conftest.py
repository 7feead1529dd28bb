"""A suite of one's own for each module of tests that stop and kill things."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from assay_local.stack import Stack
from assay_testing.api import Api
from assay_testing.blocking import run


@pytest.fixture(scope="module")
def suite(make_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """The whole suite, to be harmed."""
    stack = make_stack()
    run(stack.up())
    yield stack
    run(stack.down())


@pytest.fixture
def api(suite: Stack) -> Api:
    """A caller with an organisation of its own."""
    return Api(suite.gateway_url, suite.admin_email, suite.admin_password)
