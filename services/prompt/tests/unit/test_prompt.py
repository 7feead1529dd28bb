from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_common.visibility import Visibility
from assay_prompt.domain.content import Content
from assay_prompt.domain.errors import (
    ContentUnchanged,
    LabelNotFound,
    MalformedPrompt,
    UnsupportedTemplateSyntax,
    VersionNotFound,
)
from assay_prompt.domain.prompt import LabelMoved, Prompt, PromptCreated, PromptUpdated, VersionPublished
from assay_prompt.domain.rendering import TooManyRenderings, render_all

NOW = datetime(2026, 11, 21, tzinfo=UTC)
AUTHOR = uuid4()
ORG = uuid4()


def prompt(name="triage"):
    return Prompt.create(uuid4(), ORG, name, "", by=AUTHOR, at=NOW)


def published(*texts):
    made = prompt()
    for text in texts:
        made.publish(Content.text(text), "", by=AUTHOR, at=NOW)
    return made


def test_a_prompt_is_created_without_versions():
    made = prompt()
    assert made.latest_version == 0
    assert made.changes == [PromptCreated("triage", "", Visibility.ORGANISATION)]


@pytest.mark.parametrize("name", ["", "A", "-a", "a b", "a/b", "ä", "a" * 101, "01a1fdcb-fa6b-77d4-9678-6a5238415535"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(MalformedPrompt) as refusal:
        prompt(name)
    assert {violation.field for violation in refusal.value.violations} == {"name"}


def test_versions_are_numbered_from_one_and_content_is_hashed():
    made = published("one", "two")
    first, second = (change.version for change in made.changes if isinstance(change, VersionPublished))
    assert (first.number, second.number) == (1, 2)
    assert first.content_hash.startswith("sha256:")
    assert first.content_hash != second.content_hash


def test_the_newest_content_cannot_be_published_again_but_an_older_one_can():
    made = published("one", "two")
    with pytest.raises(ContentUnchanged):
        made.publish(Content.text("two"), "", by=AUTHOR, at=NOW)
    assert made.publish(Content.text("one"), "", by=AUTHOR, at=NOW).number == 3


def test_a_text_is_not_the_chat_of_the_same_words():
    assert Content.text("hello").hash() != Content.chat((("user", "hello"),)).hash()


def test_the_revision_counts_what_happened():
    made = published("one", "two")
    made.set_label("production", 1, at=NOW)
    made.update(description="x", visibility=Visibility.PRIVATE, at=NOW)
    made.update(description="x", visibility=None, at=NOW)
    made.set_label("production", 1, at=NOW)
    assert made.etag == str(len(made.changes)) == "5"
    assert made.labels["production"].etag == "4"
    assert made.changes[-1] == PromptUpdated("x", Visibility.PRIVATE)


def test_a_description_has_a_length():
    with pytest.raises(MalformedPrompt) as refusal:
        prompt().update(description="x" * 2001, visibility=None, at=NOW)
    assert {violation.field for violation in refusal.value.violations} == {"description"}


def test_a_label_moves_and_remembers_where_it_was():
    made = published("one", "two")
    made.set_label("production", 1, at=NOW)
    made.set_label("production", 2, at=NOW + timedelta(seconds=1))
    moves = [change for change in made.changes if isinstance(change, LabelMoved)]
    assert [(move.previous_version, move.label.version) for move in moves] == [(0, 1), (1, 2)]


def test_a_label_that_points_there_already_changes_nothing():
    made = published("one")
    made.set_label("production", 1, at=NOW)
    changes = len(made.changes)
    made.set_label("production", 1, at=NOW + timedelta(days=1))
    assert len(made.changes) == changes


@pytest.mark.parametrize("version", [0, 2, -1])
def test_a_label_needs_a_version_that_is_there(version):
    with pytest.raises(VersionNotFound):
        published("one").set_label("production", version, at=NOW)


@pytest.mark.parametrize("label", ["latest", "", "A", "x" * 51])
def test_a_label_of_another_form_is_refused(label):
    with pytest.raises(MalformedPrompt):
        published("one").set_label(label, 1, at=NOW)


def test_a_label_that_is_not_there_cannot_be_removed():
    with pytest.raises(LabelNotFound):
        published("one").remove_label("production", at=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "{% for x in y %}{% endfor %}",
        "{{ a | upper }}",
        "{{ a() }}",
        "{{ a.b }}",
        "{{ 1 + 1 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ a[0] }}",
        "{{ unclosed",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_that_does_more_than_name_variables_is_refused_with_its_line(text):
    with pytest.raises(UnsupportedTemplateSyntax, match="line 2") as refusal:
        Content.text("first\n" + text)
    assert refusal.value.violations[0].field == "content.text"


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ((), "content"),
        ((("robot", "x"),), "content.chat.messages[0].role"),
        ((("user", "x"), ("user", " ")), "content.chat.messages[1].content"),
        (tuple(("user", "x") for _ in range(101)), "content.chat.messages"),
        ((("user", "x" * (256 * 1024 + 1)),), "content"),
    ],
)
def test_a_malformed_chat_is_refused_and_says_where(messages, field):
    with pytest.raises(MalformedPrompt) as refusal:
        Content.chat(messages)
    assert field in {violation.field for violation in refusal.value.violations}


def version_of(text):
    return prompt().publish(Content.text(text), "", by=AUTHOR, at=NOW)


def test_rendering_fills_variables_and_names_the_missing():
    version = version_of("{{ b }} and {{ a }} and {{ a }}")
    whole, partial = render_all(version, [{"a": "1", "b": "2", "unused": 3}, {"a": "1"}])
    assert whole.messages[0].content == "2 and 1 and 1"
    assert partial.missing == ("b",)
    assert partial.messages == ()


def test_values_that_are_no_text_become_compact_json():
    (rendered,) = render_all(version_of("{{ a }}|{{ b }}|{{ c }}"), [{"a": {"x": [1, 2]}, "b": None, "c": True}])
    assert rendered.messages[0].content == '{"x":[1,2]}|null|true'


def test_a_value_is_never_read_as_a_template_and_never_escaped():
    (rendered,) = render_all(version_of("{{ a }}"), [{"a": "<b>{{ secret }}</b>"}])
    assert rendered.messages[0].content == "<b>{{ secret }}</b>"


@given(st.text(alphabet=st.characters(exclude_characters="{}%#", exclude_categories=["Cs"])))
def test_text_without_variables_renders_as_itself(text):
    made = prompt()
    content = Content.from_json({"text": text})
    assert content.render({})[0].content == text.replace("\r\n", "\n").replace("\r", "\n")
    assert made.latest_version == 0


def test_more_than_a_thousand_sets_are_refused():
    with pytest.raises(TooManyRenderings):
        render_all(version_of("x"), [{}] * 1001)


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=30))
def test_numbers_have_no_gaps_whatever_is_refused(texts):
    made = prompt()
    for text in texts:
        try:
            made.publish(Content.text(text), "", by=AUTHOR, at=NOW)
        except ContentUnchanged:
            continue
    numbers = [change.version.number for change in made.changes if isinstance(change, VersionPublished)]
    assert numbers == list(range(1, len(numbers) + 1))
