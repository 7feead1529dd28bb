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


class ApiKeyOwnerGone(errors.Unauthenticated):
    """The person or service account that the API key belongs to is not in the organisation any more."""


class SubjectUnknown(errors.Unauthenticated):
    """The token is good, but the person or key it speaks for does not exist any more."""


class PermissionLost(errors.PermissionDenied):
    """The token still names a permission that its bearer has lost since it was issued."""


class OwnershipReserved(errors.PermissionDenied):
    """Only an owner makes an owner, or touches one."""


class ScopesExceedCreator(errors.PermissionDenied):
    """The new key would be allowed more than whoever creates it."""


class RoleExceedsCreator(errors.PermissionDenied):
    """The service account would be allowed more than whoever creates or changes it."""


class ScopesExceedOwner(errors.PermissionDenied):
    """The new key would be allowed more than the service account it is for."""


class LimitsExceedCreator(errors.PermissionDenied):
    """The new key would reach prompts or repositories that the key which creates it does not."""


class KeyOfSomebodyElse(errors.PermissionDenied):
    """Whoever rotated it would hold a key that speaks for another person."""


class AddressNotInvited(errors.PermissionDenied):
    """The invitation is for another address than the caller's."""


class PersonNeeded(errors.PermissionDenied):
    """An API key asked for what only a person can do."""


class OrganisationNotFound(errors.NotFound):
    """There is no such organisation, or the caller is not in it."""


class MemberNotFound(errors.NotFound):
    """The organisation has no such member."""


class ApiKeyNotFound(errors.NotFound):
    """The organisation has no such API key."""


class InvitationNotFound(errors.NotFound):
    """There is no such invitation, or the link's token is none of ours."""


class TeamNotFound(errors.NotFound):
    """The organisation has no such team."""


class ServiceAccountNotFound(errors.NotFound):
    """The organisation has no such service account."""


class TeamSlugTaken(errors.AlreadyExists):
    """Another team of the organisation has this slug."""


class ServiceAccountNameTaken(errors.AlreadyExists):
    """Another service account of the organisation has this name."""


class SlugTaken(errors.AlreadyExists):
    """Another organisation of the installation has this slug."""


class AlreadyMember(errors.AlreadyExists):
    """The person is a member of the organisation already."""


class LastOwner(errors.FailedPrecondition):
    """The organisation would be left without an owner."""


class InvitationNotOpen(errors.FailedPrecondition):
    """The invitation was accepted, taken back or has expired."""


class ApiKeyNotUsable(errors.FailedPrecondition):
    """The API key was revoked or has expired; it cannot be rotated."""


class ApiKeyRotated(errors.FailedPrecondition):
    """The API key was replaced before; only its replacement can be rotated."""


class ProviderUnknown(errors.NotFound):
    """The installation has no identity provider of this name."""


class ProviderUnavailable(errors.Unavailable):
    """The identity provider does not answer, or answers with what cannot be read."""


class SignOnInvalid(errors.Unauthenticated):
    """The attempt to sign on is unknown, used or too old, or belongs to another browser."""


class SignOnRefused(errors.Unauthenticated):
    """The identity provider refused, or its answer is not for this attempt."""


class IdTokenInvalid(errors.Unauthenticated):
    """What the identity provider says of the person does not hold: signature, issuer, audience, time or nonce."""


class ProviderAddressNotVerified(errors.PermissionDenied):
    """The identity provider does not vouch for the e-mail address, so it says nothing about who it is."""


class AccountNotVerified(errors.PermissionDenied):
    """An account has the address, but nobody proved that it is theirs: somebody may have made it to be linked to."""


class LinkedToSomebodyElse(errors.PermissionDenied):
    """The account is linked to another person of the same provider: the address went from one to the other."""


class UserCodeUnknown(errors.NotFound):
    """No device waits with this code."""


class TooManyUserCodes(errors.ResourceExhausted):
    """Somebody typed too many wrong codes."""


class AuthorizationPending(errors.FailedPrecondition):
    """Nobody has decided on the device yet (RFC 8628, section 3.5)."""


class SlowDown(errors.FailedPrecondition):
    """The device asks too often (RFC 8628, section 3.5)."""


class ExpiredToken(errors.FailedPrecondition):
    """Nobody decided on the device in time (RFC 8628, section 3.5)."""


class AccessDenied(errors.FailedPrecondition):
    """Somebody refused the device (RFC 8628, section 3.5)."""


class InvalidGrant(errors.FailedPrecondition):
    """The device's code is unknown or has been used (RFC 6749, section 5.2)."""


class EmailNotVerified(errors.PermissionDenied):
    """The password is right, but nobody has proved that the account's address is theirs."""


class SecondFactorNeeded(errors.Unauthenticated):
    """The password is right, and the account asks for a code as well."""


class SecondFactorWrong(errors.Unauthenticated):
    """The code is wrong, or was used before."""


class TooManyAttempts(errors.ResourceExhausted):
    """Too many failures: wait as long as `retry_after` says (seconds)."""


class LinkInvalid(errors.FailedPrecondition):
    """The link's token is unknown, has been used, or is too old."""


class MailNotConfigured(errors.FailedPrecondition):
    """The installation cannot send mails."""


class MailRefused(errors.FailedPrecondition):
    """A mail will never be taken: its address does not exist, or cannot be written."""


class MailerUnavailable(errors.Unavailable):
    """Whoever carries mails does not take them now."""


class SignUpClosed(errors.FailedPrecondition):
    """The operator lets nobody make an account."""


class InvitationNeeded(errors.FailedPrecondition):
    """The operator lets only invited people make an account."""


class SecondFactorOn(errors.FailedPrecondition):
    """The second factor is on already; it is turned off before another takes its place."""


class SecondFactorOff(errors.FailedPrecondition):
    """There is no second factor that could be confirmed, used or turned off."""


class SessionNotFound(errors.NotFound):
    """The caller has no such open session."""


class AccountNotFound(errors.NotFound):
    """Nobody has this address."""


class AccountDeactivated(errors.PermissionDenied):
    """The person's account was closed."""
