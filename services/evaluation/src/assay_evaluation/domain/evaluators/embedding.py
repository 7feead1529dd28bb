"""How near in meaning two texts are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay_evaluation.domain.evaluators.config import Config
from assay_evaluation.domain.evaluators.kinds import Answer, Embed, Verdict


@dataclass(frozen=True, slots=True)
class EmbeddingSimilarity:
    """Cosine similarity of the embeddings of answer and expected answer, -1 to 1."""

    needs_expected: ClassVar[bool] = True

    @classmethod
    def configured(cls, _config: Config) -> EmbeddingSimilarity:
        """It has no settings."""
        return cls()

    def __call__(self, answers: Sequence[Answer], embed: Embed) -> list[Verdict]:
        """Embed all texts at once and compare them pair by pair."""
        vectors = embed([*(answer.output for answer in answers), *(answer.expected or "" for answer in answers)])
        pairs = zip(vectors[: len(answers)], vectors[len(answers) :], strict=True)
        return [Verdict(value=cosine(said, hoped)) for said, hoped in pairs]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors; rounding errors beyond ±1 are cut off."""
    length = math.hypot(*one) * math.hypot(*other)
    if length == 0:
        return 0.0
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(one, other, strict=True)) / length))
