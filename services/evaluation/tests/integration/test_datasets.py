import json
from uuid import UUID, uuid4

import pytest

from assay.evaluation.v1 import datasets_pb2 as pb

JSONL, CSV = pb.FILE_FORMAT_JSONL, pb.FILE_FORMAT_CSV
ROWS = [{"inputs": {"message": f"mail {n}", "n": n}, "expected": f"kind {n}"} for n in range(5)]


def jsonl(rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


async def items(caller, dataset, size=0, **request):
    found, token = [], ""
    while True:
        page = await caller.datasets.ListItems(
            pb.ListItemsRequest(dataset=dataset, page_size=size, page_token=token, **request)
        )
        found += page.items
        if not (token := page.next_page_token):
            return found


async def test_a_dataset_is_created_and_found_by_id_and_by_name(caller):
    created = await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="mails", description="Support mails"))
    assert (created.name, created.description, created.latest_version, created.item_count) == (
        "mails",
        "Support mails",
        0,
        0,
    )
    for reference in (created.id, "mails"):
        assert await caller.datasets.GetDataset(pb.GetDatasetRequest(dataset=reference)) == created


async def test_a_name_is_taken_once_in_an_organisation(caller, someone, refused):
    await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="mails"))
    with refused("ALREADY_EXISTS", "DATASET_NAME_TAKEN"):
        await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="mails"))
    await someone().datasets.CreateDataset(pb.CreateDatasetRequest(name="mails"))


async def test_a_name_has_a_form(caller, refused):
    for name in ("", "Mails!", str(uuid4())):
        with refused("INVALID_ARGUMENT", "MALFORMED_DATASET") as refusal:
            await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name=name, description="x" * 2001))
        assert refusal.violations == ["name", "description"]


async def test_datasets_are_listed_newest_first_in_pages(caller, someone, refused):
    await someone().datasets.CreateDataset(pb.CreateDatasetRequest(name="not-mine"))
    for name in ("one", "two", "three"):
        await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name=name))
    first = await caller.datasets.ListDatasets(pb.ListDatasetsRequest(page_size=2))
    rest = await caller.datasets.ListDatasets(pb.ListDatasetsRequest(page_size=2, page_token=first.next_page_token))
    assert [dataset.name for dataset in (*first.datasets, *rest.datasets)] == ["three", "two", "one"]
    assert rest.next_page_token == ""
    with refused("INVALID_ARGUMENT", "MALFORMED_CURSOR"):
        await caller.datasets.ListDatasets(pb.ListDatasetsRequest(page_token="nonsense"))


async def test_an_import_makes_a_version_and_tells_of_it(caller, stored_events):
    dataset = await caller.import_rows(ROWS, name="mails")
    assert (dataset.latest_version, dataset.item_count) == (1, 5)
    found = await items(caller, "mails", size=2)
    assert [item.index for item in found] == [0, 1, 2, 3, 4]
    assert (found[3].inputs["message"], found[3].inputs["n"], found[3].expected) == ("mail 3", 3.0, "kind 3")
    assert len({UUID(item.id) for item in found}) == 5
    (created, _), (kind, event) = await stored_events(caller.org_id)
    assert created == "DatasetCreated"
    assert (kind, event.dataset_id, event.name, event.version, event.item_count) == (
        "DatasetImported",
        dataset.id,
        "mails",
        1,
        5,
    )


async def test_versions_are_immutable(caller, refused):
    dataset = await caller.import_rows(ROWS, name="mails")
    report = await caller.upload("mails", b"message,expected\nHello,greeting\n", CSV)
    assert (report.dataset_id, report.version, report.imported, report.rejected) == (dataset.id, 2, 1, 0)
    assert [item.expected for item in await items(caller, dataset.id)] == ["greeting"]
    assert len(await items(caller, dataset.id, version=1)) == 5
    with refused("NOT_FOUND", "DATASET_VERSION_NOT_FOUND"):
        await items(caller, dataset.id, version=3)


async def test_a_dataset_without_versions_has_no_items(caller, refused):
    await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="mails"))
    assert await items(caller, "mails") == []
    with refused("FAILED_PRECONDITION", "DATASET_EMPTY"):
        await items(caller, "mails", version=1)


