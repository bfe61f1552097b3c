"""Offers of a person: how the customer's answer is understood."""

from __future__ import annotations

from typing import Literal, NamedTuple

from models.contracts import TriggerReport, TriggerStatus
from models.phrases import find_answer
from models.policy.questions import best_intent
from models.policy.schema import OfferSettings
from models.policy.triggers.view import View

Outcome = Literal["accepted", "declined", "lapsed"]


class Answer(NamedTuple):
    """What became of an offer, and the report that says how it was understood."""

    outcome: Outcome
    report: TriggerReport


def understand(view: View, rule_id: str, settings: OfferSettings) -> Answer:
    """Read the customer's message as the answer to an offer that ``rule_id`` made.

    The best intent decides; where there is none, or it is neither yes nor no, the phrase lists' short answers do ("ja
    bitte"). Everything else lets the offer lapse.
    """
    best = best_intent(view.scores)
    if best is not None:
        label, probability = best
        if label in settings.accept_labels and probability >= settings.accept_threshold:
            return _answer("accepted", rule_id, probability, settings.accept_threshold, label)
        if label in settings.decline_labels and probability >= settings.decline_threshold:
            return _answer("declined", rule_id, probability, settings.decline_threshold, label)
    words = find_answer(view.message.text, view.language)
    if words is not None:
        return _answer("accepted" if words else "declined", rule_id, None, None, view.folded)
    return _answer("lapsed", rule_id, best[1] if best else None, None, best[0] if best else None)


def _answer(outcome: Outcome, rule_id: str, value: float | None, threshold: float | None, by: str | None) -> Answer:
    is_accepted = outcome == "accepted"
    report = TriggerReport(
        name="offer",
        rule_id=rule_id,
        status=TriggerStatus.FIRED if is_accepted else TriggerStatus.EVALUATED,
        value=value,
        operator=">=",
        threshold=threshold,
        margin=None if value is None or threshold is None else value - threshold,
        evidence={"offer_accepted": is_accepted, "answer": outcome, "by": by},
    )
    return Answer(outcome, report)
