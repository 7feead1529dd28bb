"""The rules about repositories and audits that a request or a repository can break."""

from typing import Self

from assay_common.errors import (
    AlreadyExists,
    AssayError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Violation,
)


class RepositoryNotFound(NotFound):
    """No such repository in the organisation, or the caller's API key is not for it, which is not told apart."""

    @classmethod
    def of(cls, reference: str) -> Self:
        """What is said of a repository that was asked for by this id or name."""
        return cls("there is no such repository", repository=reference[:100])


class RepositoryOutsideKey(PermissionDenied):
    """The API key is limited to repositories of other names."""


class AuditNotFound(NotFound):
    """No such audit run in the organisation, or the caller's API key is not for its repository."""

    @classmethod
    def of(cls, reference: str) -> Self:
        """What is said of an audit that was asked for by this id."""
        return cls("there is no such audit", audit=reference[:100])


class RepositoryNameTaken(AlreadyExists):
    """Another repository of the organisation has this name."""


class RepositoryIsEmpty(FailedPrecondition):
    """No bundle was uploaded yet, so there is nothing to audit."""


class RepositoryIsCloned(FailedPrecondition):
    """The repository comes from its URL; bundles are for those without one."""


class MalformedRepository(InvalidArgument):
    """A name breaks its form."""


class UrlNotAllowed(InvalidArgument):
    """The URL may not be cloned from: wrong scheme, credentials in it, or a host inside a private network."""


class CorruptBundle(InvalidArgument):
    """The upload is no complete git bundle, or an object in it is damaged."""


class BundleTooLarge(InvalidArgument):
    """The upload is larger than the limit."""


class UnknownCommit(InvalidArgument):
    """The commit that was named is not in the repository."""


class MalformedRequest(InvalidArgument):
    """A field of the request is missing or wrong."""


class RepositoryUnreadable(AssayError):
    """The repository cannot be brought in: refused by the forge, damaged, too large or too slow. Ends the run."""


class EngineFailed(AssayError):
    """An analysis engine crashed, ran out of its limits or answered nonsense; the audit is not measured."""


def required(field: str, value: str) -> str:
    """The value, unless it is empty. Raises MalformedRequest."""
    if not value:
        raise MalformedRequest(f"{field} is missing", Violation(field, "must not be empty"))
    return value
