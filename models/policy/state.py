"""ConversationState and advance(): what a rule may remember of earlier messages; a pure reducer.

The state holds what was observed, not what a policy makes of it: recent sentiments rather than a streak below some
threshold. So a conversation can be replayed under any policy, and a policy can change in the middle of one. Everything
in it is bounded. An *epoch* is the part of a conversation between returns to the bot; all counters restart with it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from models.contracts import LabelScore, Message, ReasonCode, Role, Scores
from models.errors import InputError
from models.policy.questions import answer_key, asks, best_intent
from models.text import fold

Control = Literal["bot", "pending_handoff", "agent"]
OfferStatus = Literal["pending", "accepted", "declined", "lapsed"]

VERSION: Final = 3
# a state of version 1 knows no bot message and no customer message but the last, one of version 2 no dialogue of customers and
# no rule that waits or asks
_READABLE: Final = (1, 2, VERSION)
MAX_QUESTIONS: Final = 20
MAX_MOODS: Final = 20
MAX_CONFIDENCES: Final = 20
MAX_EXCHANGES: Final = 60
MAX_DIALOGUES: Final = 20

# labels with their probabilities
Dialogue = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A customer message that asked something: its id, the key of its folded text, its embedding if there was one."""

    message_id: str
    key: str
    embedding: bytes | None = None


@dataclass(frozen=True, slots=True)
class Mood:
    """The sentiment of one customer message: ``score`` in [-1, 1], ``label`` negative, neutral or positive."""

    score: float
    label: str


@dataclass(frozen=True, slots=True)
class Offer:
    """The one offer of an epoch: which rule made it and why, and what became of it.

    ``pending`` until the customer's next message answers it: ``accepted``, ``declined`` (said no) or ``lapsed`` (spoke of
    something else). Whatever the answer, it isn't asked again in this epoch.
    """

    status: OfferStatus
    rule_id: str
    code: ReasonCode


@dataclass(frozen=True, slots=True)
class Armed:
    """A rule that held and waits for its time: since when, and on which message it held."""

    rule_id: str
    since: datetime
    message_id: str


@dataclass(frozen=True, slots=True)
class Collecting:
    """A rule whose handoff waits for what the bot has asked the customer for, why it fired, and since when it waits."""

    rule_id: str
    code: ReasonCode
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationState:
    """What the policy remembers of a conversation; everything but ``epoch`` and ``control`` is of this epoch only.

    ``questions``, ``moods``, ``dialogues``, ``confidences`` and ``exchanges`` hold the most recent, newest last. ``exchanges``
    are pairs of customer intent and bot answer, as keys; ``dialogues`` what customer messages do in the conversation.
    ``last_bot_text`` is what the bot said last, or the policy's text in its place, unless a person spoke since;
    ``last_bot_dialogue`` what that message does, as label and probability, ``None`` where nobody scored it. ``fired`` are the
    ids of rules that held, in the order of the first time. ``armed`` are the rules that wait, ``collecting`` the one that has
    asked for something.
    """

    epoch: int = 1
    control: Control = "bot"
    started_at: datetime | None = None
    n_messages: int = 0
    n_bot_responses: int = 0
    n_fallbacks: int = 0
    last_customer_text: str | None = None
    earlier_customer_text: str | None = None
    last_bot_text: str | None = None
    last_bot_dialogue: Dialogue | None = None
    last_intent: str | None = None
    last_answer_fallback: bool = False
    last_answer_confidence: float | None = None
    questions: tuple[Question, ...] = ()
    moods: tuple[Mood, ...] = ()
    dialogues: tuple[Dialogue, ...] = ()
    confidences: tuple[float, ...] = ()
    exchanges: tuple[str, ...] = ()
    offer: Offer | None = None
    fired: tuple[str, ...] = ()
    armed: tuple[Armed, ...] = ()
    collecting: Collecting | None = None


NEW: Final = ConversationState()


