"""OpenID Connect providers: discovery, the code's exchange, and the check of the ID token.

OpenID Connect Core 1.0 (section 3.1), Discovery 1.0; RFC 6749 (section 4.1.3), RFC 7636 (PKCE), RFC 9207 (issuer).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import structlog

from assay_auth.adapters.id_tokens import IdTokens, NotAToken
from assay_auth.domain.errors import IdTokenInvalid, ProviderUnavailable, SignOnRefused
from assay_auth.domain.sso import Attempt, ProvidedIdentity, code_challenge
from assay_auth.settings import SingleSignOnProvider
from assay_common.outbound import Fetcher, FetchFailed, Reply, UrlNotAllowed

log = structlog.get_logger()

WELL_KNOWN: Final = "/.well-known/openid-configuration"
METADATA_SECONDS: Final = 3600.0
"""How long the provider's description is used without asking for it again; longer while it does not answer."""
KEYS_SECONDS: Final = 600.0
"""The same for its keys; a token of a key that is not among them makes them be asked for at once."""
_BASIC, _POST = "client_secret_basic", "client_secret_post"
_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500
_MAX_ERROR = 100


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    token_auth: str
    names_issuer: bool
    """Whether its answers must name it (RFC 9207, section 2.3)."""


@dataclass(slots=True)
class _Remembered:
    """A document, and when it was fetched (monotonic seconds)."""

    document: dict[str, Any]
    at: float


