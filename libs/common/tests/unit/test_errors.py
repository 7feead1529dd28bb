import pytest

from assay_common.errors import AssayError, InvalidArgument, NotFound, Violation


class VersionNotFound(NotFound):
    pass


class MissingSHA256Digest(AssayError):
    pass


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (VersionNotFound("no such version"), "VERSION_NOT_FOUND"),
        (NotFound("nothing"), "NOT_FOUND"),
        (MissingSHA256Digest("no digest"), "MISSING_SHA256_DIGEST"),
    ],
)
def test_the_reason_is_the_class_name_in_upper_snake_case(error, reason):
    assert error.reason == reason


def test_an_error_says_what_happened_and_carries_facts():
    error = VersionNotFound("prompt greeting has no version 7", prompt="greeting", version="7")
    assert str(error) == error.message == "prompt greeting has no version 7"
    assert error.details == {"prompt": "greeting", "version": "7"}


def test_an_invalid_argument_lists_what_is_wrong_with_which_field():
    violations = Violation("name", "is empty"), Violation("tags[3]", "is too long")
    error = InvalidArgument("the prompt is not valid", *violations, prompt="greeting")
    assert error.violations == violations
    assert error.details == {"prompt": "greeting"}
