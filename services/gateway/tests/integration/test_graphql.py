"""GraphQL: the same things as REST, one RPC for each kind of thing however many there are, and bounded queries."""

import hashlib
import json
from collections import Counter

import pytest
from graphql import parse

from assay.audit.v1 import audits_pb2, repositories_pb2
from assay.evaluation.v1 import comparisons_pb2, datasets_pb2, runs_pb2
from assay.prompt.v1 import prompts_pb2
from assay_common.errors import NotFound
from assay_gateway.entrypoints.graphql.cost import MAX_COST, cost_of


@pytest.fixture
def ask(client):
    async def send(query, **variables):
        response = await client.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        return response.json()

    return send


def rpcs(backend):
    return Counter(call.rpc for call in backend.calls if call.rpc != "GetJwks")


PROMPTS = """
query Prompts($first: Int!) {
  prompts(first: $first) {
    nodes {
      id name visibility labels { name version }
      latestVersion { number content { text } commitMessage }
      labelled(label: "production") { number }
    }
    pageInfo { endCursor hasNextPage }
  }
}
"""


@pytest.fixture
def fifty_prompts(backend):
    prompts = [
        prompts_pb2.Prompt(
            id=f"p{number}",
            name=f"prompt-{number}",
            visibility=2,
            latest_version=3,
            labels=[prompts_pb2.Label(name="production", version=2)],
        )
        for number in range(50)
    ]
    backend.answers["ListPrompts"] = prompts_pb2.ListPromptsResponse(prompts=prompts, next_page_token="next")

    async def versions(request):
        return prompts_pb2.BatchGetVersionsResponse(
            versions=[
                prompts_pb2.Version(
                    prompt_id=name.prompt_id, number=name.number, content=prompts_pb2.Content(text=f"v{name.number}")
                )
                for name in request.names
            ]
        )

    backend.answers["BatchGetVersions"] = versions


async def test_a_list_with_what_belongs_to_it_costs_two_rpcs(ask, backend, fifty_prompts):
    answer = await ask(PROMPTS, first=50)
    assert "errors" not in answer
    page = answer["data"]["prompts"]
    assert page["pageInfo"] == {"endCursor": "next", "hasNextPage": True}
    assert len(page["nodes"]) == 50
    assert page["nodes"][7] == {
        "id": "p7",
        "name": "prompt-7",
        "visibility": "ORGANISATION",
        "labels": [{"name": "production", "version": 2}],
        "latestVersion": {"number": 3, "content": {"text": "v3"}, "commitMessage": ""},
        "labelled": {"number": 2},
    }
    assert rpcs(backend) == {"ListPrompts": 1, "BatchGetVersions": 1}
    (asked,) = backend.asked("ListPrompts")
    assert asked.page_size == 50


async def test_runs_with_prompts_versions_and_datasets_cost_four_rpcs(ask, backend):
    runs = [
        runs_pb2.Run(
            id=f"r{number}",
            prompt_id=f"p{number % 3}",
            prompt_version=1,
            dataset_id=f"d{number % 2}",
            status=runs_pb2.RUN_STATUS_COMPLETED,
        )
        for number in range(30)
    ]
    backend.answers["ListRuns"] = runs_pb2.ListRunsResponse(runs=runs)

    async def prompts(request):
        found = [prompts_pb2.Prompt(id=each, name=each) for each in request.ids if each != "p2"]
        return prompts_pb2.BatchGetPromptsResponse(prompts=found)

    async def versions(request):
        found = [prompts_pb2.Version(prompt_id=each.prompt_id, number=each.number) for each in request.names]
        return prompts_pb2.BatchGetVersionsResponse(versions=found)

    async def datasets(request):
        found = [datasets_pb2.Dataset(id=each, name=each) for each in request.ids]
        return datasets_pb2.BatchGetDatasetsResponse(datasets=found)

    backend.answers |= {"BatchGetPrompts": prompts, "BatchGetVersions": versions, "BatchGetDatasets": datasets}
    query = "{ runs(first: 30) { nodes { id status prompt { name } version { number } dataset { name } } } }"
    answer = await ask(query)
    assert "errors" not in answer
    nodes = answer["data"]["runs"]["nodes"]
    assert nodes[4] == {
        "id": "r4",
        "status": "COMPLETED",
        "prompt": {"name": "p1"},
        "version": {"number": 1},
        "dataset": {"name": "d0"},
    }
    assert nodes[2]["prompt"] is None
    assert rpcs(backend) == {"ListRuns": 1, "BatchGetPrompts": 1, "BatchGetVersions": 1, "BatchGetDatasets": 1}
    (asked,) = backend.asked("BatchGetPrompts")
    assert sorted(asked.ids) == ["p0", "p1", "p2"]


