"""Passwords hashed with argon2id (RFC 9106)."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHES_AT_ONCE: Final = 2
"""Each hash takes 64 MiB and a core for its time; more at once would only take more memory."""


class Argon2Hasher:
    """Hashes in threads, by the second recommendation of RFC 9106 (3 passes, 64 MiB, 4 lanes) unless told other."""

    def __init__(self, algorithm: PasswordHasher | None = None) -> None:
        self._algorithm = algorithm or PasswordHasher()
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="argon2")
        self._nobodys = self._algorithm.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """The hash to store; its salt and parameters are in it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._algorithm.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits; no hash means nobody, whose password is never right and always checked."""
        fits = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._fits, password_hash or self._nobodys, password
        )
        return fits and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than these."""
        return self._algorithm.check_needs_rehash(password_hash)

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._algorithm.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
