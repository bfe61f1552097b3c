"""Conditions on the conversation so far: the epoch's offer, rules that held before, the bot's last answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator, model_validator

from models.contracts import Phase, ScoreStatus, TriggerReport, is_bots_label
from models.policy.state import ConversationState
from models.policy.triggers.check import BOTH, EVALUATED, FIRED, Bound, Check, Number, Part, unavailable
from models.policy.triggers.view import View


class AfterBot(Part):
    """``labels`` of a bot's message (``bot_cannot``, ``bot_offers_person`` ...); ``threshold`` in [0, 1] is for all of them."""

    labels: tuple[str, ...] = Field(min_length=1)
    threshold: Number = Field(ge=0, le=1)

    @field_validator("labels")
    @classmethod
    def _of_a_bot(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        strange = [label for label in value if not is_bots_label(label)]
        if strange:
            raise ValueError(
                f"{strange[0]!r} is no label of a bot's message; expected bot_cannot, bot_offers_person or alike"
            )
        return value


class Memory(Part):
    """Exactly one of these, all as they were when the message came.

    ``offer_pending``: an offer of a person was open. ``offer_declined``: the customer has said no to it. ``offer_made``:
    it was made, whatever became of it. ``fired``: any of these rules held earlier in the epoch. ``after_fallback``: the
    bot's last answer was a fallback. ``after_confidence_below``: the confidence in the bot's last answer was known and
    below this, in [0, 1]. ``after_bot``: the bot's last message did this, say refused something (``bot_cannot``).
    """

    offer_pending: Literal[True] | None = None
    offer_declined: Literal[True] | None = None
    offer_made: Literal[True] | None = None
    fired: tuple[str, ...] | None = Field(default=None, min_length=1)
    after_fallback: Literal[True] | None = None
    after_confidence_below: Number | None = Field(default=None, ge=0, le=1)
    after_bot: AfterBot | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Memory:
        found = self._given()
        if len(found) != 1:
            names = ", ".join(type(self).model_fields)
            raise ValueError(f"{len(found)} conditions, expected exactly one of {names}; use all or any")
        return self

    def _given(self) -> list[str]:
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    def checks(self, rule_id: str, _bound: Bound) -> tuple[Check, ...]:
        """Compile."""
        if self.after_confidence_below is not None:
            return (LastConfidenceCheck(rule_id, self.after_confidence_below),)
        if self.after_bot is not None:
            return (LastBotCheck(rule_id, self.after_bot.labels, self.after_bot.threshold),)
        if self.fired is not None:
            return (FiredCheck(rule_id, self.fired),)
        (name,) = self._given()
        return (MemoryCheck(rule_id, name),)


@dataclass(frozen=True, slots=True)
class MemoryCheck:
    """Fires when the named condition was true of the conversation before this message."""

    rule_id: str
    condition: str

    phases = BOTH
    heads = ()
    sees = ()

    @property
    def name(self) -> str:
        """The condition, as reports call it."""
        return f"turn.{self.condition}"

    def look(self, view: View) -> TriggerReport:
        """Look at the state before this message."""
        return _report(self.name, self.rule_id, holds=_holds(self.condition, view.before))


@dataclass(frozen=True, slots=True)
class FiredCheck:
    """Fires when one of the named rules held earlier in this epoch; evidence: which."""

    rule_id: str
    rules: tuple[str, ...]

    name = "turn.fired"
    phases = BOTH
    heads = ()
    sees = ()

    def look(self, view: View) -> TriggerReport:
        """Look at the rules that held before this message."""
        earlier = [rule for rule in self.rules if rule in view.before.fired]
        return _report("turn.fired", self.rule_id, holds=bool(earlier), rules=earlier)


@dataclass(frozen=True, slots=True)
class LastConfidenceCheck:
    """Fires when the confidence in the bot's last answer is known and below the threshold."""

    rule_id: str
    threshold: float

    name = "turn.after_confidence_below"
    phases = BOTH
    heads = ()
    sees = ()
    recalls = ((Phase.POST, "confidence"),)

    def look(self, view: View) -> TriggerReport:
        """Compare what was known before this message."""
        value = view.before.last_answer_confidence
        status = FIRED if value is not None and value < self.threshold else EVALUATED
        margin = None if value is None else self.threshold - value
        return TriggerReport("turn.after_confidence_below", self.rule_id, status, value, "<", self.threshold, margin)


@dataclass(frozen=True, slots=True)
class LastBotCheck:
    """Fires when a label of the bot's last message is at or above the threshold; evidence: which.

    Nothing to look at before the bot's first message, and where nobody scored it. Of the policy's own text nothing holds: an
    offer or an escalation is remembered as such.
    """

    rule_id: str
    labels: tuple[str, ...]
    threshold: float

    name = "turn.after_bot"
    phases = BOTH
    heads = ()
    sees = ()
    recalls = ((Phase.POST, "dialogue"),)

    def look(self, view: View) -> TriggerReport:
        """Compare what was known before this message."""
        if view.before.last_bot_dialogue is None:
            return unavailable("turn.after_bot", self.rule_id, ">=", self.threshold, ScoreStatus.NOT_AVAILABLE.value)
        known = [(value, label) for label, value in view.before.last_bot_dialogue if label in self.labels]
        value, label = max(known, default=(None, None))
        status = FIRED if value is not None and value >= self.threshold else EVALUATED
        margin = None if value is None else value - self.threshold
        evidence = {} if label is None else {"label": label}
        return TriggerReport("turn.after_bot", self.rule_id, status, value, ">=", self.threshold, margin, evidence)


def _holds(condition: str, state: ConversationState) -> bool:
    if condition == "after_fallback":
        return state.last_answer_fallback
    if state.offer is None:
        return False
    return condition in {"offer_made", f"offer_{state.offer.status}"}


def _report(name: str, rule_id: str, *, holds: bool, rules: list[str] | None = None) -> TriggerReport:
    evidence = {"rules": rules} if rules else {}
    return TriggerReport(name, rule_id, FIRED if holds else EVALUATED, evidence=evidence)