def advance(
    state: ConversationState, message: Message, scores: Scores | None, *, folded: str | None = None
) -> ConversationState:
    """Return the state with one more message counted; decisions are folded in by the engine.

    A message whose score is missing leaves the history of that score as it was: it neither counts nor breaks a streak.
    ``folded`` is the message's text, folded, where that is known.
    """
    match message.role:
        case Role.CUSTOMER:
            return _hear_customer(state, message, scores, fold(message.text) if folded is None else folded)
        case Role.BOT:
            return _hear_bot(state, message, scores)
        case Role.AGENT:
            # what a person said is no message of the bot's to judge the next one by
            counted = state.n_messages + 1
            return replace(state, n_messages=counted, control="agent", last_bot_text=None, last_bot_dialogue=None)


def return_to_bot(state: ConversationState) -> ConversationState:
    """Return the state in which the bot takes over again: a new epoch, all counters restarted."""
    return ConversationState(epoch=state.epoch + 1)


def answer_confidence(message: Message, scores: Scores | None) -> float | None:
    """Return the confidence in a bot's answer, in [0, 1]: the model's, else the bot's own number, else ``None``."""
    if scores is not None and scores.confidence is not None:
        return scores.confidence
    return message.confidence


def _hear_customer(state: ConversationState, message: Message, scores: Scores | None, folded: str) -> ConversationState:
    best = best_intent(scores)
    moods = state.moods
    dialogues = state.dialogues
    embedding = None
    if scores is not None:
        embedding = scores.embedding
        if scores.dialogue is not None:
            dialogues = (*dialogues[1 - MAX_DIALOGUES :], _pairs(scores.dialogue))
        if scores.sentiment is not None:
            moods = (*moods[1 - MAX_MOODS :], Mood(scores.sentiment.score, scores.sentiment.label))
    key = asks(folded, scores)
    questions = state.questions
    if key is not None:
        questions = (*questions[1 - MAX_QUESTIONS :], Question(message.id, key, embedding))
    return ConversationState(
        epoch=state.epoch,
        control=state.control,
        started_at=state.started_at or message.at,
        n_messages=state.n_messages + 1,
        n_bot_responses=state.n_bot_responses,
        n_fallbacks=state.n_fallbacks,
        last_customer_text=message.text,
        earlier_customer_text=state.last_customer_text,
        last_bot_text=state.last_bot_text,
        last_bot_dialogue=state.last_bot_dialogue,
        last_intent=best[0] if best else None,
        last_answer_fallback=state.last_answer_fallback,
        last_answer_confidence=state.last_answer_confidence,
        questions=questions,
        moods=moods,
        dialogues=dialogues,
        confidences=state.confidences,
        exchanges=state.exchanges,
        offer=state.offer,
        fired=state.fired,
        armed=state.armed,
        collecting=state.collecting,
    )


def _hear_bot(state: ConversationState, message: Message, scores: Scores | None) -> ConversationState:
    confidence = answer_confidence(message, scores)
    confidences = state.confidences
    if confidence is not None:
        confidences = (*confidences[1 - MAX_CONFIDENCES :], confidence)
    dialogue = scores.dialogue if scores is not None else None
    exchange = f"{state.last_intent or ''}:{answer_key(message.text)}"
    return replace(
        state,
        n_messages=state.n_messages + 1,
        n_bot_responses=state.n_bot_responses + 1,
        n_fallbacks=state.n_fallbacks + message.fallback,
        last_bot_text=message.text,
        last_bot_dialogue=None if dialogue is None else _pairs(dialogue),
        last_answer_fallback=message.fallback,
        last_answer_confidence=confidence,
        confidences=confidences,
        exchanges=(*state.exchanges[1 - MAX_EXCHANGES :], exchange),
    )


def _pairs(scores: Iterable[LabelScore]) -> Dialogue:
    return tuple((entry.label, entry.probability) for entry in scores)


