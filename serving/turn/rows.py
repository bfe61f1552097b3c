"""A decided turn as the row that is recorded and as the line that is logged."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic_core import to_json as encode

from models.contracts import Message, Scores
from models.policy.state import to_json
from serving.store.turns import MessageRow, TurnRow
from serving.turn.values import Decided


def turn_row(
    decided: Decided, *, conversation_id: str, decision_id: str, fingerprint: str, answer: bytes, now: datetime
) -> TurnRow:
    """Return all that is recorded of a turn: enough to repeat the answer, and to take the decision again."""
    ask, decision = decided.ask, decided.decision
    messages = [_message_row(ask.message, decided.scores)]
    if ask.draft is not None and decided.draft_taken:
        messages.append(_message_row(ask.draft, decided.draft_scores))
    return TurnRow(
        bot_id=ask.bot_id,
        conversation_id=conversation_id,
        message_id=ask.message.id,
        decision_id=decision_id,
        messages=tuple(messages),
        epoch=decided.after.epoch,
        state_before=_json(to_json(decided.before)),
        state_after=_json(to_json(decided.after)),
        phase=decision.phase.value,
        action=decision.decision.value,
        reason=decision.reason.code.value if decision.reason else None,
        rule_id=decision.reason.rule_id if decision.reason else None,
        request_hash=ask.content_hash(),
        request=_json({"customer": ask.customer, "channel": ask.channel, "context": ask.context}),
        response=answer.decode(),
        policy=decided.policy,
        policy_fingerprint=fingerprint,
        bundle=decided.bundle,
        now=now,
    )


def log_fields(decided: Decided) -> dict[str, Any]:
    """Return what a log line says of a turn: ids, lengths, reasons and durations, never a text."""
    ask, decision = decided.ask, decided.decision
    return {
        "decision_id": decided.decision_id,
        "bot_id": ask.bot_id,
        "conversation_id": ask.conversation_id,
        "message_id": ask.message.id,
        "role": ask.message.role.value,
        "characters": len(ask.message.text),
        "phase": decision.phase.value,
        "action": decision.decision.value,
        "reason": decision.reason.code.value if decision.reason else None,
        "rule_id": decision.reason.rule_id if decision.reason else None,
        "suppressed": decision.suppressed.value if decision.suppressed else None,
        "degraded": list(decision.degraded),
        "policy": decided.policy,
        "bundle": decided.bundle,
        "latency_ms": decided.latency_ms,
    }


def _message_row(message: Message, scores: Scores | None) -> MessageRow:
    return MessageRow(
        id=message.id,
        role=message.role.value,
        text=message.text,
        at=message.at,
        passages=_json(message.passages),
        fallback=message.fallback,
        confidence=message.confidence,
        scores=_json(scores) if scores else None,
    )


def _json(value: Any) -> str:
    """Return JSON; bytes as URL-safe base64, floats so that they read back as the same floats."""
    return encode(value, bytes_mode="base64", fallback=dict).decode()
