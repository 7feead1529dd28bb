"""What is measured: the whole suite in a folder of its own, and beside it the yardstick and the model stub."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.load import model_stub

from assay_local import probes
from assay_local.environment import http_port
from assay_local.keeper import start_keeper
from assay_local.ports import HOST
from assay_local.process import Command, Process
from assay_local.stack import Stack

MODEL: Final = "stub/instant"
"""The name of the stub in the catalogue of models."""
LIMITED: Final = ("", "OWNER_", "ORGANISATION_", "ADDRESS_")
"""Whose lasting rates are raised: the key's, its owner's, the organisation's and the network address's."""
REQUESTS_PER_SECOND: Final = 100_000
"""Their rate instead of 200 and more. The bursts stay as they are, and with them how many requests share one question
to Valkey, so that a request costs what it costs in use."""

_ROOT: Final = Path(__file__).parents[2]


@asynccontextmanager
async def suite(tell: Callable[[str, str], None]) -> AsyncIterator[Stack]:
    """Start the suite, stop it at the end and remove its folder; the keeper does so should this process be killed.

    It keeps what it promised: commits go to the disk, logs are written, limits are kept.
    """
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    await start_keeper(folder, os.getpid())
    site = folder / "suite"
    async with Stack(site, variables=_variables(Stack(site))) as stack:
        await start_program(stack, "model-stub", "tests.load.model_stub")
        await stack.up(tell=tell)
        yield stack


async def start_program(stack: Stack, name: str, module: str, *arguments: str) -> int:
    """Start a server of the benchmark's own beside the suite, and give its port."""
    port = stack.site.port(name)
    program = Process(name, stack.site, partial(probes.http_ok, port, "/"))
    await program.start(Command([sys.executable, "-m", module, str(port), *arguments], {"PYTHONPATH": str(_ROOT)}))
    return port


def gateway_port(stack: Stack) -> int:
    """The port of the HTTP API."""
    return stack.site.port(http_port("gateway"))


def _variables(stack: Stack) -> dict[str, dict[str, str]]:
    catalogue = {
        MODEL: {
            "litellm_model": f"openai/{model_stub.MODEL}",
            "api_base": f"http://{HOST}:{stack.site.port('model-stub')}/v1",
            "api_key": "none",
            "input_cost_per_token": 0.0,
            "output_cost_per_token": 0.0,
        }
    }
    models = {"ASSAY_MODELS": json.dumps(catalogue)}
    return {
        "evaluation": models,
        "evaluation-work": models,
        "gateway": {f"ASSAY_LIMITS__{whose}PER_SECOND": str(REQUESTS_PER_SECOND) for whose in LIMITED},
    }
