"""The catalogue of models: what the installation configured, and whether LiteLLM knows their prices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from assay_evaluation.application.ports import CatalogueModel

_PRICES: Final = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a token."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """How a model is reached. What users of the service can choose is its name, nothing else."""

    litellm_model: str
    """LiteLLM's name, provider first."""
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    price: Price | None = None
    """None: what LiteLLM's table says, and unknown if it says nothing."""


class ModelCatalogue:
    """The models by name."""

    def __init__(self, entries: Mapping[str, ModelEntry]) -> None:
        self._entries = entries
        self._models: list[CatalogueModel] | None = None

    def __contains__(self, name: str) -> bool:
        """Whether there is such a model."""
        return name in self._entries

    async def models(self) -> Sequence[CatalogueModel]:
        """All models by name; reads LiteLLM's table the first time."""
        if self._models is None:
            self._models = await asyncio.to_thread(_priced, self._entries)
        return self._models


def _priced(entries: Mapping[str, ModelEntry]) -> list[CatalogueModel]:
    own = {name for name, entry in entries.items() if entry.price is not None}
    table = _price_table() if len(own) < len(entries) else {}
    return [CatalogueModel(name, name in own or _is_listed(entries[name], table)) for name in sorted(entries)]


def _price_table() -> dict[str, Any]:
    """The table that LiteLLM ships, read as a file: importing LiteLLM costs seconds and 180 MB."""
    package = find_spec("litellm")
    folders = package.submodule_search_locations if package else None
    if not folders:
        return {}
    table: dict[str, Any] = json.loads(Path(folders[0], _PRICES).read_text(encoding="utf-8"))
    return table


def _is_listed(entry: ModelEntry, table: Mapping[str, Any]) -> bool:
    _, _, bare_name = entry.litellm_model.partition("/")
    found = table.get(entry.litellm_model) or table.get(bare_name) or {}
    return "input_cost_per_token" in found
