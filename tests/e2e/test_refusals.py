"""What must not work does not, and says why."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from assay_testing.repositories import bundle, commit, git, repository


def is_problem(response, status, reason=None):
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["request_id"] == response.headers["x-request-id"]
    if reason:
        assert problem["reason"] == reason
    return problem


def operations(api):
    for path, methods in api.get("/openapi.json")["paths"].items():
        for method, operation in methods.items():
            if "security" in operation:
                yield method, path


def filled(path):
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}{uuid4()}{rest.partition('}')[2]}"
    return path


def test_without_a_token_every_closed_operation_answers_401(api):
    stranger = httpx.Client(base_url=api.url)
    for method, path in operations(api):
        answer = stranger.request(method, filled(path))
        is_problem(answer, 401)
        assert "www-authenticate" in answer.headers


def test_a_missing_permission_is_named(api):
    api.prompt("triage", "one")
    reader = api.with_key("prompts:read")
    assert reader.get("/v1/prompts/triage").status_code == 200
    problem = is_problem(reader.post("/v1/prompts", json={"name": "other"}), 403, "MISSING_PERMISSION")
    assert "prompts:write" in str(problem)


def test_another_organisations_ids_are_not_there(api, make_api, tmp_path):
    prompt = api.prompt("triage", "one")
    dataset = api.dataset("words", '{"inputs": {}, "expected": "x"}')
    run = api.post(
        "/v1/runs",
        {"prompt": "triage", "dataset": "words", "model": "local/smollm2", "evaluators": [{"kind": "contains"}]},
    )
    repo = api.post("/v1/repositories", {"name": "shop"})
    api.upload(
        "/v1/repositories/shop/bundles", bundle(repository(tmp_path / "r", {"a.py": ""})), "application/x-git-bundle"
    )
    audit = api.post("/v1/audits", {"repository": "shop"})
    key = api.post("/v1/api-keys", {"name": "k", "scopes": ["prompts:read"]})["api_key"]
    paths = [
        f"/v1/prompts/{prompt['id']}",
        f"/v1/prompts/{prompt['id']}/versions",
        f"/v1/prompts/{prompt['id']}/resolve",
        f"/v1/prompts/{prompt['id']}/history",
        f"/v1/datasets/{dataset['id']}",
        f"/v1/datasets/{dataset['id']}/items",
        f"/v1/runs/{run['id']}",
        f"/v1/runs/{run['id']}/results",
        f"/v1/repositories/{repo['id']}",
        f"/v1/audits/{audit['id']}",
        f"/v1/audits/{audit['id']}/findings",
        f"/v1/audits/{audit['id']}/sarif",
        f"/v1/organisations/{api.organisation['id']}",
    ]
    stranger = make_api()
    for path in paths:
        assert api.http.get(path).status_code == 200, path
        is_problem(stranger.http.get(path), 404)
    is_problem(stranger.http.post(f"/v1/runs/{run['id']}/cancel"), 404)
    is_problem(stranger.http.delete(f"/v1/api-keys/{key['id']}"), 404)
    is_problem(stranger.http.post(f"/v1/prompts/{prompt['id']}/versions", json={"content": {"text": "x"}}), 404)
    is_problem(stranger.http.put(f"/v1/prompts/{prompt['id']}/labels/a", json={"version": 1}), 404)
    for collection in ("prompts", "datasets", "runs", "repositories", "audits", "api-keys"):
        assert stranger.get(f"/v1/{collection}")["items"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/prompts", b'{"name": '), ("/v1/datasets", b"\xff\xfe"), ("/v1/runs", b"[" * 100_000)],
    ids=["cut off", "not UTF-8", "deep"],
)
def test_malformed_json_is_a_bad_request(api, path, body):
    answer = api.http.post(path, content=body, headers={"content-type": "application/json"})
    is_problem(answer, 400)


def test_an_unknown_or_wrong_field_is_pointed_at(api):
    problem = is_problem(api.http.post("/v1/prompts", json={"name": 5, "colour": "red"}), 422)
    assert {"/name", "/colour"} <= {error["pointer"] for error in problem["errors"]}


@pytest.mark.parametrize("path", ["/v1/prompts", "/v1/datasets/words/items"])
def test_twenty_megabytes_are_too_much(api, path):
    api.post("/v1/datasets", {"name": "words"})
    media_type = "application/x-ndjson" if path.endswith("items") else "application/json"
    answer = api.http.post(path, content=b" " * 20_000_000, headers={"content-type": media_type})
    is_problem(answer, 413)
    chunked = api.http.post(path, content=(b" " * 1_000_000 for _ in range(20)), headers={"content-type": media_type})
    is_problem(chunked, 413)
    assert api.get("/v1/datasets/words")["latest_version"] == 0


def test_a_file_with_broken_rows_changes_nothing_and_says_which(api):
    api.post("/v1/datasets", {"name": "words"})
    broken = b'word,expected\nblue,blue\nred\n"green,green\n'
    answer = api.http.post("/v1/datasets/words/items", content=broken, headers={"content-type": "text/csv"})
    problem = is_problem(answer, 422, "INVALID_ROWS")
    assert "/lines/3" in {error["pointer"] for error in problem["errors"]}
    assert api.get("/v1/datasets/words")["latest_version"] == 0
    lines = b'{"inputs": {"word": "a"}, "expected": "a"}\nnot json\n{"inputs": 5}\n'
    report = api.upload("/v1/datasets/words/items", lines, "application/x-ndjson", skip_invalid="true")
    assert (report["imported"], report["rejected"]) == (1, 2)
    assert [error["line"] for error in report["errors"]] == [2, 3]


def test_a_corrupt_bundle_is_refused_and_leaves_nothing(api, tmp_path):
    good = bundle(repository(tmp_path / "r", {"a.py": "x = 1\n" * 1000}))
    api.post("/v1/repositories", {"name": "shop"})
    for corrupt in (b"", b"not a bundle", good[: len(good) // 2], good[:-20] + b"\0" * 20):
        answer = api.http.post(
            "/v1/repositories/shop/bundles", content=corrupt, headers={"content-type": "application/x-git-bundle"}
        )
        is_problem(answer, 422)
    assert api.get("/v1/repositories/shop")["head_commit"] == ""
    is_problem(api.http.post("/v1/audits", json={"repository": "shop"}), 409)


def test_a_repository_of_strange_files_is_audited_all_the_same(api, tmp_path):
    inner = repository(tmp_path / "inner", {"inner.py": ""})
    folder = repository(tmp_path / "strange", {"ok.py": "import os\n", "sub dir/ü.py": "x=1\n"})
    (folder / "huge.bin").write_bytes(bytes(50_000_000))
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to("loop")
    git(folder, "submodule", "--quiet", "add", str(inner), "vendored")
    commit(folder, "Add strange things")
    api.post("/v1/repositories", {"name": "strange"})
    api.upload("/v1/repositories/strange/bundles", bundle(folder), "application/x-git-bundle")
    finished = api.finished(f"/v1/audits/{api.post('/v1/audits', {'repository': 'strange'})['id']}")
    assert finished["status"] == "completed", finished
    assert sum(skipped["files"] for skipped in finished["skipped"]) >= 4, finished["skipped"]
    findings = api.get(f"/v1/audits/{finished['id']}/findings", limit=200)["items"]
    assert not [finding for finding in findings if "root:" in finding["message"]]
