"""Fixtures for the tests of all services."""

from __future__ import annotations

import pytest

from assay_testing.issuer import Issuer


@pytest.fixture
def issuer() -> Issuer:
    """An issuer of tokens with a key of its own."""
    return Issuer()
