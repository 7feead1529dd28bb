"""Passwords."""

from typing import Protocol


class PasswordHasher(Protocol):
    """Slow hashes of passwords."""

    async def hash(self, password: str) -> str:
        """The hash to store, with its parameters in it."""

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits; None fits nothing and takes as long."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
