"""What the use cases count."""

from typing import Final

from prometheus_client import Counter

ITEMS: Final = Counter(
    "evaluation_items", "Items that this worker has done, by what came of them.", ["model", "outcome"]
)
TOKENS: Final = Counter(
    "evaluation_tokens", "Tokens that models have read (input) and written (output).", ["model", "kind"]
)