async def test_repositories_with_their_latest_audits_cost_two_rpcs(ask, backend):
    repositories = [repositories_pb2.Repository(id=f"r{number}", name=f"r{number}") for number in range(10)]
    backend.answers["ListRepositories"] = repositories_pb2.ListRepositoriesResponse(repositories=repositories)

    async def audits(request):
        return audits_pb2.BatchGetLatestAuditsResponse(
            audits=[
                audits_pb2.AuditRun(repository_id=each, status=audits_pb2.AUDIT_STATUS_COMPLETED, health=87.5)
                for each in request.repository_ids
                if each != "r9"
            ]
        )

    backend.answers["BatchGetLatestAudits"] = audits
    answer = await ask("{ repositories { nodes { name latestAudit { status health } } } }")
    nodes = answer["data"]["repositories"]["nodes"]
    assert nodes[0] == {"name": "r0", "latestAudit": {"status": "COMPLETED", "health": 87.5}}
    assert nodes[9]["latestAudit"] is None
    assert rpcs(backend) == {"ListRepositories": 1, "BatchGetLatestAudits": 1}


async def test_a_comparison_with_its_runs_costs_two_rpcs(ask, backend):
    backend.answers["GetComparison"] = comparisons_pb2.Comparison(
        id="c", baseline_run_id="a", candidate_run_id="b", verdict=comparisons_pb2.VERDICT_BETTER
    )
    backend.answers["BatchGetRuns"] = runs_pb2.BatchGetRunsResponse(
        runs=[runs_pb2.Run(id="a", model="one"), runs_pb2.Run(id="b", model="two")]
    )
    answer = await ask('{ comparison(id: "c") { verdict baseline { model } candidate { model } } }')
    assert answer["data"]["comparison"] == {
        "verdict": "BETTER",
        "baseline": {"model": "one"},
        "candidate": {"model": "two"},
    }
    assert rpcs(backend) == {"GetComparison": 1, "BatchGetRuns": 1}


EVERYTHING = """
{
  me { subject email role organisation { slug } permissions }
  members { nodes { userId email role joinedAt } }
  prompt(prompt: "p") { id createdAt }
  promptVersions(prompt: "p") { nodes { number variables content { text chat { messages { role content } } } } }
  datasets { nodes { id itemCount visibility } }
  dataset(dataset: "d") { name }
  run(id: "r") {
    evaluators { name kind config } progress { total } summaries { meanScore } totals { inputTokens costUsd }
  }
  runResults(run: "r") { nodes { output scores { score passed } latencyMs } }
  repository(repository: "r") { url headCommit }
  audit(id: "a") { audits { kind status score } skipped { reason files } repository { name } }
  audits { nodes { id commit } }
  findings(audit: "a", kind: GIT, minimumSeverity: WARNING) { nodes { rule severity path line } }
}
"""


async def test_every_root_field_answers(ask):
    answer = await ask(EVERYTHING)
    assert "errors" not in answer, answer["errors"]
    assert all(value is not None for value in answer["data"].values())


class PromptNotFound(NotFound):
    pass


async def test_an_error_tells_what_a_problem_document_tells(ask, backend):
    backend.answers["GetPrompt"] = PromptNotFound("there is no such prompt", prompt="p")
    answer = await ask('{ prompt(prompt: "p") { id } }')
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["message"] == "there is no such prompt"
    assert error["path"] == ["prompt"]
    assert error["extensions"] == {"code": "PROMPT_NOT_FOUND", "status": 404, "prompt": "p"}


async def test_a_mistake_of_ours_tells_nothing(ask, backend):
    backend.answers["GetPrompt"] = RuntimeError("the password is hunter2")
    answer = await ask('{ prompt(prompt: "p") { id } }')
    assert answer["errors"][0]["extensions"]["status"] == 500
    assert "hunter2" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ nothing }", "Cannot query field"),
        ("{ prompts", "Syntax Error"),
        ("mutation { x }", "only queries"),
        ("{ prompts(first: 0) { nodes { id } } }", "first"),
        ("{ prompts(first: 201) { nodes { id } } }", "first"),
        ("{ " + " ".join(f"a{number}: me {{ email }}" for number in range(40)) + " }", "aliases"),
        ("{ " + "me { email } " * 1000 + "}", "token"),
        (
            "{ __schema { types { fields { type { fields { type { fields { type { fields { type { fields { type {"
            " name } } } } } } } } } } } } }",
            "depth",
        ),
    ],
)
async def test_what_is_refused(ask, backend, query, told):
    answer = await ask(query)
    assert answer["data"] is None
    assert told in json.dumps(answer["errors"])
    assert rpcs(backend) == {}


