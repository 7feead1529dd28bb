"""Regular expressions, with an end to the time that one may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import regex  # type: ignore[import-untyped]

from assay_evaluation.domain.evaluators.config import Config, ConfigError
from assay_evaluation.domain.evaluators.kinds import Answer, Embed, Verdict

MAX_PATTERN: Final = 2_000
TIMEOUT: Final = 0.5
"""Seconds for one answer; a pattern that backtracks without end measures nothing."""


@dataclass(frozen=True, slots=True)
class RegexSearch:
    """Pass when the pattern is found anywhere in the answer."""

    needs_expected: ClassVar[bool] = False

    pattern: regex.Pattern[str]

    @classmethod
    def configured(cls, config: Config) -> RegexSearch:
        """Raises ConfigError, saying where the pattern is wrong."""
        text = config.text("pattern", longest=MAX_PATTERN)
        if text is None:
            raise ConfigError("pattern is missing")
        try:
            return cls(regex.compile(text))
        except (regex.error, RecursionError, OverflowError) as error:
            raise ConfigError(f"pattern is not a regular expression: {error}") from error

    def __call__(self, answers: Sequence[Answer], _embed: Embed) -> list[Verdict]:
        """Search each answer; the interpreter's lock is free meanwhile."""
        return [self._search(answer.output) for answer in answers]

    def _search(self, output: str) -> Verdict:
        try:
            return Verdict.of(self.pattern.search(output, timeout=TIMEOUT, concurrent=True) is not None)
        except TimeoutError:
            return Verdict(unmeasured_reason=f"the pattern took longer than {TIMEOUT:g} s")
