"""The yardstick: `python -m tests.load.bare PORT FILE`, a bare FastAPI route that answers with the file's bytes.

The same server, settings and number of workers as the gateway's, and the same bytes as its answer, ready made: no
validation, no model, no serialisation. All that the gateway does beside is what the ratio to this one shows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response


def bare(body: bytes) -> FastAPI:
    """The application: GET / answers with the body."""
    app = FastAPI()

    @app.get("/")
    async def read() -> Response:
        return Response(body, media_type="application/json")

    return app


if __name__ == "__main__":
    uvicorn.run(
        bare(Path(sys.argv[2]).read_bytes()),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
    )