@dataclass(slots=True)
class OpenIdProvider:
    """The port `IdentityProvider`."""

    settings: SingleSignOnProvider
    fetch: Fetcher
    _documents: dict[str, _Remembered] = field(default_factory=dict, init=False)

    @property
    def id(self) -> str:
        """Short name."""
        return self.settings.id

    @property
    def name(self) -> str:
        """Name for people."""
        return self.settings.name

    async def authorization_url(self, attempt: Attempt, state: str) -> str:
        """Where to send the browser; raises ProviderUnavailable."""
        endpoint = (await self._metadata()).authorization_endpoint
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.settings.client_id,
                "redirect_uri": attempt.redirect_uri,
                "scope": " ".join(self.settings.scopes),
                "state": state,
                "nonce": attempt.nonce,
                "code_challenge": code_challenge(attempt.code_verifier),
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def check_issuer(self, issuer: str) -> None:
        """Refuse an answer of another provider (a mix-up, RFC 9207); raises SignOnRefused, ProviderUnavailable."""
        metadata = await self._metadata()
        if (issuer or metadata.names_issuer) and issuer != self.settings.issuer:
            raise SignOnRefused("the answer is not of the identity provider that was asked")

    async def identity(self, attempt: Attempt, code: str) -> ProvidedIdentity:
        """Who it is, for the code of this attempt; raises ProviderUnavailable, SignOnRefused, IdTokenInvalid."""
        metadata = await self._metadata()
        tokens = await self._exchanged(metadata, attempt, code)
        claims = await self._verified(metadata, str(tokens.get("id_token", "")), attempt.nonce)
        if "email" not in claims and metadata.userinfo_endpoint and tokens.get("access_token"):
            claims = await self._completed(metadata, str(tokens["access_token"]), claims)
        return ProvidedIdentity(
            provider=self.id,
            subject=claims["sub"],
            email=_text(claims, "email"),
            email_is_verified=self._vouches(claims),
            name=_text(claims, "name") or _text(claims, "preferred_username"),
        )

    def _vouches(self, claims: Mapping[str, Any]) -> bool:
        """Some providers write the claim as text; a trusted one may leave it out, but not deny it."""
        verified = claims.get("email_verified")
        return verified is True or verified == "true" or (verified is None and self.settings.trusted_email)

    async def _exchanged(self, metadata: Metadata, attempt: Attempt, code: str) -> dict[str, Any]:
        client_id, secret = self.settings.client_id, self.settings.client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.code_verifier,
        }
        auth = (quote_plus(client_id), quote_plus(secret)) if metadata.token_auth == _BASIC else None
        if auth is None:
            form |= {"client_id": client_id, "client_secret": secret}
        try:
            reply = await self.fetch.post_form(metadata.token_endpoint, form, auth)
        except (FetchFailed, UrlNotAllowed) as error:
            raise self._unavailable(error.message) from error
        if reply.status != _OK:
            raise self._refused(reply)
        return self._object(reply)

    def _refused(self, reply: Reply) -> ProviderUnavailable | SignOnRefused:
        if reply.status >= _SERVER_ERROR or reply.status == _TOO_MANY:
            return self._unavailable(f"the token endpoint answers {reply.status}")
        error = _text(self._object(reply), "error")[:_MAX_ERROR]
        log.warning("identity provider refused the code", provider=self.id, status=reply.status, error=error)
        return SignOnRefused("the identity provider refused the sign-in: begin again", error=error)

    async def _verified(self, metadata: Metadata, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token; one whose key is unknown has the keys fetched again, once."""
        tokens = IdTokens(self.settings.issuer, self.settings.client_id)
        try:
            key = tokens.key_of(token, await self._document(metadata.jwks_uri, KEYS_SECONDS))
            if key is None:
                key = tokens.key_of(token, await self._document(metadata.jwks_uri, 0))
            claims = tokens.claims(token, key, nonce)
        except NotAToken as error:
            log.warning("ID token refused", provider=self.id, why=str(error))
            raise IdTokenInvalid("what the identity provider says of you does not hold: begin again") from error
        return claims

    async def _completed(self, metadata: Metadata, access_token: str, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims, with those that are told at the userinfo endpoint only (Core, section 5.3)."""
        reply = await self._got(metadata.userinfo_endpoint, access_token)
        more = self._object(reply)
        if more.get("sub") != claims["sub"]:
            raise IdTokenInvalid("the identity provider speaks of two different people: begin again")
        return {**more, **claims}

    async def _metadata(self) -> Metadata:
        url = self.settings.issuer.rstrip("/") + WELL_KNOWN
        document = await self._document(url, METADATA_SECONDS)
        try:
            return self._metadata_from(url, document)
        except ProviderUnavailable:
            del self._documents[url]  # it may be mended at any moment
            raise

    def _metadata_from(self, url: str, document: Mapping[str, Any]) -> Metadata:
        if document.get("issuer") != self.settings.issuer:  # Discovery, section 4.3
            raise self._unavailable(f"{url} describes another issuer")
        methods = document.get("token_endpoint_auth_methods_supported") or [_BASIC]
        return Metadata(
            authorization_endpoint=self._endpoint(document, "authorization_endpoint"),
            token_endpoint=self._endpoint(document, "token_endpoint"),
            jwks_uri=self._endpoint(document, "jwks_uri"),
            userinfo_endpoint=_text(document, "userinfo_endpoint"),
            token_auth=_POST if _POST in methods and _BASIC not in methods else _BASIC,
            names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, document: Mapping[str, Any], name: str) -> str:
        url = _text(document, name)
        if not url.startswith("https://") and not (self.settings.allow_private_addresses and url.startswith("http://")):
            raise self._unavailable(f"its {name} is missing or not an https:// address")
        return url

    async def _document(self, url: str, seconds: float) -> dict[str, Any]:
        """A JSON document no older than this, or the last one while a newer cannot be had; 0 = fetched now."""
        known = self._documents.get(url)
        if known is not None and time.monotonic() - known.at < seconds:
            return known.document
        try:
            document = self._object(await self._got(url))
        except ProviderUnavailable as error:
            if known is None or seconds == 0:
                raise
            log.warning("identity provider not asked again, its last answer is used", provider=self.id, why=str(error))
            return known.document
        self._documents[url] = _Remembered(document, time.monotonic())
        return document

    async def _got(self, url: str, bearer: str = "") -> Reply:
        try:
            reply = await self.fetch.get(url, {"authorization": f"Bearer {bearer}"} if bearer else {})
        except (FetchFailed, UrlNotAllowed) as error:
            raise self._unavailable(error.message) from error
        if reply.status != _OK:
            raise self._unavailable(f"{url} answers {reply.status}")
        return reply

    def _object(self, reply: Reply) -> dict[str, Any]:
        try:
            document = json.loads(reply.body)
        except ValueError as error:
            raise self._unavailable("it answers what is not JSON") from error
        if not isinstance(document, dict):
            raise self._unavailable("it answers JSON that is no object")
        return document

    def _unavailable(self, why: str) -> ProviderUnavailable:
        log.warning("identity provider not available", provider=self.id, why=why)
        return ProviderUnavailable(f"the identity provider {self.name} does not answer: try again later")


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""
