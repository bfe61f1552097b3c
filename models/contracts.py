"""The values that cross rooms: messages, scores, decisions. Frozen, plain Python, no arrays.

Probabilities are calibrated and lie in [0, 1]. A score that couldn't be computed is ``None`` and its name stands in
``Scores.status`` with the reason; it is never a neutral number. All instants are aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Role(StrEnum):
    """Who said a message."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"


class Phase(StrEnum):
    """When a decision was taken: on the customer's message alone, or with the bot's draft answer."""

    PRE = "pre"
    POST = "post"


class Action(StrEnum):
    """What the bot has to do."""

    CONTINUE = "continue"
    OFFER = "offer"
    ESCALATE = "escalate"


class ReasonCode(StrEnum):
    """Why a decision was taken; a closed set."""

    EXPLICIT_REQUEST = "explicit_request"
    INTENT = "intent"
    TOPIC = "topic"
    POLICY = "policy"
    SENTIMENT = "sentiment"
    REPETITION = "repetition"
    LOW_CONFIDENCE = "low_confidence"
    TIME_LIMIT = "time_limit"
    GUIDELINE = "guideline"
    RISK = "risk"
    MISSING_INFORMATION = "missing_information"
    MANUAL = "manual"
    ERROR = "error"


class ScoreStatus(StrEnum):
    """Why a score is missing."""

    NOT_AVAILABLE = "not_available"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    SKIPPED = "skipped"
    FAILED = "failed"


class TriggerStatus(StrEnum):
    """What became of a trigger: it fired, it was looked at and didn't, wasn't looked at, or had no value to look at."""

    FIRED = "fired"
    EVALUATED = "evaluated"
    SKIPPED = "skipped"
    NOT_AVAILABLE = "not_available"


class Suppression(StrEnum):
    """Why a decision is ``continue`` although rules may have fired."""

    HANDOFF_PENDING = "handoff_pending"
    HUMAN_IN_CONTROL = "human_in_control"


# of a report without evidence
_NOTHING: Final[Mapping[str, Any]] = {}


def is_bots_label(label: str) -> bool:
    """Return whether a dialogue label is one of a bot's message; the others are a customer's."""
    return label.startswith("bot_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One utterance.

    ``passages``, ``fallback`` and ``confidence`` belong to a bot's draft answer: what it was drafted from, whether it is
    the bot's "I didn't understand", and the bot's own confidence in [0, 1], if it has one.
    """

    id: str
    role: Role
    text: str
    at: datetime
    passages: tuple[str, ...] = ()
    fallback: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """A label and its calibrated probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """``score`` in [-1, 1]; ``label`` is negative, neutral or positive."""

    score: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """ISO 639-1 code (ISO 639-3 for a language that has none) and the identifier's probability."""

    code: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """All that the models say about one message.

    ``intents`` and ``topics`` list every label of the bundle, best first. ``repeats`` holds the cosine similarity of this
    message to each earlier customer question the state remembers, in the state's order. ``embedding`` is the encoder's
    unit vector as int8 bytes (value / 127 per dimension). ``custom`` lists the labels that were brought along, best first;
    ``None`` when none were. ``request_phrase`` is the phrase that asks for a person, if a locale's phrase list found one;
    ``declined_phrase`` the one that wants no person, if the message asks for none. ``risk`` is the probability that this
    conversation needs a person, by a model that learned it from outcomes.
    """

    intents: tuple[LabelScore, ...] | None = None
    out_of_scope: float | None = None
    explicit: float | None = None
    request_phrase: str | None = None
    declined_phrase: str | None = None
    sentiment: Sentiment | None = None
    frustration: float | None = None
    topics: tuple[LabelScore, ...] | None = None
    custom: tuple[LabelScore, ...] | None = None
    confidence: float | None = None
    answer: Mapping[str, float] | None = None
    risk: float | None = None
    dialogue: tuple[LabelScore, ...] | None = None
    language: Language | None = None
    embedding: bytes | None = None
    repeats: tuple[float, ...] = ()
    status: Mapping[str, ScoreStatus] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that fired, as a code and a sentence for people."""

    code: ReasonCode
    rule_id: str
    sentence: str


class TriggerReport(NamedTuple):
    """What one trigger saw: value, operator, threshold, margin and evidence.

    ``margin`` is signed: at or above zero the comparison holds, below zero it is that far from holding; ``None`` where
    the value has no distance (a keyword). Boundaries are part of the contract: probabilities fire at >=, sentiment and
    confidence at <.
    """

    name: str
    rule_id: str
    status: TriggerStatus
    value: float | str | None = None
    operator: str | None = None
    threshold: float | None = None
    margin: float | None = None
    evidence: Mapping[str, Any] = _NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """The smallest change of one score, or of a rule's count (``rules.<id>.<trigger>``), that would change the decision."""

    what: str
    value: float
    to: float
    decision: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the bot must do now, and why.

    ``text`` is what the customer should read (``None``: the bot's own answer). ``action`` is the policy's handoff action
    (type, inbox, priority, tags ...), ``also`` what is to be done besides; both are present on ``escalate`` only.
    ``collect`` names what the bot should ask for (with ``text``) before the handoff, which follows on the customer's next
    message. ``recheck_at`` is when a rule that waits will decide if nothing is said before.
    """

    phase: Phase
    decision: Action
    reason: Reason | None = None
    reasons: tuple[Reason, ...] = ()
    text: str | None = None
    action: Mapping[str, Any] | None = None
    also: tuple[Mapping[str, Any], ...] = ()
    collect: tuple[str, ...] = ()
    recheck_at: datetime | None = None
    suppressed: Suppression | None = None
    degraded: tuple[str, ...] = ()
    triggers: tuple[TriggerReport, ...] = ()
    would_flip_if: tuple[Flip, ...] = ()
    policy: str = ""
