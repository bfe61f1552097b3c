"""A conversation, message by message: the same steps for the library, the command, serving and replay.

``score_request`` says what the scorer must know, ``policy.engine.decide`` decides, ``wants_draft`` says whether the bot's draft
still matters then. ``Conversation`` runs the steps in one process and keeps the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from models.contracts import Action, Decision, Message, Role, Scores
from models.encoding import MAX_PASSAGES
from models.errors import InputError, ScoringError
from models.policy.engine import Turn, decide, lacking
from models.policy.schema import Policy
from models.policy.state import NEW, ConversationState
from models.scorer import Scorer, ScoreRequest, joined
from models.similarity import CompiledLabels
from models.text import MAX_CHARACTERS, normalise


@dataclass(frozen=True, slots=True)
class Prepared:
    """A policy ready to decide on a bundle's scores: bound to its thresholds, its own labels compiled."""

    policy: Policy
    labels: CompiledLabels | None = None


def prepare(policy: Policy, scorer: Scorer) -> Prepared:
    """Make a policy ready for a bundle; costs about one message for each example and description of its own labels.

    Raises:
        ScoringError: a graph failed.
    """
    own = policy.custom_labels
    labels = scorer.compile(own) if own else None
    recommended = labels.thresholds if labels is not None else {}
    return Prepared(policy.bound({**scorer.thresholds, **recommended}), labels)


def next_request(turn: Turn, state: ConversationState, prepared: Prepared) -> ScoreRequest | None:
    """Return what is to be scored before a message can be decided, ``None`` when nothing is (any more).

    All of it at once; for a policy that is ``lazy`` only what the rules need as far as they were looked at, so it is asked for
    several times. Answers are put together with ``joined``.

    Args:
        turn: with the scores so far, ``None`` at first.
        state: the conversation before the message.
        prepared: the policy.

    Raises:
        InputError: nothing of the text is left after normalising, or it is too long.
    """
    scores, policy = turn.scores, prepared.policy
    if policy.evaluation == "full":
        return score_request(turn.message, state, prepared.labels) if scores is None else None
    heads = frozenset[str]() if scores is None else lacking(turn, state, policy)
    if scores is not None and not heads:
        return None
    request = score_request(turn.message, state, prepared.labels)
    return None if request is None else replace(request, heads=heads)


def score_request(
    message: Message, state: ConversationState, labels: CompiledLabels | None = None
) -> ScoreRequest | None:
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
            before = state.last_bot_text
            return ScoreRequest(role=Role.CUSTOMER, text=message.text, before=before, earlier=earlier, custom=labels)


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

    Where the bot says the policy's text, after an offer, an escalation or a question, its draft is neither scored nor counted.
    """
    return pre.decision is Action.CONTINUE and pre.suppressed is None and pre.text is None


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
    _prepared: Prepared = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the policy for the scorer's bundle."""
        self._prepared = prepare(self.policy, self.scorer)

    def take(self, message: Message) -> Played:
        """Score and decide the next message, and remember it.

        A failing model does not stop the conversation: the policy decides without scores. A message that is refused leaves
        the conversation as it was.

        Raises:
            InputError: nothing of the text is left after normalising, or it is too long.
        """
        turn = Turn(message=message, scores=None, customer=self.customer, channel=self.channel, context=self.context)
        try:
            while (request := next_request(turn, self.state, self._prepared)) is not None:
                found = self.scorer.score([request])[0]
                turn = replace(turn, scores=joined(turn.scores, found))
        except ScoringError:
            turn = replace(turn, scores=None)
        outcome = decide(turn, self.state, self._prepared.policy)
        self.state = outcome.state
        return Played(message, turn.scores, outcome.decision)
