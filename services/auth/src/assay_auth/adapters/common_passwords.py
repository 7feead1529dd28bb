"""Passwords that are guessed first, by zxcvbn and the lists of leaked passwords, names and words that come with it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from zxcvbn import zxcvbn

FEWEST_GUESSES: Final = 10**8
"""What zxcvbn calls "somewhat guessable" or worse: within reach of somebody patient."""
_LOOKED_AT: Final = 40
"""Characters that are looked at together: the time it takes grows with their square."""


class GuessablePasswords:
    """Knows a password by how many guesses it would take: the lists, with the usual changes, runs and repetitions."""

    async def has(self, password: str, about: Sequence[str]) -> bool:
        """Whether it falls within FEWEST_GUESSES; `about` is what is known of the person."""
        return await asyncio.to_thread(_is_guessable, password, [text for text in about if text])


def _is_guessable(password: str, known: list[str]) -> bool:
    if password.casefold() in {text.casefold() for text in known}:
        return True
    # A long password is as hard as its harder end.
    parts = {password[:_LOOKED_AT], password[-_LOOKED_AT:]}
    return all(zxcvbn(part, user_inputs=known)["guesses"] < FEWEST_GUESSES for part in parts)
