"""The whole suite, started once per run, and an organisation of its own for each test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assay_local.stack import Stack
from assay_testing.api import Api


@pytest.fixture
def make_api(stack: Stack) -> Callable[[], Api]:
    """Makes callers, each with an organisation of its own."""
    return lambda: Api(stack.gateway_url, stack.admin_email, stack.admin_password)


@pytest.fixture
def api(make_api: Callable[[], Api]) -> Api:
    """A caller with an organisation of its own."""
    return make_api()
