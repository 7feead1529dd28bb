"""The exchange lets in who has the token of a run, once, and believes nothing of what comes."""

import asyncio
import json
import os
import signal
import ssl
import sys
from uuid import uuid4

import httpx
import pytest

from assay_audit.adapters.engines.exported import Exported, analyses
from assay_audit.adapters.jobs.certificate import Certificate
from assay_audit.adapters.jobs.exchange import Exchange
from assay_audit.adapters.jobs.session import JobLost, Session
from assay_audit.application.audits.strict import RUFF
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.files import SourceFile


def trusting(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    return context


@pytest.fixture
async def http(exchange):
    async with httpx.AsyncClient(
        base_url=exchange.url, verify=trusting(exchange.certificate.certificate), timeout=20
    ) as client:
        yield client


@pytest.fixture
def session(exchange):
    made = Session("audit-job-1", uuid4(), lanes=2)
    exchange.admit(made)
    return made


async def claim(http, session) -> dict[str, str]:
    response = await http.post("/claim", headers=bearer(session.token))
    assert response.status_code == 200
    return bearer(response.json()["key"])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_token_works_once(http, session):
    key = await claim(http, session)

    assert (await http.post("/claim", headers=bearer(session.token))).status_code == 401
    assert (await http.post("/alive", headers=key)).status_code == 204
    assert (await http.post("/alive", headers=bearer(session.token))).status_code == 401


@pytest.mark.parametrize("token", ["x", "wrong", "x" * 5_000])
async def test_a_wrong_token_is_refused(http, session, token):
    assert (await http.post("/claim", headers=bearer(token))).status_code == 401
    assert (await http.get("/lanes/0/question", headers=bearer(token))).status_code == 401
    assert (await http.put("/answers/1?outcome=answered", headers=bearer(token))).status_code == 401


async def test_an_expired_token_is_refused(http, session, exchange):
    exchange.dismiss(session)
    assert (await http.post("/claim", headers=bearer(session.token))).status_code == 401


async def test_a_job_gets_and_answers_the_questions_of_its_own_run_only(http, session, exchange, tmp_path):
    other = Session("audit-job-2", uuid4(), lanes=2)
    exchange.admit(other)
    mine, theirs = await claim(http, session), await claim(http, other)
    asked = ask(session, tmp_path)

    assert (await http.get("/lanes/0/question", headers=mine)).headers["x-question"] == asked.id
    response = await http.put(f"/answers/{asked.id}?outcome=answered", headers=theirs, content=b"{}")
    assert response.status_code == 404
    waiting = asyncio.create_task(http.get("/lanes/0/question", headers=theirs))
    other.end()
    assert (await waiting).status_code == 410
    assert not asked.outcome.done()
    assert (await http.put(f"/answers/{asked.id}?outcome=answered", headers=mine, content=b"{}")).status_code == 204
    assert await asked.outcome == b"{}"


async def test_a_question_lost_on_its_way_is_given_again_to_its_lane_alone(http, session, tmp_path):
    key = await claim(http, session)
    first, second = ask(session, tmp_path), ask(session, tmp_path)

    for lane, asked in ((0, first), (0, first), (1, second), (0, first)):
        assert (await http.get(f"/lanes/{lane}/question", headers=key)).headers["x-question"] == asked.id
    assert (await http.get("/lanes/2/question", headers=key)).status_code == 404


async def test_an_oversized_answer_fails_the_engine(make_exchange, tmp_path):
    async with make_exchange(max_answer=1_000) as exchange:
        session = Session("audit-job-1", uuid4(), lanes=2)
        exchange.admit(session)
        async with httpx.AsyncClient(base_url=exchange.url, verify=trusting(exchange.certificate.certificate)) as http:
            key = await claim(http, session)
            asked = ask(session, tmp_path)
            await http.get("/lanes/0/question", headers=key)
            response = await http.put(f"/answers/{asked.id}?outcome=answered", headers=key, content=b"x" * 1_001)
            assert response.status_code == 413
            with pytest.raises(EngineFailed, match="its answer is larger than 1000 bytes"):
                await asked.outcome


async def test_a_reason_is_made_harmless(http, session, tmp_path):
    key = await claim(http, session)
    asked = ask(session, tmp_path)
    await http.get("/lanes/0/question", headers=key)
    await http.put(f"/answers/{asked.id}?outcome=failed", headers=key, content=b"\x1b[2J\xff\0 gone")
    with pytest.raises(EngineFailed, match=r"^ruff failed: [ -~]*�  gone$"):
        await asked.outcome


async def test_an_outcome_that_there_is_not_is_refused(http, session, tmp_path):
    key = await claim(http, session)
    asked = ask(session, tmp_path)
    await http.get("/lanes/0/question", headers=key)
    assert (await http.put(f"/answers/{asked.id}?outcome=great", headers=key)).status_code == 400
    assert not asked.outcome.done()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "cut off"),
        (b'{"0/a.py": {"findings": [', "cut off"),
        (b"[]", "wrong"),
        ({"0/a.py": []}, "wrong"),
        ({"0/a.py": {"findings": [["ruff/F401", 9, 1, "text"]]}}, "wrong"),
        ({"0/a.py": {"findings": [["ruff/F401", 2, 2**40, "text"]]}}, "wrong"),
        ({"0/a.py": {"findings": [["ruff/F401", 2, True, "text"]]}}, "wrong"),
        ({"0/a.py": {"findings": [["ruff/F401\0", 2, 1, "text"]]}}, "wrong"),
        ({"0/a.py": {"findings": [["ruff/F401", 2, 1]]}}, "wrong"),
        ({"0/a.py": {"measures": {"lines": "many"}}}, "wrong"),
        ({"0/a.py": {"measures": {"imports": ["os\0"]}}}, "wrong"),
        ({"0/a.py": {"measures": {"lines": {"deep": 1}}}}, "wrong"),
        ({"0/a.py": {"more": 1}}, "wrong"),
        ({"1/b.py": {}}, "files it was not asked for"),
    ],
)
def test_what_is_no_answer_fails_the_engine(answer, words, tmp_path):
    asked = tmp_path / "0" / "a.py"
    asked.parent.mkdir()
    asked.write_text("import os\n")
    part = [Exported(SourceFile("a.py", "0" * 40, 10), asked, binary=False)]
    text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    with pytest.raises(EngineFailed, match=f"ruff failed: .*{words}"):
        analyses(RUFF, text, part)


