"""Exact match and contains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay_evaluation.domain.evaluators.config import Config
from assay_evaluation.domain.evaluators.kinds import Answer, Embed, Verdict

MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """Pass when the answer equals the expected one, by default regardless of case and of white space around it."""

    needs_expected: ClassVar[bool] = True

    ignore_case: bool
    strip: bool

    @classmethod
    def configured(cls, config: Config) -> ExactMatch:
        """Raises ConfigError."""
        return cls(config.flag("ignore_case", default=True), config.flag("strip", default=True))

    def __call__(self, answers: Sequence[Answer], _embed: Embed) -> list[Verdict]:
        """Compare each answer with its expected one."""
        return [Verdict.of(self._same(answer.output, answer.expected or "")) for answer in answers]

    def _same(self, output: str, expected: str) -> bool:
        if self.strip:
            output, expected = output.strip(), expected.strip()
        return _folded(output, self.ignore_case) == _folded(expected, self.ignore_case)


@dataclass(frozen=True, slots=True)
class Contains:
    """Pass when the answer contains `text`, or the expected answer where no text is configured."""

    text: str | None
    ignore_case: bool

    @classmethod
    def configured(cls, config: Config) -> Contains:
        """Raises ConfigError."""
        return cls(config.text("text", longest=MAX_TEXT), config.flag("ignore_case", default=True))

    @property
    def needs_expected(self) -> bool:
        """Only where no text is configured."""
        return self.text is None

    def __call__(self, answers: Sequence[Answer], _embed: Embed) -> list[Verdict]:
        """Look into each answer."""
        return [Verdict.of(self._contains(answer)) for answer in answers]

    def _contains(self, answer: Answer) -> bool:
        wanted = self.text if self.text is not None else answer.expected or ""
        return _folded(wanted, self.ignore_case) in _folded(answer.output, self.ignore_case)


def _folded(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text
