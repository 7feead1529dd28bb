"""Answers that must be JSON of a given shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NoReturn

import jsonschema_rs

from assay_evaluation.domain.evaluators.config import Config, ConfigError
from assay_evaluation.domain.evaluators.kinds import Answer, Embed, Verdict

MAX_SCHEMA_CHARACTERS: Final = 100_000


@dataclass(frozen=True, slots=True)
class MatchesSchema:
    """Pass when the answer is JSON (RFC 8259) valid against a JSON Schema of draft 2020-12."""

    needs_expected: ClassVar[bool] = False

    validator: jsonschema_rs.Draft202012Validator

    @classmethod
    def configured(cls, config: Config) -> MatchesSchema:
        """Raises ConfigError, saying what is wrong with the schema.

        References are resolved within the schema only: nothing is fetched. Patterns are matched in linear time, which
        leaves out look-around and back-references.
        """
        schema = config.mapping("schema")
        if schema is None:
            raise ConfigError("schema is missing")
        try:
            if len(json.dumps(schema)) > MAX_SCHEMA_CHARACTERS:
                raise ConfigError(f"schema is longer than {MAX_SCHEMA_CHARACTERS} characters")
            validator = jsonschema_rs.Draft202012Validator(
                schema, offline=True, pattern_options=jsonschema_rs.RegexOptions()
            )
        except jsonschema_rs.ValidationError as error:
            raise ConfigError(f"schema is not a usable JSON Schema: {error.message}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"schema is not a usable JSON Schema: {error}") from error
        return cls(validator)

    def __call__(self, answers: Sequence[Answer], _embed: Embed) -> list[Verdict]:
        """Parse and check each answer."""
        return [Verdict.of(self._is_valid(answer.output)) for answer in answers]

    def _is_valid(self, output: str) -> bool:
        try:
            return self.validator.is_valid(json.loads(output, parse_constant=_not_json))
        except (ValueError, RecursionError):
            return False


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)