async def test_a_job_trusts_no_other_certificate(exchange, session):
    job = await start_job(exchange.url, session.token, Certificate.for_address("127.0.0.1").certificate)
    line = await asyncio.wait_for(job.stdout.readline(), 30)
    assert b"certificate" in line, line
    assert not session.claimed
    job.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(job.wait(), 10) == 1


async def test_a_job_that_is_not_let_in_ends(exchange):
    job = await start_job(exchange.url, "wrong", exchange.certificate.certificate)
    assert await asyncio.wait_for(job.wait(), 20) == 1


async def test_a_job_whose_worker_died_ends(make_exchange, session, until):
    async with make_exchange(patience_seconds=1.5) as exchange:
        exchange.admit(session)
        job = await start_job(exchange.url, session.token, exchange.certificate.certificate)
        await until(lambda: claimed(session))
    assert await asyncio.wait_for(job.wait(), 20) == 1


async def test_a_job_whose_worker_knows_it_no_more_ends(exchange, session, until):
    job = await start_job(exchange.url, session.token, exchange.certificate.certificate)
    await until(lambda: claimed(session))
    exchange.dismiss(session)
    session.end(JobLost("gone"))
    assert await asyncio.wait_for(job.wait(), 20) == 0


def test_urls_have_the_form_of_their_address():
    for host, url in (("10.0.0.7", "https://10.0.0.7:8443"), ("fd00::7", "https://[fd00::7]:8443")):
        assert Exchange(None, host, Certificate.for_address(host), port=8443).url == url


async def claimed(session):
    return session.claimed


def ask(session, folder):
    package = folder / f"{uuid4()}.tar"
    package.write_bytes(b"a package")
    return session.ask("ruff", package)


async def start_job(url: str, token: str, certificate: str) -> asyncio.subprocess.Process:
    env = {
        "PATH": os.environ["PATH"],
        "ASSAY_EXCHANGE__URL": url,
        "ASSAY_EXCHANGE__TOKEN": token,
        "ASSAY_EXCHANGE__CERTIFICATE": certificate,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "assay_audit.job", env=env, stdout=asyncio.subprocess.PIPE
    )
