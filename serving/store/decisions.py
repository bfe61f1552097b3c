"""The statements that read decisions: one with all that it was taken from, and how a shadow policy compares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select

from serving.store.engine import Tx
from serving.store.tables import CONVERSATIONS, DECISIONS, MESSAGES
from serving.store.turns import MESSAGES_PER_TURN, MessageRow, ShadowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision as it was recorded; ``state_before``, ``request`` and ``response`` are JSON.

    ``messages`` are those that it was taken on: the message, and the bot's draft if that was looked at.
    """

    id: str
    bot_id: str
    conversation_id: str
    message_id: str
    messages: tuple[MessageRow, ...]
    epoch: int
    state_before: str
    request: str
    response: str
    policy: str
    policy_fingerprint: str
    shadow: ShadowRow | None
    bundle: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often an action of the active policy met an action of the shadow's; ``None``: the shadow failed."""

    action: str
    shadow_action: str | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A decision in which the shadow policy would have acted otherwise."""

    decision_id: str
    bot_id: str
    conversation_id: str
    message_id: str
    action: str
    reason: str | None
    rule_id: str | None
    shadow_action: str
    shadow_reason: str | None
    shadow_rule_id: str | None
    created_at: datetime


def load_decision(tx: Tx, decision_id: str) -> RecordedDecision | None:
    """Return a decision with its messages, ``None`` if there is none of this id."""
    row = tx.execute(
        select(DECISIONS, CONVERSATIONS.c.bot_id, CONVERSATIONS.c.id.label("conversation_id"))
        .join_from(DECISIONS, CONVERSATIONS)
        .where(DECISIONS.c.id == decision_id)
    ).one_or_none()
    if row is None:
        return None
    first = row.position * MESSAGES_PER_TURN
    turn = MESSAGES.c.position.between(first, first + MESSAGES_PER_TURN - 1)
    said = tx.execute(
        select(MESSAGES).where(MESSAGES.c.conversation == row.conversation, turn).order_by(MESSAGES.c.position)
    )
    shadow = None
    if row.shadow_policy_fingerprint is not None:
        shadow = ShadowRow(
            policy_fingerprint=row.shadow_policy_fingerprint,
            action=row.shadow_action,
            reason=row.shadow_reason,
            rule_id=row.shadow_rule_id,
        )
    return RecordedDecision(
        id=row.id,
        bot_id=row.bot_id,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        messages=tuple(
            MessageRow(
                id=message.id,
                role=message.role,
                text=message.text,
                at=message.at,
                passages=message.passages,
                fallback=message.fallback,
                confidence=message.confidence,
                scores=message.scores,
            )
            for message in said
        ),
        epoch=row.epoch,
        state_before=row.state_before,
        request=row.request,
        response=row.response,
        policy=row.policy,
        policy_fingerprint=row.policy_fingerprint,
        shadow=shadow,
        bundle=row.bundle,
        created_at=row.created_at,
    )


def agreements(tx: Tx, *, bot_id: str | None, active: str, shadow: str) -> tuple[Agreement, ...]:
    """Count the decisions that both policies took, by what each of them wanted; of one bot, or of all (``None``)."""
    rows = tx.execute(
        select(DECISIONS.c.action, DECISIONS.c.shadow_action, func.count().label("n"))
        .join_from(DECISIONS, CONVERSATIONS)
        .where(_both(bot_id, active, shadow))
        .group_by(DECISIONS.c.action, DECISIONS.c.shadow_action)
        .order_by(DECISIONS.c.action, DECISIONS.c.shadow_action)
    )
    return tuple(Agreement(action=row.action, shadow_action=row.shadow_action, n=row.n) for row in rows)


def differences(tx: Tx, *, bot_id: str | None, active: str, shadow: str, limit: int) -> tuple[Difference, ...]:
    """Return the latest decisions on which two policies differ, newest first."""
    rows = tx.execute(
        select(
            DECISIONS.c.id.label("decision_id"),
            CONVERSATIONS.c.bot_id,
            CONVERSATIONS.c.id.label("conversation_id"),
            DECISIONS.c.message_id,
            DECISIONS.c.action,
            DECISIONS.c.reason,
            DECISIONS.c.rule_id,
            DECISIONS.c.shadow_action,
            DECISIONS.c.shadow_reason,
            DECISIONS.c.shadow_rule_id,
            DECISIONS.c.created_at,
        )
        .join_from(DECISIONS, CONVERSATIONS)
        .where(_both(bot_id, active, shadow), DECISIONS.c.shadow_action != DECISIONS.c.action)
        .order_by(DECISIONS.c.id.desc())
        .limit(limit)
    )
    return tuple(Difference(**row._asdict()) for row in rows)


def _both(bot_id: str | None, active: str, shadow: str) -> ColumnElement[bool]:
    both = and_(DECISIONS.c.policy_fingerprint == active, DECISIONS.c.shadow_policy_fingerprint == shadow)
    return both if bot_id is None else and_(both, CONVERSATIONS.c.bot_id == bot_id)
