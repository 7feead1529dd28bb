"""What the tests of assay_common share: traces that are recorded."""

import pytest

from assay_common.tracing import configure_tracing


@pytest.fixture(scope="session", autouse=True)
def _traces():
    provider = configure_tracing("tests")
    yield
    provider.shutdown()
