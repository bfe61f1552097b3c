"""What callers get back, as documented shapes and as the bytes that are sent, recorded and repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from pydantic_core import from_json, to_json

from models.contracts import (
    Action,
    Decision,
    LabelScore,
    Phase,
    Reason,
    ReasonCode,
    Role,
    Scores,
    ScoreStatus,
    Suppression,
    TriggerReport,
    TriggerStatus,
)
from serving.api.problems import ProblemDocument
from serving.turn.values import Decided

LISTED = 0.05  # labels below this probability are recorded, but not listed in an answer
_DIGITS = 6
_HEADS = (
    "intents",
    "out_of_scope",
    "explicit",
    "sentiment",
    "frustration",
    "topics",
    "confidence",
    "custom",
    "risk",
    "dialogue",
    "language",
)


class LabelAnswer(BaseModel):
    """A label and its calibrated probability."""

    label: str
    probability: float


class SentimentAnswer(BaseModel):
    """Sentiment from -1 to 1, and its label."""

    score: float
    label: str


class LanguageAnswer(BaseModel):
    """ISO 639-1 code and the identifier's probability."""

    code: str
    probability: float


class ScoresAnswer(BaseModel):
    """All that the models say of the message. A score that is `null` has its reason in `status`."""

    intents: list[LabelAnswer] | None = Field(description="Intents of at least 0.05, best first.")
    out_of_scope: float | None
    explicit: float | None = Field(description="Probability that the customer asks for a person.")
    sentiment: SentimentAnswer | None
    frustration: float | None
    topics: list[LabelAnswer] | None = Field(description="Topics of at least 0.05, best first.")
    confidence: float | None = Field(description="Probability that the bot's answer is good.")
    answer: dict[str, float] | None = Field(description="What that confidence is made of.")
    custom: list[LabelAnswer] | None = Field(description="The policy's own labels and guidelines, best first.")
    risk: float | None = Field(description="Probability that this conversation needs a person, learned from outcomes.")
    dialogue: list[LabelAnswer] | None
    language: LanguageAnswer | None
    status: dict[str, ScoreStatus]


class ReasonAnswer(BaseModel):
    """Why it was decided so."""

    code: ReasonCode
    rule_id: str
    sentence: str


class RuleAnswer(BaseModel):
    """A rule that fired."""

    code: ReasonCode
    rule_id: str


class TriggerAnswer(BaseModel):
    """What one trigger saw. `margin` is at or above zero where its comparison holds."""

    name: str
    rule_id: str
    status: TriggerStatus
    value: float | str | None
    operator: str | None
    threshold: float | None
    margin: float | None
    evidence: dict[str, Any]


class FlipAnswer(BaseModel):
    """The smallest change of one score, or of a rule's count (`rules.<id>.<trigger>`), that changes the decision."""

    what: str
    from_: float = Field(alias="from")
    to: float
    decision: Action


class VersionsAnswer(BaseModel):
    """What decided: policy and model bundle."""

    policy: str
    bundle: str


class ScoreAnswer(BaseModel):
    """A decision. `decision` and `action` say what the bot must do, `text` what the customer should read."""

    decision_id: str | None = Field(description="`null` where nothing was recorded: a dry run, or no conversation_id.")
    conversation_id: str | None
    message_id: str
    phase: Phase
    decision: Action
    reason: ReasonAnswer | None
    reasons: list[RuleAnswer]
    text: str | None = Field(description="What the customer should read; `null`: the bot's own answer.")
    action: dict[str, Any] | None
    also: list[dict[str, Any]] = Field(description="What is to be done besides; on `escalate` only.")
    collect: list[str] = Field(
        description="Not empty: `text` asks for these fields; send them with the next message, then the handoff follows."
    )
    recheck_at: datetime | None = Field(
        description="When a rule that waits will decide if nothing is said before. Not yet acted on by itself."
    )
    handoff_id: str | None
    suppressed: Suppression | None = Field(
        description="Set: the bot keeps silent. `handoff_pending`: a person is on the way; `human_in_control`: a person writes."
    )
    degraded: list[str] = Field(description="What failed on the way; empty when all went well.")
    scores: ScoresAnswer
    triggers: list[TriggerAnswer]
    would_flip_if: list[FlipAnswer]
    versions: VersionsAnswer
    latency_ms: float


class BatchAnswer(BaseModel):
    """One result for each item, in order: an answer, or a problem document for an item that has none."""

    results: list[ScoreAnswer | ProblemDocument]


