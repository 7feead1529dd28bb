"""What several tests ask the suite for."""

from __future__ import annotations

from typing import Any

from assay_testing.api import Api


def short_run(api: Api) -> dict[str, Any]:
    """The body that asks for a run of one item and two tokens; the prompt and the dataset are there."""
    api.prompt("echo", "Repeat: {{ word }}")
    api.dataset("words", '{"inputs": {"word": "blue"}, "expected": "blue"}')
    return {
        "prompt": "echo",
        "dataset": "words",
        "model": "local/smollm2",
        "evaluators": [{"kind": "contains"}],
        "parameters": {"max_tokens": 2},
    }
