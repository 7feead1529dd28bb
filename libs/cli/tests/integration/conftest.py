"""Answers as the gateway gives them (see its OpenAPI document), shortened where a test does not look."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

ME = {
    "subject": "u1",
    "kind": "user",
    "email": "ada@example.org",
    "name": "Ada",
    "organisation": {"id": "o1", "slug": "acme", "name": "Acme", "created_at": "2026-03-01T09:30:00Z"},
    "permissions": ["prompts:read", "prompts:write"],
}
SESSION = {
    "access_token": "access-1",
    "token_type": "Bearer",
    "expires_in": 600,
    "expires_at": "2999-01-01T00:00:00Z",
    "organisation_id": "o1",
    "refresh_token": "refresh-1",
    "refresh_expires_at": "2999-02-01T00:00:00Z",
}
VERSION = {
    "prompt_id": "p1",
    "prompt_name": "triage",
    "number": 2,
    "content": {"text": "Say [b]one[/b] of {{ words }}", "chat": None},
    "content_hash": "sha256:" + "0" * 64,
    "commit_message": "Ask",
    "variables": ["words"],
    "created_at": "2026-03-01T09:30:00Z",
    "created_by": "u1",
    "labels": ["production"],
}


def run(measured: int = 48, finished: bool = True, **changes: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "prompt_id": "p1",
        "prompt_name": "triage",
        "prompt_version": 2,
        "dataset_id": "d1",
        "dataset_name": "messages",
        "dataset_version": 1,
        "model": "local/smollm2",
        "parameters": {"max_tokens": 4, "temperature": 0.0, "seed": None, "stop": ["\n"]},
        "evaluators": [{"name": "exact_match", "kind": "exact_match", "config": {}}],
        "status": "completed" if finished else "running",
        "progress": {"total": 48, "measured": measured, "unmeasured": 0},
        "summaries": [{"evaluator": "exact_match", "mean_score": 0.6875, "measured": 48, "passed": 33}]
        if finished
        else [],
        "totals": {
            "input_tokens": 10512,
            "output_tokens": 96,
            "cost_usd": None,
            "latency_p50_ms": 181.0,
            "latency_p95_ms": 402.5,
        },
        "created_at": "2026-03-01T09:30:00Z",
        "finished_at": "2026-03-01T09:31:00Z" if finished else None,
        "created_by": "u1",
        **changes,
    }


COMPARISON = {
    "id": "c1",
    "baseline_run_id": "r1",
    "candidate_run_id": "r2",
    "prompt_id": "p1",
    "prompt_name": "triage",
    "baseline_version": 1,
    "candidate_version": 2,
    "paired_items": 47,
    "unpaired_items": 1,
    "evaluators": [
        {
            "evaluator": "exact_match",
            "paired_items": 47,
            "baseline_mean": 0.25,
            "candidate_mean": 0.6875,
            "difference": 0.4375,
            "ci_low": 0.27083,
            "ci_high": 0.60417,
            "mcnemar_p": 0.00003,
            "wins": 24,
            "losses": 3,
            "ties": 20,
            "verdict": "better",
        },
        {
            "evaluator": "token_f1",
            "paired_items": 0,
            "baseline_mean": None,
            "candidate_mean": None,
            "difference": None,
            "ci_low": None,
            "ci_high": None,
            "mcnemar_p": None,
            "wins": 0,
            "losses": 0,
            "ties": 0,
            "verdict": "no_evidence",
        },
    ],
    "metrics": [
        {
            "metric": "latency_ms",
            "baseline_mean": 100.0,
            "candidate_mean": 181.0,
            "difference": 81.0,
            "ci_low": 60.0,
            "ci_high": 102.0,
        }
    ],
    "primary_evaluator": "exact_match",
    "verdict": "better",
    "reason": "exact_match: better.",
    "created_at": "2026-03-01T09:30:00Z",
}


def decision(allowed: bool) -> dict[str, Any]:
    return {
        "id": "g1",
        "comparison_id": "c1",
        "prompt_id": "p1",
        "label": "production",
        "version": 2,
        "policy": "better",
        "allowed": allowed,
        "reason": "Allowed: version 2 is better." if allowed else "Refused: there is no evidence.",
        "decided_at": "2026-03-01T09:30:00Z",
        "decided_by": "u1",
    }


KINDS = ("integrity", "tdd", "flow", "sages", "git", "servant", "strict", "predictive")
UNMEASURED = ("flow", "sages", "predictive")


def audit(status: str = "completed", **changes: Any) -> dict[str, Any]:
    def result(kind: str) -> dict[str, Any]:
        if kind in UNMEASURED:
            return {
                "kind": kind,
                "status": "not_measured",
                "score": None,
                "reason": "no engine",
                "findings": 0,
                "duration_ms": None,
            }
        now = {"kind": kind, "status": status, "score": None, "reason": "", "findings": 0, "duration_ms": None}
        return {**now, "score": 91.5, "findings": 3, "duration_ms": 12.0} if status == "completed" else now

    ended = status in ("completed", "failed")
    return {
        "id": "a1",
        "repository_id": "x1",
        "repository_name": "shop",
        "commit": "c" * 40,
        "status": status,
        "reason": "",
        "audits": [result(kind) for kind in KINDS],
        "health": 91.5 if status == "completed" else None,
        "findings": 15,
        "files": 12,
        "lines_of_code": 3456,
        "skipped": [{"reason": "binary", "files": 2}],
        "created_at": "2026-03-01T09:30:00Z",
        "finished_at": "2026-03-01T09:31:00Z" if ended else None,
        **changes,
    }


FINDING = {
    "id": "f1",
    "kind": "strict",
    "rule": "ruff/F821",
    "severity": "error",
    "message": "Undefined name `totl`",
    "path": "shop/cart.py",
    "line": 7,
    "fingerprint": "ff",
}
SUMMARY = {
    "from": "2026-03-01T09:00:00Z",
    "to": "2026-03-02T09:00:00Z",
    "counters": {
        "runs_created": 2,
        "runs_completed": 2,
        "runs_cancelled": 0,
        "items_measured": 96,
        "items_unmeasured": 0,
        "input_tokens": 14000,
        "output_tokens": 190,
        "cost_usd": 0.000123,
        "items_unpriced": 5,
        "audits_started": 1,
        "audits_completed": 1,
        "audits_failed": 0,
        "findings": 15,
        "versions_published": 2,
        "labels_moved": 1,
        "gates_allowed": 1,
        "gates_refused": 0,
    },
    "models": [
        {
            "model": "local/smollm2",
            "items": 96,
            "input_tokens": 14000,
            "output_tokens": 190,
            "cost_usd": 0.0,
            "latency_ms_mean": None,
        }
    ],
}


@pytest.fixture
def answers() -> SimpleNamespace:
    """All of these."""
    return SimpleNamespace(
        me=ME, session=SESSION, version=VERSION, run=run, comparison=COMPARISON, decision=decision, audit=audit,
        finding=FINDING, summary=SUMMARY,
    )  # fmt: skip
