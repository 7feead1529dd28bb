"""A prompt is rendered here as the prompt service renders it: the same cases are put to both."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from assay_client import MissingVariables, Prompt
from assay_prompt.domain.content import Content
from assay_prompt.entrypoints.grpc import _with_integers

CASES = {
    "a word": ("Say {{ word }}.", {"word": "hello"}),
    "tight": ("{{word}}{{  word  }}", {"word": "a"}),
    "markup is text": ("{{ word }}", {"word": "<b>&{{ word }}</b>"}),
    "numbers": ("{{ a }} {{ b }} {{ c }}", {"a": 2, "b": 2.5, "c": 2.0}),
    "large and small": ("{{ a }} {{ b }}", {"a": 1e21, "b": 1e-7}),
    "others": ("{{ a }} {{ b }} {{ c }}", {"a": True, "b": None, "c": "None"}),
    "structures": ("{{ a }}", {"a": {"list": [1, 2.0, "ü", None], "deep": {"x": 1.5}}}),
    "a trailing new line": ("{{ a }}\n", {"a": "x\n"}),
    "new lines of others": ("a\r\n{{ a }}\rb", {"a": "\r\n"}),
    "white space control": ("a  {{- a -}}  b", {"a": " x "}),
    "a comment": ("a{# nobody reads this #}{{ a }}", {"a": "b"}),
    "raw": ("{% raw %}{{ not }}{% endraw %}{{ a }}", {"a": "b"}),
    "Unicode": ("{{ größe }} \u2028 🙂", {"größe": "🙃"}),
    "unused": ("{{ a }}", {"a": "b", "c": "d"}),
    "nothing to fill in": ("as it is }} { {", {}),
    "a name of Jinja's own": ("{{ range }}{{ dict }}", {"range": "a", "dict": "b"}),
}


def prompt(content):
    said = content.as_json()
    shown = (
        {"text": said["text"], "chat": None} if "text" in said else {"text": None, "chat": {"messages": said["chat"]}}
    )
    version = {"prompt_name": "p", "number": 1, "content": shown, "variables": list(content.variables())}
    return Prompt(version, datetime.now(UTC), 0.0, False)


@pytest.mark.parametrize("name", CASES)
def test_both_render_alike(name):
    source, values = CASES[name]
    content = Content.text(source)
    travelled = Struct()
    travelled.update(values)
    expected = content.render(_with_integers(json_format.MessageToDict(travelled)))
    assert prompt(content).render(values) == [{"role": each.role, "content": each.content} for each in expected]


def test_a_conversation_keeps_its_roles():
    content = Content.chat((("system", "Be {{ mood }}"), ("user", "{{ question }}")))
    assert prompt(content).render({"mood": "kind"}, question="Why?") == [
        {"role": "system", "content": "Be kind"},
        {"role": "user", "content": "Why?"},
    ]


def test_missing_values_are_named():
    with pytest.raises(MissingVariables, match="a, b") as caught:
        prompt(Content.text("{{ b }}{{ a }}{{ c }}")).render(c=1)
    assert caught.value.names == ("a", "b")
