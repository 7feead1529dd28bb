"""The process of the model server: `python -m assay_local.model_server WEIGHTS NAME HOST PORT`."""

import os
import signal
import sys

# Four requests at once share a cache of 4,096 tokens (94 MB for SmolLM2-135M): enough for prompts of a few hundred.
SLOTS = 4
"""Requests answered at a time; more wait, and their latency would be that of the queue."""
_CONTEXT_TOKENS = 4096
_PROMPT_CACHE_MB = 32


def serve(weights: str, name: str, host: str, port: int) -> None:
    """Serve the model until SIGTERM."""
    import xllamacpp  # type: ignore[import-untyped]  # noqa: PLC0415 - 50 MB, for this process alone

    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # there is nothing to save, and llama.cpp has no graceful end
    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights
    parameters.model_alias = {name}
    parameters.hostnames = [host]
    parameters.port = port
    parameters.ui = False
    parameters.n_parallel = SLOTS
    parameters.kv_unified = True
    parameters.n_ctx = _CONTEXT_TOKENS
    parameters.cache_ram_mib = _PROMPT_CACHE_MB
    parameters.cpuparams.n_threads = min(os.cpu_count() or 1, 4)
    server = xllamacpp.Server(parameters)
    print(f"serving {name} at {server.listening_address}", flush=True)  # noqa: T201 - the output of this process is its log
    signal.pause()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