def render(decided: Decided) -> bytes:
    """Return the answer as JSON."""
    ask, decision = decided.ask, decided.decision
    answer = {
        "decision_id": decided.decision_id,
        "conversation_id": ask.conversation_id,
        "message_id": ask.message.id,
        **_decision(decision),
        "scores": _scores(decided),
        **_why(decision),
        "versions": {"policy": decided.policy, "bundle": decided.bundle},
        "latency_ms": decided.latency_ms,
    }
    return to_json(answer, fallback=dict)


def decided_fields(decision: Decision) -> dict[str, Any]:
    """Return the fields of an answer that follow from the decision alone, as plain JSON values."""
    fields: dict[str, Any] = from_json(to_json({**_decision(decision), **_why(decision)}, fallback=dict))
    del fields["handoff_id"]  # a handoff is opened by the service, not decided
    return fields


def render_batch(results: Sequence[bytes]) -> bytes:
    """Join answers that are JSON already, so that a recorded one stays as it was."""
    return b'{"results":[' + b",".join(results) + b"]}"


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "phase": decision.phase,
        "decision": decision.decision,
        "reason": _reason(decision.reason) if decision.reason else None,
        "reasons": [{"code": reason.code, "rule_id": reason.rule_id} for reason in decision.reasons],
        "text": decision.text,
        "action": decision.action,
        "also": decision.also,
        "collect": decision.collect,
        "recheck_at": decision.recheck_at,
        "handoff_id": None,  # handoffs come with a later release
        "suppressed": decision.suppressed,
        "degraded": decision.degraded,
    }


def _why(decision: Decision) -> dict[str, Any]:
    return {
        "triggers": [_trigger(report) for report in decision.triggers],
        "would_flip_if": [
            {"what": flip.what, "from": _short(flip.value), "to": _short(flip.to), "decision": flip.decision}
            for flip in decision.would_flip_if
        ],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "rule_id": reason.rule_id, "sentence": reason.sentence}


def _trigger(report: TriggerReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "rule_id": report.rule_id,
        "status": report.status,
        "value": _short(report.value),
        "operator": report.operator,
        "threshold": _short(report.threshold),
        "margin": _short(report.margin),
        "evidence": report.evidence,
    }


def _scores(decided: Decided) -> dict[str, Any]:
    scores = decided.scores or _absent(decided)
    draft = decided.draft_scores
    status: Mapping[str, ScoreStatus] = scores.status
    dialogue = scores.dialogue
    if draft is not None:  # the message's scores, with the draft's confidence, and what both of them do
        status = {name: why for name, why in status.items() if name != "confidence"}
        if "confidence" in draft.status:
            status = {**status, "confidence": draft.status["confidence"]}
        if draft.dialogue is not None:
            dialogue = (*(dialogue or ()), *draft.dialogue)
            status = {name: why for name, why in status.items() if name != "dialogue"}
    elif decided.draft_taken:
        status = {**status, "confidence": ScoreStatus.FAILED}
    judged = draft or scores
    return {
        "intents": _labels(scores.intents),
        "out_of_scope": _short(scores.out_of_scope),
        "explicit": _short(scores.explicit),
        "sentiment": scores.sentiment and {"score": _short(scores.sentiment.score), "label": scores.sentiment.label},
        "frustration": _short(scores.frustration),
        "topics": _labels(scores.topics),
        "confidence": _short(judged.confidence),
        "answer": judged.answer and {name: _short(value) for name, value in judged.answer.items()},
        "custom": _labels(scores.custom),
        "risk": _short(scores.risk),
        "dialogue": _labels(dialogue),
        "language": scores.language
        and {"code": scores.language.code, "probability": _short(scores.language.probability)},
        "status": status,
    }


def _absent(decided: Decided) -> Scores:
    """Say why a message has no scores at all: an agent's isn't scored, any other one failed."""
    why = ScoreStatus.SKIPPED if decided.ask.message.role is Role.AGENT else ScoreStatus.FAILED
    return Scores(status=dict.fromkeys(_HEADS, why))


def _labels(scores: Sequence[LabelScore] | None) -> list[dict[str, Any]] | None:
    if scores is None:
        return None
    listed = (score for score in scores if score.probability >= LISTED)
    return [{"label": score.label, "probability": _short(score.probability)} for score in listed]


def _short(value: float | str | None) -> float | str | None:
    return round(value, _DIGITS) if isinstance(value, float) else value
