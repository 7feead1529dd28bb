"""What is stored of a request: enough to tell a repetition, and nothing that opens its answer."""

import hashlib

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from assay_gateway.application import records
from assay_gateway.application.records import Secret
from assay_gateway.domain.answers import Answer

ANSWER = Answer(201, {"content-type": "application/json"}, b'{"secret":"assay_abc"}')
OWNER = b"o" * records.OWNER_BYTES


def secret(key="key", body=b"body"):
    return Secret.of(key, hashlib.sha256(body).digest())


def test_who_repeats_the_request_can_read_its_answer():
    record = records.read(records.answered(secret(), ANSWER, 1000))
    assert (record.is_running, record.fingerprint) == (False, secret().fingerprint)
    assert record.opened(secret()) == ANSWER


def test_a_record_shows_neither_answer_nor_key_nor_body():
    record = records.answered(secret(), ANSWER, 1000)
    for hidden in (b"assay_abc", b"key", b"body", hashlib.sha256(b"body").digest(), secret().seal):
        assert hidden not in record
    assert records.answered(secret(), ANSWER, 1000) != record  # a fresh nonce each time


@pytest.mark.parametrize("other", [secret(body=b"another"), secret(key="another")], ids=["body", "key"])
def test_another_request_has_another_fingerprint_and_opens_nothing(other):
    record = records.read(records.answered(secret(), ANSWER, 1000))
    assert other.fingerprint != record.fingerprint
    with pytest.raises(InvalidTag):
        record.opened(other)


def test_a_record_that_was_changed_opens_no_more():
    kept = bytearray(records.answered(secret(), ANSWER, 1000))
    kept[-1] ^= 1
    with pytest.raises(InvalidTag):
        records.read(bytes(kept)).opened(secret())


def test_key_and_body_cannot_trade_places():
    assert Secret.of("ab", b"c" * 32).fingerprint != Secret.of("a", b"b" + b"c" * 31).fingerprint


def test_of_a_large_answer_only_its_being_is_kept():
    record = records.read(records.answered(secret(), ANSWER, 5))
    assert (record.is_running, record.fingerprint, record.opened(secret())) == (False, secret().fingerprint, None)


def test_a_running_request_may_not_know_its_body_yet():
    assert records.read(records.running(OWNER, None)).fingerprint == b""
    running = records.read(records.running(OWNER, secret()))
    assert (running.is_running, running.fingerprint) == (True, secret().fingerprint)


@given(st.integers(100, 599), st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.binary(max_size=100))
def test_every_answer_comes_back_as_it_was(status, headers, body):
    answer = Answer(status, headers, body)
    assert records.read(records.answered(secret(), answer, 1000)).opened(secret()) == answer
