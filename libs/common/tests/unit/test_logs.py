import json
import logging

import pytest
import structlog

from assay_common.logs import bound_request_id, configure_logging, mask_secrets, request_id
from assay_common.settings import LogSettings
from assay_common.tracing import current_trace_id, span

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture
def lines(capsys):
    """Configures logging when called (in the test: standard output is another in the set-up); the result reads it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, structlog.get_config()

    def configure():
        configure_logging("prompt", LogSettings())
        return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield configure
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    structlog.configure(**before[2])


def test_a_line_carries_the_ids_that_join_it_with_others(lines):
    read = lines()
    with bound_request_id("r-1"), span("work"):
        trace_id = current_trace_id()
        structlog.get_logger().info("published", version=3)
    (line,) = read()
    assert line["event"] == "published"
    assert line["version"] == 3
    assert line["service"] == "prompt"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert line["trace_id"] == trace_id
    assert len(line["span_id"]) == 16
    assert line["request_id"] == "r-1"
    assert request_id.get() is None


def test_the_standard_library_logs_in_the_same_form(lines):
    read = lines()
    logging.getLogger("some.library").warning("lost %s", "connection", extra={"password": "hunter2"})
    (line,) = read()
    assert line["event"] == "lost connection"
    assert line["service"] == "prompt"
    assert line["level"] == "warning"
    assert line["password"] == "**********"


def test_an_exception_shows_where_but_no_local_values(lines):
    read = lines()

    def inner():
        secret = "hunter2-local"
        raise RuntimeError("broken" if secret else "")

    try:
        inner()
    except RuntimeError:
        structlog.get_logger().exception("failed")
    (line,) = read()
    assert "RuntimeError: broken" in line["exception"]
    assert 'File "' in line["exception"]
    assert "hunter2" not in line["exception"].replace('secret = "hunter2-local"', "")


def test_what_is_below_the_level_is_not_logged(lines):
    read = lines()
    structlog.get_logger().debug("noise")
    logging.getLogger("x").debug("noise")
    assert read() == []


@pytest.mark.parametrize(
    "key", ["password", "Password", "api_key", "apikey", "access_token", "client_secret", "authorization", "token"]
)
def test_secret_keys_are_masked(key):
    assert mask_secrets(None, "info", {key: "hunter2"})[key] == "**********"
    assert mask_secrets(None, "info", {"request": {"headers": [{key: "hunter2"}]}}) == {
        "request": {"headers": [{key: "**********"}]}
    }


@pytest.mark.parametrize(
    "text",
    [
        f"called with {JWT}",
        f"Authorization: Bearer {JWT}",
        "header bearer hunter2-opaque",
        "cannot connect to postgresql://prompt:hunter2@db:5432/assay",
    ],
)
def test_secrets_in_text_are_masked(text):
    masked = mask_secrets(None, "info", {"event": text})["event"]
    assert "hunter2" not in masked
    assert JWT not in masked
    assert "**********" in masked


def test_counts_of_model_tokens_are_no_secrets():
    assert mask_secrets(None, "info", {"input_tokens": 7, "tokens": 9}) == {"input_tokens": 7, "tokens": 9}
