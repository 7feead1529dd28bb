"""What the use cases count."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter

ITEMS: Final = Counter(
    "evaluation_items", "Items that this worker has done, by what came of them.", ["model", "outcome"]
)
TOKENS: Final = Counter(
    "evaluation_tokens", "Tokens that models have read (input) and written (output).", ["model", "kind"]
)


def begin(models: Iterable[str]) -> None:
    """Count the models' items from nothing: a rate does not see the first of what was never seen at 0."""
    for model in models:
        for outcome in ("measured", "unmeasured"):
            ITEMS.labels(model, outcome)
