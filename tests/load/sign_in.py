"""How long signing in takes, beside the hash of a password that it cannot do without."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from argon2 import PasswordHasher

from assay_testing.api import Api

TIMES: Final = 15


def measure_sign_in(api: Api) -> dict[str, Any]:
    """Medians in milliseconds: a sign-in at the gateway, one after the other, and argon2id's check in this process."""
    who = {"email": f"bench-{uuid4().hex}@example.org", "password": uuid4().hex}
    api.post("/v1/members", {**who, "name": "Bench", "role": "viewer"})
    hasher = PasswordHasher()
    stored = hasher.hash(who["password"])
    sign_in, check = [], []
    for _ in range(TIMES):  # in turns, so that a noisy machine hurts both alike
        sign_in.append(_timed(lambda: api.post("/v1/sessions", who)))
        check.append(_timed(lambda: hasher.verify(stored, who["password"])))
    return {
        "sign_in_ms": round(statistics.median(sign_in), 1),
        "argon2_ms": round(statistics.median(check), 1),
        "argon2_share": round(statistics.median(each / whole for each, whole in zip(check, sign_in, strict=True)), 2),
    }


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
