"""A model that answers at once: `python -m tests.load.model_stub PORT`, the only stub of the benchmark.

It speaks as much of OpenAI's chat completions as LiteLLM needs, over real HTTP, so that what is measured is the
evaluation service and nothing of a model.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import uvicorn
from starlette.types import Receive, Scope, Send

MODEL: Final = "stub"
ANSWER: Final = "billing"

_COMPLETION: Final = json.dumps(
    {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51},
    }
).encode()
_HEADERS: Final = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_COMPLETION))]


async def app(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read the request to its end and answer, whatever it is."""
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _COMPLETION})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", lifespan="off", log_config=None)