async def test_an_operation_that_the_document_does_not_have(client):
    body = {"query": "query A { me { email } } query B { me { name } }", "operationName": "C"}
    answer = (await client.post("/graphql", json=body)).json()
    assert "operationName" in answer["errors"][0]["message"]


async def test_a_query_that_costs_too_much_is_refused_before_anything_is_asked(ask, backend):
    query = (
        "query Q($n: Int) { "
        + " ".join(
            f"a{number}: prompts(first: $n) {{ nodes {{ id name latestVersion {{ number labels }} }} }}"
            for number in range(20)
        )
        + " }"
    )
    answer = await ask(query, n=200)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert error["extensions"]["cost"] > MAX_COST
    assert rpcs(backend) == {}


async def test_an_expensive_query_counts_as_several_requests(make_gateway, backend, token, fifty_prompts):
    limits = {"per_second": 0.001, "burst": 13}
    gateway = await make_gateway(backend, limits=limits)
    gateway.http.headers["authorization"] = f"Bearer {token}"
    query = "{ prompts(first: 200) { nodes { id name description visibility } } }"  # 1,001 points
    answers = [(await gateway.http.post("/graphql", json={"query": query})).json() for _ in range(3)]
    assert ["errors" in answer for answer in answers] == [False, False, True]
    (error,) = answers[2]["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retry_after"] > 0


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ me { email } }", {}, 2),
        ("{ prompts(first: 3) { nodes { id } } }", {}, 1 + 3 * 2),
        ("{ prompts { nodes { id } } }", {}, 1 + 20 * 2),
        ("query ($n: Int) { prompts(first: $n) { nodes { id } } }", {"n": 5}, 1 + 5 * 2),
        ("query ($n: Int = 7) { prompts(first: $n) { nodes { id } } }", {}, 1 + 7 * 2),
        ("{ prompts(first: 3) { ...P } } fragment P on PromptConnection { nodes { id } }", {}, 1 + 3 * 2),
        ("{ ... { me { email } } }", {}, 2),
    ],
)
def test_cost(query, variables, cost):
    assert cost_of(parse(query), None, variables) == cost


def digest(query):
    return hashlib.sha256(query.encode()).hexdigest()


def persisted(query):
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(query)}}


async def test_a_query_is_persisted_and_found_on_another_replica(client, backend, make_gateway, fifty_prompts, token):
    query = f"{{ prompts {{ nodes {{ id }} }} }} # {digest(token)}"
    unknown = (await client.post("/graphql", json={"extensions": persisted(query)})).json()
    assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    kept = await client.post("/graphql", json={"query": query, "extensions": persisted(query)})
    assert len(kept.json()["data"]["prompts"]["nodes"]) == 50
    other = await make_gateway(backend)
    other.http.headers["authorization"] = f"Bearer {token}"
    found = await other.http.get("/graphql", params={"extensions": json.dumps(persisted(query))})
    assert found.json() == kept.json()


async def test_a_hash_of_something_else_is_refused(client):
    body = {"query": "{ me { email } }", "extensions": persisted("{ me { name } }")}
    answer = (await client.post("/graphql", json=body)).json()
    assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_HASH_MISMATCH"


@pytest.mark.parametrize("extensions", [{"persistedQuery": 1}, {"persistedQuery": {"version": 2}}])
async def test_malformed_persisted_queries(client, extensions):
    answer = (await client.post("/graphql", json={"extensions": extensions})).json()
    assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_MALFORMED"


async def test_the_manners_of_every_route(gateway, client):
    anonymous = await gateway.http.post("/graphql", json={"query": "{ me { email } }"}, headers={"authorization": ""})
    assert anonymous.status_code == 401
    assert (await client.post("/graphql", json={})).status_code == 422
    assert (await client.post("/graphql", content="x", headers={"content-type": "text/plain"})).status_code == 415
    assert (await client.get("/graphql", params={"query": "{me{email}}", "variables": "["})).status_code == 422
    assert (await client.get("/graphql", params={"query": "{me{email}}", "variables": "[]"})).status_code == 422
    response = await client.get("/graphql", params={"query": "{ me { email } }"})
    assert response.status_code == 200
    assert response.headers["x-request-id"]
