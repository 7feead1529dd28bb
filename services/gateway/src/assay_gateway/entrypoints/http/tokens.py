"""An opened session as the API shows it."""

from __future__ import annotations

from datetime import UTC, datetime

from assay.auth.v1 import sessions_pb2 as pb
from assay_gateway.messages import Json, rfc3339


def opened_session(tokens: pb.Tokens) -> Json:
    """The tokens of a session."""
    return {
        "access_token": tokens.access.access_token,
        "token_type": "Bearer",
        "expires_in": seconds_left(tokens.access.expires_at.ToDatetime(UTC)),
        "expires_at": rfc3339(tokens.access.expires_at),
        "organisation_id": tokens.access.organisation_id or None,
        "refresh_token": tokens.refresh_token,
        "refresh_expires_at": rfc3339(tokens.refresh_expires_at),
    }


def oauth_tokens(tokens: pb.Tokens) -> Json:
    """The same as OAuth knows it (RFC 6749, section 5.1)."""
    return {
        "access_token": tokens.access.access_token,
        "token_type": "Bearer",
        "expires_in": seconds_left(tokens.access.expires_at.ToDatetime(UTC)),
        "refresh_token": tokens.refresh_token,
        "organisation_id": tokens.access.organisation_id or None,
    }


def seconds_left(moment: datetime) -> int:
    """Whole seconds until a moment, 0 when it is past."""
    return max(0, round((moment - datetime.now(UTC)).total_seconds()))
