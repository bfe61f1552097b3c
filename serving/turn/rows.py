"""A decided turn as the row that is recorded and as the line that is logged; and what is read back from such a row."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, RootModel, ValidationError
from pydantic_core import to_json as encode

from models.contracts import Message, Role, Scores
from models.errors import InputError
from models.policy.state import to_json
from serving.store.turns import MessageRow, ShadowRow, TurnRow
from serving.turn.values import Decided


class _Recorded(RootModel[Scores]):
    model_config = ConfigDict(val_json_bytes="base64")


def scores_to_json(scores: Scores) -> str:
    """Return scores as they are recorded: bytes as URL-safe base64, floats so that they read back as the same floats."""
    return _json(scores)


def scores_from_json(text: str) -> Scores:
    """Return the scores that ``scores_to_json`` wrote, bit for bit.

    Raises:
        InputError: another release wrote them, in a form that this one doesn't know.
    """
    try:
        return _Recorded.model_validate_json(text).root
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"recorded scores can't be read: {where}: {first['msg']}; expected this release's form"
        ) from error


def message_of(row: MessageRow) -> Message:
    """Return a recorded message."""
    return Message(
        id=row.id,
        role=Role(row.role),
        text=row.text,
        at=row.at,
        passages=tuple(json.loads(row.passages)),
        fallback=row.fallback,
        confidence=row.confidence,
    )


def turn_row(decided: Decided, *, conversation_id: str, decision_id: str, answer: bytes, now: datetime) -> TurnRow:
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
        policy_fingerprint=decided.fingerprint,
        shadow=_shadow_row(decided),
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
        "shadow_action": decided.shadow.decision.value if decided.shadow else None,
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
        scores=scores_to_json(scores) if scores else None,
    )


def _shadow_row(decided: Decided) -> ShadowRow | None:
    if decided.shadow_fingerprint is None:
        return None
    shadow = decided.shadow
    reason = shadow.reason if shadow else None
    return ShadowRow(
        policy_fingerprint=decided.shadow_fingerprint,
        action=shadow.decision.value if shadow else None,
        reason=reason.code.value if reason else None,
        rule_id=reason.rule_id if reason else None,
    )


def _json(value: Any) -> str:
    return encode(value, bytes_mode="base64", fallback=dict).decode()
