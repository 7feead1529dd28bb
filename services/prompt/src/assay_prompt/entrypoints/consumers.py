"""What the prompt service does when others tell of something."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from assay.evaluation.v1.events_pb2 import GateDecided
from assay_common.kafka.delivery import Delivery
from assay_prompt.application.set_label import FollowGate
from assay_prompt.domain.errors import MalformedPrompt


@dataclass(frozen=True, slots=True)
class EvaluationEvents:
    """Handles assay.evaluation.events: a gate that said yes moves its label."""

    follow_gate: FollowGate

    async def __call__(self, delivery: Delivery) -> None:
        """Raises what FollowGate raises; each of its errors is permanent, so the message goes to the dead letters."""
        message = delivery.message
        if not isinstance(message, GateDecided) or not message.decision.allowed:
            return
        if delivery.event.org_id is None:
            raise MalformedPrompt("a gate decision names no organisation")
        decision = message.decision
        await self.follow_gate(
            delivery.event.org_id,
            delivery.event.id,
            UUID(decision.id),
            decision.prompt_id,
            decision.label,
            decision.version,
        )
