"""The rules that can be broken, by name."""

from assay_common import errors


class InvalidCredentials(errors.Unauthenticated):
    """The e-mail address or the password is wrong; which of them is not told."""


class RefreshTokenInvalid(errors.Unauthenticated):
    """The refresh token is unknown, expired, or its session was closed."""


class RefreshTokenReused(errors.Unauthenticated):
    """The refresh token was used before; its whole family is revoked (RFC 9700, section 4.14.2)."""


class ApiKeyInvalid(errors.Unauthenticated):
    """The text is no API key of this installation."""


class ApiKeyExpired(errors.Unauthenticated):
    """The API key was good once."""


class ApiKeyRevoked(errors.Unauthenticated):
    """Somebody revoked the API key."""


class SubjectUnknown(errors.Unauthenticated):
    """The token is good, but the person or key it speaks for does not exist any more."""


class PermissionLost(errors.PermissionDenied):
    """The token still names a permission that its bearer has lost since it was issued."""


class OwnershipReserved(errors.PermissionDenied):
    """Only an owner makes an owner, or touches one."""


class ScopesExceedCreator(errors.PermissionDenied):
    """The new key would be allowed more than whoever creates it."""


class PersonNeeded(errors.PermissionDenied):
    """An API key asked for what only a person can do."""


class OrganisationNotFound(errors.NotFound):
    """There is no such organisation, or the caller is not in it."""


class MemberNotFound(errors.NotFound):
    """The organisation has no such member."""


class ApiKeyNotFound(errors.NotFound):
    """The organisation has no such API key."""


class SlugTaken(errors.AlreadyExists):
    """Another organisation of the installation has this slug."""


class AlreadyMember(errors.AlreadyExists):
    """The person is a member of the organisation already."""


class LastOwner(errors.FailedPrecondition):
    """The organisation would be left without an owner."""
