"""The statements of a turn: load a conversation with the answer it may already have, record a turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from serving.errors import StaleState
from serving.store.engine import Tx
from serving.store.tables import CONVERSATIONS, DECISIONS, MESSAGES

MESSAGES_PER_TURN: Final = 2  # at most: the customer's and the bot's draft


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation:
    """A conversation as it was read: its state as JSON, and how many turns it had (``version``)."""

    key: int
    state: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """What was answered to a message before, byte for byte, and the hash of what was asked."""

    request_hash: str
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """A message to record; ``passages`` and ``scores`` as JSON."""

    id: str
    role: str
    text: str
    at: datetime
    passages: str
    fallback: bool
    confidence: float | None
    scores: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRow:
    """What a shadow policy would have decided; ``action`` is ``None`` where it failed."""

    policy_fingerprint: str
    action: str | None
    reason: str | None
    rule_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """A turn to record: its messages in order, the state before and after, and the answer given.

    ``shadow`` is ``None`` where no shadow policy looked at it.
    """

    bot_id: str
    conversation_id: str
    message_id: str
    decision_id: str
    messages: tuple[MessageRow, ...]
    epoch: int
    state_before: str
    state_after: str
    phase: str
    action: str
    reason: str | None
    rule_id: str | None
    request_hash: str
    request: str
    response: str
    policy: str
    policy_fingerprint: str
    shadow: ShadowRow | None = None
    bundle: str
    now: datetime


def load(
    tx: Tx, *, bot_id: str, conversation_id: str, message_id: str
) -> tuple[StoredConversation | None, RecordedAnswer | None]:
    """Return the conversation, if it was seen before, and the answer to this message, if it was."""
    same = and_(DECISIONS.c.conversation == CONVERSATIONS.c.key, DECISIONS.c.message_id == message_id)
    row = tx.execute(
        select(
            CONVERSATIONS.c.key,
            CONVERSATIONS.c.state,
            CONVERSATIONS.c.version,
            DECISIONS.c.request_hash,
            DECISIONS.c.response,
        )
        .select_from(CONVERSATIONS.outerjoin(DECISIONS, same))
        .where(CONVERSATIONS.c.bot_id == bot_id, CONVERSATIONS.c.id == conversation_id)
    ).one_or_none()
    if row is None:
        return None, None
    conversation = StoredConversation(key=row.key, state=row.state, version=row.version)
    if row.response is None:
        return conversation, None
    return conversation, RecordedAnswer(request_hash=row.request_hash, response=row.response)


def record(tx: Tx, before: StoredConversation | None, turn: TurnRow) -> None:
    """Record a turn and move its conversation on.

    Raises:
        StaleState: another turn of this conversation was recorded since it was read; the transaction must end.
    """
    try:
        key, version = _advance(tx, before, turn)
        tx.execute(insert(MESSAGES), [_message(key, version, place, row) for place, row in enumerate(turn.messages)])
        tx.execute(insert(DECISIONS), _decision(key, version, turn))
    except IntegrityError as error:
        raise StaleState(
            f"conversation {turn.conversation_id} was written at the same moment; read it again"
        ) from error


def _advance(tx: Tx, before: StoredConversation | None, turn: TurnRow) -> tuple[int, int]:
    """Write the new state and return the conversation's key and its new version."""
    after = {"epoch": turn.epoch, "state": turn.state_after, "updated_at": turn.now}
    if before is None:
        new = {"bot_id": turn.bot_id, "id": turn.conversation_id, "version": 1, "created_at": turn.now}
        key = tx.execute(insert(CONVERSATIONS), new | after).inserted_primary_key
        if key is None:  # every dialect that we use tells the key of a new row
            raise StaleState(f"conversation {turn.conversation_id} has no key after it was written; read it again")
        return int(key[0]), 1
    version = before.version + 1
    unchanged = and_(CONVERSATIONS.c.key == before.key, CONVERSATIONS.c.version == before.version)
    moved = tx.execute(update(CONVERSATIONS).where(unchanged).values(version=version, **after))
    if moved.rowcount != 1:
        raise StaleState(f"conversation {turn.conversation_id} moved on since it was read; read it again")
    return before.key, version


def _message(key: int, version: int, place: int, message: MessageRow) -> dict[str, object]:
    return {
        "conversation": key,
        "position": version * MESSAGES_PER_TURN + place,
        "id": message.id,
        "role": message.role,
        "text": message.text,
        "at": message.at,
        "passages": message.passages,
        "fallback": message.fallback,
        "confidence": message.confidence,
        "scores": message.scores,
    }


def _decision(key: int, version: int, turn: TurnRow) -> dict[str, object]:
    return {
        "id": turn.decision_id,
        "conversation": key,
        "message_id": turn.message_id,
        "position": version,
        "epoch": turn.epoch,
        "phase": turn.phase,
        "action": turn.action,
        "reason": turn.reason,
        "rule_id": turn.rule_id,
        "request_hash": turn.request_hash,
        "request": turn.request,
        "response": turn.response,
        "state_before": turn.state_before,
        "policy": turn.policy,
        "policy_fingerprint": turn.policy_fingerprint,
        "shadow_policy_fingerprint": turn.shadow and turn.shadow.policy_fingerprint,
        "shadow_action": turn.shadow and turn.shadow.action,
        "shadow_reason": turn.shadow and turn.shadow.reason,
        "shadow_rule_id": turn.shadow and turn.shadow.rule_id,
        "bundle": turn.bundle,
        "created_at": turn.now,
    }
