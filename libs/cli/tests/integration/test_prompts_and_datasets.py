"""Prompts and datasets."""

from __future__ import annotations

import json

import pytest


def test_a_text_is_published_from_a_file_or_standard_input(assay, gateway, answers, tmp_path):
    gateway.on("POST /v1/prompts/triage/versions", answers.version, 201)
    file = tmp_path / "prompt.txt"
    file.write_text("Räum {{ it }} auf\n", encoding="utf-8")
    assert assay("prompt", "publish", "triage", str(file), "-m", "Ask").code == 0
    assert assay("prompt", "publish", "triage", "-", stdin="from a pipe").code == 0
    first, second = (request.json for request in gateway.asked("POST /v1/prompts/triage/versions"))
    assert first == {"content": {"text": "Räum {{ it }} auf\n"}, "commit_message": "Ask"}
    assert second["content"] == {"text": "from a pipe"}


@pytest.mark.parametrize(
    "text",
    [
        '[{"role": "user", "content": "{{ q }}"}]',
        "messages:\n  - role: user\n    content: '{{ q }}'\n",
    ],
    ids=["JSON list", "YAML object"],
)
def test_a_conversation_is_published(assay, gateway, answers, text):
    gateway.on("POST /v1/prompts/triage/versions", answers.version, 201)
    ran = assay("prompt", "publish", "triage", "--chat", "-", "--json", stdin=text)
    assert ran.json == answers.version
    sent = gateway.asked("POST /v1/prompts/triage/versions")[0].json
    assert sent["content"] == {"chat": {"messages": [{"role": "user", "content": "{{ q }}"}]}}


@pytest.mark.parametrize(
    "arguments",
    [
        ["prompt", "publish", "triage"],
        ["prompt", "publish", "triage", "a.txt", "--chat", "b.yaml"],
        ["prompt", "publish", "triage", "/nowhere/at/all.txt"],
        ["prompt", "publish", "triage", "--chat", "-"],
        ["prompt", "label", "triage", "production"],
        ["prompt", "label", "triage", "production", "1", "--remove"],
        ["prompt", "render", "triage", "-v", "no-equals-sign"],
        ["dataset", "import", "messages", "/nowhere/at/all.csv"],
        ["dataset", "import", "messages", "-"],
        ["eval", "run", "t", "--dataset", "d", "--model", "m", "--evaluator", "guessing"],
        ["eval", "run", "t", "--dataset", "d", "--model", "m", "--evaluator", "regex={"],
        ["compare", "r1"],
        ["audit", "/nowhere/at/all"],
        ["audit", ".", "--no-wait", "--fail-under", "50"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_asks_nothing(assay, gateway, arguments):
    ran = assay(*arguments, stdin="just words: [")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err
    assert "Traceback" not in ran.err
    assert gateway.seen == []


def test_a_prompt_is_printed_exactly_as_it_is(assay, gateway, answers):
    gateway.on("GET /v1/prompts/triage/resolve", answers.version)
    ran = assay("prompt", "get", "triage", "--label", "production")
    assert ran.out == "Say [b]one[/b] of {{ words }}\n"
    assert gateway.seen[0].query == {"label": "production"}


def test_missing_variables_are_named(assay, gateway):
    gateway.refuse(
        "POST /v1/prompts/triage/render", 422, "MISSING_VARIABLES", "no value for words",
        errors=[{"pointer": "/variables/words", "detail": "has no value"}],
    )  # fmt: skip
    ran = assay("prompt", "render", "triage", "-v", "a=b=c")
    assert ran.code == 3
    assert "/variables/words" in ran.err
    assert "req-1" in ran.err
    assert gateway.seen[0].json["variables"] == {"a": "b=c"}


def test_a_missing_permission_is_named(assay, gateway):
    gateway.refuse("POST /v1/prompts", 403, "MISSING_PERMISSION", "not allowed", permission="prompts:write")
    ran = assay("prompt", "create", "triage")
    assert ran.code == 3
    assert "prompts:write" in ran.err


def test_lists_are_tables_for_people_and_documents_for_programs(assay, gateway):
    prompt = {
        "id": "p1", "name": "a-name-that-is-long-" * 8, "description": "", "latest_version": 2, "created_by": "u1",
        "labels": [{"name": "production", "version": 2, "updated_at": None}], "created_at": None, "updated_at": None,
    }  # fmt: skip
    gateway.on("GET /v1/prompts", {"items": [prompt], "next_cursor": None})
    table = assay("prompt", "list", "--prefix", "a-").out
    assert prompt["name"] in table  # nothing is cut off where no terminal is
    assert "production→2" in table
    assert "\x1b[" not in table
    assert assay("prompt", "list", "--json").json == {"items": [prompt]}
    assert gateway.seen[0].query == {"limit": "50", "name_prefix": "a-"}


def test_a_file_is_imported_with_its_media_type(assay, gateway, tmp_path):
    report = {"dataset_id": "d1", "version": 1, "imported": 2, "errors": [], "rejected": 0}
    gateway.on("POST /v1/datasets/messages/items", report, 201)
    lines, table = tmp_path / "a.jsonl", tmp_path / "b.CSV"
    lines.write_text('{"inputs": {}}\n')
    table.write_text("word,expected\n")
    assert "2 items imported" in assay("dataset", "import", "messages", str(lines)).out
    assert assay("dataset", "import", "messages", str(table), "--skip-invalid", "--json").json == report
    first, second = gateway.seen
    assert (first.headers["content-type"], first.query) == ("application/x-ndjson", {})
    assert (second.headers["content-type"], second.query) == ("text/csv", {"skip_invalid": "true"})
    assert first.body == lines.read_bytes()


def test_broken_rows_are_a_table(assay, gateway, tmp_path):
    gateway.refuse(
        "POST /v1/datasets/messages/items", 422, "INVALID_ROWS", "nothing was imported: 1 rows are broken",
        errors=[{"pointer": "/lines/12", "detail": "has no column [expected]"}], rejected=1,
    )  # fmt: skip
    file = tmp_path / "a.csv"
    file.write_text("x")
    ran = assay("dataset", "import", "messages", str(file))
    assert ran.code == 3
    assert "12" in ran.out
    assert "has no column [expected]" in ran.out
    assert "--skip-invalid" in ran.err
    for_programs = assay("dataset", "import", "messages", str(file), "--json")
    assert for_programs.out == ""
    assert json.loads(for_programs.err)["errors"] == [{"pointer": "/lines/12", "detail": "has no column [expected]"}]
