"""Token-level F1 as in the evaluation script of SQuAD (Rajpurkar et al., EMNLP 2016), empty answers as in SQuAD 2.0."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay_evaluation.domain.evaluators.config import Config
from assay_evaluation.domain.evaluators.kinds import Answer, Embed, Verdict

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class TokenF1:
    """The harmonic mean of precision and recall over the words of answer and expected answer, 0 to 1."""

    needs_expected: ClassVar[bool] = True

    @classmethod
    def configured(cls, _config: Config) -> TokenF1:
        """It has no settings."""
        return cls()

    def __call__(self, answers: Sequence[Answer], _embed: Embed) -> list[Verdict]:
        """Score each answer."""
        return [Verdict(value=f1(answer.output, answer.expected or "")) for answer in answers]


def f1(output: str, expected: str) -> float:
    """F1 of the two bags of words; 1 when both are empty after normalisation, 0 when one is."""
    said, hoped = tokens(output), tokens(expected)
    if not said or not hoped:
        return float(said == hoped)
    common = (Counter(said) & Counter(hoped)).total()
    # 2PR / (P + R) with P = common / |said| and R = common / |hoped|
    return 2 * common / (len(said) + len(hoped))


def tokens(text: str) -> list[str]:
    """Words in lower case, without ASCII punctuation and without the articles a, an and the."""
    return _ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split()
