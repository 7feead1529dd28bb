"""Who the user is to which gateway: tokens in a file that only its owner can read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from platformdirs import user_config_path

from assay_cli.errors import WrongUsage

DEFAULT_URL: Final = "http://127.0.0.1:8080"
"""Where `make up` puts the gateway."""
_EARLY_SECONDS: Final = 30
"""A token that expires so soon is renewed before it is used."""


@dataclass(frozen=True, slots=True)
class Session:
    """The tokens of a sign-in."""

    email: str
    access_token: str
    expires_at: str
    refresh_token: str

    @classmethod
    def of(cls, email: str, answer: Mapping[str, Any]) -> Session:
        """The session in an answer of /v1/sessions."""
        return cls(email, answer["access_token"], answer["expires_at"], answer["refresh_token"])

    def is_fresh(self, now: datetime) -> bool:
        """Whether the access token is good for some time yet."""
        return (datetime.fromisoformat(self.expires_at) - now).total_seconds() > _EARLY_SECONDS


class Credentials:
    """The sessions of this user, one for each gateway, so that no gateway ever sees another's tokens.

    `ASSAY_URL` and `ASSAY_API_KEY` in the environment win over what the file says.
    """

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self.file = file
        self.api_key = environment.get("ASSAY_API_KEY") or None
        self._url = environment.get("ASSAY_URL") or None

    @classmethod
    def of_this_user(cls) -> Credentials:
        """Those in the user's configuration folder, or in `ASSAY_CONFIG_DIR`."""
        folder = os.environ.get("ASSAY_CONFIG_DIR") or user_config_path("assay")
        return cls(Path(folder) / "credentials.json", os.environ)

    @property
    def url(self) -> str:
        """The base URL of the gateway."""
        return (self._url or self._read().get("url") or DEFAULT_URL).rstrip("/")

    def session(self) -> Session | None:
        """The session at this gateway; None when nobody is signed in."""
        stored = self._read().get("sessions", {}).get(self.url)
        return Session(**stored) if stored else None

    def remember(self, session: Session, url: str) -> None:
        """Keep the session, and use its gateway from now on."""
        content = self._read()
        sessions = {**content.get("sessions", {}), url.rstrip("/"): asdict(session)}
        self._write({"url": url.rstrip("/"), "sessions": sessions})

    def forget(self) -> None:
        """Throw the session at this gateway away."""
        content = self._read()
        content.get("sessions", {}).pop(self.url, None)
        self._write(content)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other `assay` is inside: a refresh token works once, and using it twice would close the session."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.file.with_suffix(".lock")):
            yield

    def _read(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(self.file.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise WrongUsage(f"{self.file} cannot be read ({error}); delete it and run `assay login`.") from error
        return content

    def _write(self, content: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file, indent=2)
        draft.replace(self.file)


def now() -> datetime:
    """The time by which tokens expire."""
    return datetime.now(UTC)
