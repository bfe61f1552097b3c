"""A conversation, message by message: the same steps for the library, the command, serving and replay.

``score_request`` says what the scorer must know, ``policy.engine.decide`` decides, ``wants_draft`` says whether the bot's draft
still matters then. ``Conversation`` runs the steps in one process and keeps the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from models.contracts import Action, Decision, Message, Role, Scores
from models.encoding import MAX_PASSAGES
from models.errors import InputError, ScoringError
from models.policy.engine import Turn, decide
from models.policy.schema import Policy
from models.policy.state import NEW, ConversationState
from models.scorer import Scorer, ScoreRequest
from models.text import MAX_CHARACTERS, normalise


def score_request(message: Message, state: ConversationState) -> ScoreRequest | None:
    """Return what the scorer needs for a message in its conversation; ``None`` for an agent's message, which has no scores.

    Raises:
        InputError: nothing of the text is left after normalising, or it is too long.
    """
    if message.role is Role.AGENT:
        return None
    _require_text(message)
    match message.role:
        case Role.BOT:
            return ScoreRequest(
                role=Role.BOT,
                text=message.text,
                question=state.last_customer_text,
                earlier_question=state.earlier_customer_text,
                passages=tuple(islice(filter(normalise, message.passages), MAX_PASSAGES)),  # blank ones say nothing
                confidence=message.confidence,
            )
        case Role.CUSTOMER:
            earlier = tuple(question.embedding for question in state.questions)
            return ScoreRequest(role=Role.CUSTOMER, text=message.text, before=state.last_bot_text, earlier=earlier)


def _require_text(message: Message) -> None:
    """Refuse a text that no model should judge; the service refuses the same ones earlier."""
    what = f"message {message.id!r} of the {message.role.value}"
    if len(message.text) > MAX_CHARACTERS:
        found = f"{what} has {len(message.text)} characters"
        raise InputError(f"{found}; expected at most {MAX_CHARACTERS}, shorten it")
    if not normalise(message.text):
        expected = f"expected 1 to {MAX_CHARACTERS} characters, send only messages that say something"
        raise InputError(f"{what} has no visible character; {expected}")


def wants_draft(pre: Decision) -> bool:
    """Return whether the bot's draft answer still matters after the customer's message was decided.

    After an offer or an escalation the bot says the policy's text, so its draft is neither scored nor counted.
    """
    return pre.decision is Action.CONTINUE and pre.suppressed is None


@dataclass(frozen=True, slots=True)
class Played:
    """One message with its scores (``None``: none were needed, or scoring failed) and its decision."""

    message: Message
    scores: Scores | None
    decision: Decision


@dataclass(slots=True)
class Conversation:
    """A conversation in memory: give it messages in order, it answers with scores and decision."""

    scorer: Scorer
    policy: Policy
    customer: Mapping[str, Any] = field(default_factory=dict)
    channel: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    state: ConversationState = NEW

    def take(self, message: Message) -> Played:
        """Score and decide the next message, and remember it.

        A failing model does not stop the conversation: the policy decides without scores. A message that is refused leaves
        the conversation as it was.

        Raises:
            InputError: nothing of the text is left after normalising, or it is too long.
        """
        request = score_request(message, self.state)
        scores: Scores | None = None
        if request is not None:
            try:
                scores = self.scorer.score([request])[0]
            except ScoringError:
                scores = None
        turn = Turn(message=message, scores=scores, customer=self.customer, channel=self.channel, context=self.context)
        outcome = decide(turn, self.state, self.policy)
        self.state = outcome.state
        return Played(message, scores, outcome.decision)