async def test_broken_rows_keep_the_file_out_or_are_left_out_as_asked(caller, stored_events):
    await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="mails"))
    content = jsonl(ROWS[:2]) + b'\nnonsense\n{"expected": "x"}\n' + jsonl(ROWS[2:])
    refused = await caller.upload("mails", content, JSONL)
    assert (refused.version, refused.imported, refused.rejected) == (0, 0, 2)
    assert [(error.line, error.message) for error in refused.errors] == [
        (3, "is not JSON: Expecting value at column 1"),
        (4, "inputs is missing"),
    ]
    assert await items(caller, "mails") == []
    assert [kind for kind, _ in await stored_events(caller.org_id)] == ["DatasetCreated"]
    taken = await caller.upload("mails", content, JSONL, skip_invalid=True)
    assert (taken.version, taken.imported, taken.rejected, len(taken.errors)) == (1, 5, 2, 2)
    assert len(await items(caller, "mails")) == 5


async def test_thousands_of_rows_are_imported_in_chunks_cut_anywhere(caller):
    rows = [{"inputs": {"message": f"größe {n} " + "x" * 80}, "expected": str(n)} for n in range(20_000)]
    dataset = await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="many"))
    report = await caller.upload(dataset.id, jsonl(rows), JSONL, chunk=99_999)
    assert (report.imported, report.rejected) == (20_000, 0)
    page = await caller.datasets.ListItems(pb.ListItemsRequest(dataset="many", page_size=10_000))
    assert len(page.items) == 200
    assert page.items[199].inputs["message"].startswith("größe 199 ")


async def test_a_file_has_a_largest_size(caller, refused):
    await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="mails"))
    with refused("INVALID_ARGUMENT", "FILE_TOO_LARGE") as refusal:
        await caller.upload("mails", b"x" * (16 * 1024 * 1024 + 1), JSONL)
    assert refusal.violations == ["chunk"]


async def test_an_upload_has_a_form(caller, refused):
    await caller.datasets.CreateDataset(pb.CreateDatasetRequest(name="mails"))

    async def upload(*parts):
        async def stream():
            for part in parts:
                yield pb.ImportItemsRequest(**part)

        return await caller.datasets.ImportItems(stream())

    header = {"header": pb.ImportHeader(dataset="mails", format=JSONL)}
    with refused("INVALID_ARGUMENT", "MALFORMED_IMPORT"):
        await upload()
    with refused("INVALID_ARGUMENT", "MALFORMED_IMPORT"):
        await upload({"chunk": b"x"})
    with refused("INVALID_ARGUMENT", "MALFORMED_IMPORT"):
        await upload(header, header)
    with refused("INVALID_ARGUMENT", "MALFORMED_IMPORT") as refusal:
        await upload(header, {"chunk": b'{"inputs": {"a": "1"}, "expected": "x"}\n'})
    assert refusal.violations == ["complete"]
    with refused("INVALID_ARGUMENT", "MALFORMED_IMPORT") as refusal:
        await upload({"header": pb.ImportHeader(dataset="mails")})
    assert refusal.violations == ["header.format"]
    with refused("INVALID_ARGUMENT", "FIELD_MISSING") as refusal:
        await upload({"header": pb.ImportHeader(format=JSONL)})
    assert refusal.violations == ["dataset"]


@pytest.mark.parametrize("reference", ["nobody", "01a1fdfb-7706-706a-9e57-865ff8fce780", "no such name!"])
async def test_what_is_not_there_is_not_found(caller, refused, reference):
    with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
        await caller.datasets.GetDataset(pb.GetDatasetRequest(dataset=reference))
    with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
        await caller.datasets.ListItems(pb.ListItemsRequest(dataset=reference))
    with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
        await caller.upload(reference, b"x", JSONL)


async def test_another_organisations_dataset_is_not_found(caller, someone, refused):
    dataset = await caller.import_rows(ROWS)
    stranger = someone()
    for reference in (dataset.id, dataset.name):
        with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
            await stranger.datasets.GetDataset(pb.GetDatasetRequest(dataset=reference))
        with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
            await stranger.datasets.ListItems(pb.ListItemsRequest(dataset=reference))
        with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
            await stranger.upload(reference, b"x", JSONL)


async def test_what_must_be_named_must_be_named(caller, refused):
    for call in (
        caller.datasets.GetDataset(pb.GetDatasetRequest()),
        caller.datasets.ListItems(pb.ListItemsRequest()),
    ):
        with refused("INVALID_ARGUMENT", "FIELD_MISSING") as refusal:
            await call
        assert refusal.violations == ["dataset"]
