import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_evaluation.application.score_answers import score_answers
from assay_evaluation.domain.evaluators import Answer, ConfigError, Evaluator, EvaluatorKind, judge_for, score
from assay_evaluation.domain.evaluators.embedding import cosine
from assay_evaluation.domain.evaluators.token_f1 import f1


def no_embedding(texts):
    raise AssertionError("nothing is embedded here")


def judged(kind, output, expected=None, embed=no_embedding, **config):
    evaluator = Evaluator(kind, EvaluatorKind(kind), config)
    return score(evaluator, [Answer(output, expected)], embed)[0]


@pytest.mark.parametrize(
    ("output", "expected", "config", "passed"),
    [
        (" Refund\n", "refund", {}, True),
        ("Refund", "refund", {"ignore_case": False}, False),
        (" refund", "refund", {"strip": False}, False),
        ("STRASSE", "straße", {}, True),
        ("refunds", "refund", {}, False),
        ("", "", {}, True),
    ],
)
def test_exact_match(output, expected, config, passed):
    verdict = judged("exact_match", output, expected, **config)
    assert (verdict.passed, verdict.value) == (passed, float(passed))


@pytest.mark.parametrize(
    ("output", "expected", "config", "passed"),
    [
        ("It is a Refund.", "refund", {}, True),
        ("It is a Refund.", "refund", {"ignore_case": False}, False),
        ("It is a refund.", None, {"text": "refund"}, True),
        ("It is a refund.", "delivery", {"text": "refund"}, True),
        ("nothing", "refund", {}, False),
    ],
)
def test_contains(output, expected, config, passed):
    assert judged("contains", output, expected, **config).passed is passed


def test_regex_is_searched_anywhere():
    assert judged("regex", "ticket ABC-123 closed", pattern=r"\b[A-Z]{3}-\d+\b").passed is True
    assert judged("regex", "no ticket", pattern=r"^\d+$").passed is False


def test_a_pattern_that_backtracks_without_end_measures_nothing_and_ends():
    started = time.perf_counter()
    verdict = judged("regex", "a" * 60 + "!", pattern=r"^(a|aa|a+)+\1$")
    assert time.perf_counter() - started < 5
    assert (verdict.value, verdict.passed) == (None, None)
    assert verdict.unmeasured_reason == "the pattern took longer than 0.5 s"


SCHEMA = {
    "type": "object",
    "properties": {"category": {"enum": ["refund", "delivery"]}, "urgent": {"type": "boolean"}},
    "required": ["category"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("output", "passed"),
    [
        ('{"category": "refund", "urgent": true}', True),
        (' {"category": "delivery"}\n', True),
        ('{"category": "other"}', False),
        ('{"category": "refund", "more": 1}', False),
        ('```json\n{"category": "refund"}\n```', False),
        ("refund", False),
        ('{"category": "refund", "urgent": NaN}', False),
        ("[" * 100_000, False),
    ],
)
def test_json_schema(output, passed):
    assert judged("json_schema", output, schema=SCHEMA).passed is passed


def test_json_schema_patterns_take_linear_time():
    started = time.perf_counter()
    assert judged("json_schema", '"' + "a" * 50_000 + '!"', schema={"pattern": "^(a+)+$"}).passed is False
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("output", "expected", "value"),
    [
        ("The cat sat.", "a cat sat", 1.0),
        ("cat", "the cat sat", 2 * 1 * 0.5 / 1.5),
        ("dog", "cat", 0.0),
        ("a the an", "!", 1.0),
        ("", "cat", 0.0),
        ("cat cat", "cat", 2 * 0.5 * 1 / 1.5),
    ],
)
def test_token_f1_by_hand(output, expected, value):
    assert judged("token_f1", output, expected).value == pytest.approx(value)
    assert judged("token_f1", output, expected).passed is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_token_f1_is_symmetric_and_between_0_and_1(one, other):
    assert 0.0 <= f1(one, other) <= 1.0
    assert f1(one, other) == pytest.approx(f1(other, one))
    assert f1(one, one) == 1.0


def test_embedding_similarity_embeds_all_texts_at_once():
    calls = []

    def embed(texts):
        calls.append(list(texts))
        return [[1.0, 0.0] if text == "yes" else [0.0, 1.0] for text in texts]

    evaluator = Evaluator("near", EvaluatorKind.EMBEDDING_SIMILARITY, {})
    scores = score(evaluator, [Answer("yes", "yes"), Answer("yes", "no"), Answer("yes", None)], embed)
    assert [one.value for one in scores] == [1.0, 0.0, None]
    assert scores[2].unmeasured_reason == "the item has no expected answer"
    assert calls == [["yes", "yes", "yes", "no"]]


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3))
def test_cosine_stays_in_its_range(one, other):
    assert -1.0 <= cosine(one, other) <= 1.0


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("exact_match", {"ignore_case": "yes"}, "ignore_case must be true or false"),
        ("exact_match", {"fuzzy": True}, "unknown settings: fuzzy"),
        ("contains", {"text": ""}, "text must be a text that is not empty"),
        ("regex", {}, "pattern is missing"),
        ("regex", {"pattern": "("}, "pattern is not a regular expression: missing ) at position 1"),
        ("regex", {"pattern": "a" * 2001}, "pattern is longer than 2000 characters"),
        ("json_schema", {}, "schema is missing"),
        ("json_schema", {"schema": "x"}, "schema must be an object"),
        ("json_schema", {"schema": {"type": "strin"}}, "schema is not a usable JSON Schema: "),
        ("json_schema", {"schema": {"pattern": "(?=a)b"}}, 'schema is not a usable JSON Schema: .*"regex"'),
        ("json_schema", {"schema": {"$ref": "http://127.0.0.1:9/secret"}}, "Retrieval is disabled"),
        ("json_schema", {"schema": {"$ref": "file:///etc/passwd"}}, "Retrieval is disabled"),
        ("token_f1", {"articles": False}, "unknown settings: articles"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(kind, config, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(").replace(")", r"\)")):
        judge_for(Evaluator(kind, EvaluatorKind(kind), config))


def test_an_evaluator_that_breaks_takes_nothing_with_it():
    evaluators = [
        Evaluator("near", EvaluatorKind.EMBEDDING_SIMILARITY, {}),
        Evaluator("same", EvaluatorKind.EXACT_MATCH, {}),
    ]

    def broken(texts):
        raise RuntimeError("no engine for this processor")

    ((near, same),) = score_answers(evaluators, [Answer("x", "x")], broken)
    assert (near.value, near.unmeasured_reason) == (None, "the evaluator failed (RuntimeError)")
    assert same.passed is True
