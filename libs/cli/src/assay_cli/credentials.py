"""Who the user is to which gateway: tokens in a file that only its owner can read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path, user_config_path

from assay_cli.errors import WrongUsage
from assay_client import DEFAULT_URL, Session


class Credentials:
    """The sessions of this user, one for each gateway, so that no gateway ever sees another's tokens.

    `ASSAY_URL` and `ASSAY_API_KEY` in the environment win over what the file says. Serves a client as its SessionStore.

    Args:
        file: where the tokens are.
        environment: variables.
        cache: the folder for copies of prompts.
    """

    def __init__(self, file: Path, environment: Mapping[str, str], cache: Path) -> None:
        self.file = file
        self.cache = cache
        self.api_key = environment.get("ASSAY_API_KEY") or None
        self._url = environment.get("ASSAY_URL") or None

    @classmethod
    def of_this_user(cls) -> Credentials:
        """Those in the user's configuration folder, or in `ASSAY_CONFIG_DIR`."""
        return cls.with_environment(os.environ)

    @classmethod
    def with_environment(cls, environment: Mapping[str, str]) -> Credentials:
        """The same, as if these were the environment's variables."""
        chosen = environment.get("ASSAY_CONFIG_DIR")
        folder = Path(chosen) if chosen else user_config_path("assay")
        cache = Path(chosen) if chosen else user_cache_path("assay")
        return cls(folder / "credentials.json", environment, cache / "prompts")

    @property
    def url(self) -> str:
        """The base URL of the gateway."""
        return (self._url or self._read().get("url") or DEFAULT_URL).rstrip("/")

    def load(self) -> Session | None:
        """The session at this gateway; None when nobody is signed in."""
        stored = self._read().get("sessions", {}).get(self.url)
        if not stored:
            return None
        expires_at = datetime.fromisoformat(stored["expires_at"])
        return Session(stored["access_token"], stored["refresh_token"], expires_at, stored.get("organisation_id"))

    def save(self, session: Session | None) -> None:
        """Keep the session, and use its gateway from now on; None = throw the one at this gateway away."""
        content = self._read()
        sessions = {url: kept for url, kept in content.get("sessions", {}).items() if url != self.url}
        if session is None:
            self._write({**content, "sessions": sessions})
            return
        stored = {
            "access_token": session.access_token,
            "expires_at": session.expires_at.isoformat(),
            "refresh_token": session.refresh_token,
            "organisation_id": session.organisation_id,
        }
        self._write({"url": self.url, "sessions": {**sessions, self.url: stored}})

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
