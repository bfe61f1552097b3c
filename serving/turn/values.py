"""What goes into a turn and what comes out of it, before it is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.contracts import Decision, Message, Scores
from models.policy.state import ConversationState


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a caller wants decided: a message, with the bot's draft answer if it has one.

    Without ``conversation_id`` nothing is remembered: ``history``, oldest first, is the conversation so far.
    """

    bot_id: str
    conversation_id: str | None
    message: Message
    draft: Message | None = None
    history: tuple[Message, ...] = ()
    customer: Mapping[str, Any] = field(default_factory=dict)
    channel: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False

    def content_hash(self) -> str:
        """Return a hash of what was said. The clock is left out: a bot may stamp a message anew when it repeats it."""
        said = [
            [part.role, part.text, part.passages, part.fallback, part.confidence] if part else None
            for part in (self.message, self.draft)
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """An answer before it is written down. ``decision_id`` is ``None`` where nothing is recorded.

    ``scores`` belong to the message and ``draft_scores`` to the draft, ``None`` where there are none. The draft is only
    taken when the bot may still say it. ``before`` and ``after`` are the conversation's states. ``policy`` is the label and
    ``fingerprint`` the fingerprint of the policy that decided. ``shadow_fingerprint`` is that of the shadow policy, ``None`` if
    none looked; ``shadow`` is what it would have decided, ``None`` beside a fingerprint if it failed.
    """

    ask: Ask
    decision_id: str | None
    decision: Decision
    scores: Scores | None
    draft_scores: Scores | None
    draft_taken: bool
    before: ConversationState
    after: ConversationState
    policy: str
    fingerprint: str
    shadow_fingerprint: str | None = None
    shadow: Decision | None = None
    bundle: str
    latency_ms: float
