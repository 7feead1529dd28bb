"""Messages nobody could handle are put aside with the reason, read by people, and handed over once more."""

from assay_common.kafka.dead_letters.burial import DeadLetterTopic, Discard, Graveyard

__all__ = ["DeadLetterTopic", "Discard", "Graveyard"]