def to_json(state: ConversationState) -> dict[str, Any]:
    """Return the state as JSON values, with a version; embeddings as base64, instants as ISO 8601."""
    data: dict[str, Any] = {"version": VERSION, "epoch": state.epoch, "control": state.control}
    data["started_at"] = state.started_at.isoformat() if state.started_at else None
    for name in (*_PLAIN, *_TEXTS):
        data[name] = getattr(state, name)
    for name in ("confidences", "exchanges", "fired"):
        data[name] = list(getattr(state, name))
    dialogue = state.last_bot_dialogue
    data["last_bot_dialogue"] = None if dialogue is None else [list(pair) for pair in dialogue]
    data["dialogues"] = [[list(pair) for pair in pairs] for pairs in state.dialogues]
    data["moods"] = [[mood.score, mood.label] for mood in state.moods]
    data["questions"] = [[item.message_id, item.key, _encode(item.embedding)] for item in state.questions]
    offer = state.offer
    data["offer"] = {"status": offer.status, "rule_id": offer.rule_id, "code": offer.code.value} if offer else None
    data["armed"] = [[item.rule_id, item.since.isoformat(), item.message_id] for item in state.armed]
    asked = state.collecting
    data["collecting"] = (
        {"rule_id": asked.rule_id, "code": asked.code.value, "since": asked.since.isoformat()} if asked else None
    )
    return data


def from_json(data: Mapping[str, Any]) -> ConversationState:
    """Return the state that ``to_json`` wrote.

    Raises:
        InputError: another version, or not a conversation state.
    """
    version = data.get("version")
    if version not in _READABLE:
        message = f"a conversation state of version {version!r}, expected {VERSION}; it was written by another release"
        raise InputError(message)
    try:
        return _read(data)
    except (KeyError, TypeError, ValueError) as error:
        message = f"not a conversation state ({type(error).__name__}: {error}); expected what to_json wrote"
        raise InputError(message) from error


_PLAIN: Final = (
    "n_messages", "n_bot_responses", "n_fallbacks", "last_customer_text", "last_intent", "last_answer_fallback",
    "last_answer_confidence",
)  # fmt: skip
_TEXTS: Final = ("earlier_customer_text", "last_bot_text")


def _read(data: Mapping[str, Any]) -> ConversationState:
    if data["control"] not in {"bot", "pending_handoff", "agent"}:
        raise ValueError(f"control {data['control']!r}")
    offer, dialogue, asked = data["offer"], data.get("last_bot_dialogue"), data.get("collecting")
    return ConversationState(
        epoch=data["epoch"],
        control=data["control"],
        started_at=datetime.fromisoformat(data["started_at"]) if data["started_at"] else None,
        confidences=tuple(data["confidences"]),
        exchanges=tuple(data["exchanges"]),
        fired=tuple(data["fired"]),
        moods=tuple(Mood(score, label) for score, label in data["moods"]),
        questions=tuple(Question(ident, key, _decode(vector)) for ident, key, vector in data["questions"]),
        offer=Offer(offer["status"], offer["rule_id"], ReasonCode(offer["code"])) if offer else None,
        dialogues=tuple(tuple((label, value) for label, value in pairs) for pairs in data.get("dialogues", ())),
        armed=tuple(Armed(rule, datetime.fromisoformat(since), ident) for rule, since, ident in data.get("armed", ())),
        collecting=_read_collecting(asked) if asked else None,
        earlier_customer_text=data.get("earlier_customer_text"),
        last_bot_text=data.get("last_bot_text"),
        last_bot_dialogue=None if dialogue is None else tuple((label, value) for label, value in dialogue),
        **{name: data[name] for name in _PLAIN},
    )


def _read_collecting(data: Mapping[str, Any]) -> Collecting:
    return Collecting(data["rule_id"], ReasonCode(data["code"]), datetime.fromisoformat(data["since"]))


def _encode(embedding: bytes | None) -> str | None:
    return None if embedding is None else base64.b64encode(embedding).decode("ascii")


def _decode(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)
