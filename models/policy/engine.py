"""decide(): the rules by priority -> a decision with every trigger's report, and the next state. Pure: no clock, no I/O.

The first firing rule, by priority, decides; the others are evaluated and reported all the same. Three things can hold a
firing rule back: a person has the conversation or is about to (*suppressed*); the rule would offer and this epoch has had its
offer (it *yields* to the next firing rule); a rule of higher priority decided.

An offer is asked at most once per epoch. The customer's next message answers it: yes escalates in the name of the offering
rule and at its priority, no is remembered as declined, anything else lets it lapse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from models.contracts import (
    Action,
    Decision,
    Flip,
    Message,
    Phase,
    Reason,
    ReasonCode,
    Role,
    Scores,
    ScoreStatus,
    Suppression,
    TriggerReport,
)
from models.policy.explain import find_flips
from models.policy.offers import Answer, understand
from models.policy.rules import HandoffAction, Texts
from models.policy.schema import ON_ERROR, Policy
from models.policy.state import ConversationState, Offer, advance
from models.policy.triggers.check import Move
from models.policy.triggers.view import View
from models.policy.wording import ACCEPTED, pick, sentence

_SUPPRESSIONS: Final = {"agent": Suppression.HUMAN_IN_CONTROL, "pending_handoff": Suppression.HANDOFF_PENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What ``decide`` looks at besides state and policy.

    ``scores`` is ``None`` when scoring failed: rules that need no model still run, and the policy's ``on_error`` says the
    default. The message's ``at`` is the clock.
    """

    message: Message
    scores: Scores | None
    customer: Mapping[str, Any] = field(default_factory=dict)
    channel: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision and the state after it."""

    decision: Decision
    state: ConversationState


class Firing(NamedTuple):
    """A rule that holds, with what would follow from it."""

    rule_id: str
    priority: int
    action: Action
    reason: Reason
    text: Texts | None
    handoff: HandoffAction | None


class Verdict(NamedTuple):
    """What the rules say of one message: reports, the firings by priority, and the one that decides."""

    reports: list[TriggerReport]
    firings: list[Firing]
    decider: Firing | None
    answer: Answer | None

    @property
    def action(self) -> Action:
        """What the bot would have to do, were nobody else in charge."""
        return Action.CONTINUE if self.decider is None else self.decider.action


def decide(turn: Turn, state: ConversationState, policy: Policy, *, explain: bool = True) -> Outcome:
    """Decide about one message and return the state after it.

    Args:
        turn: the message, its scores, and what the caller knows of the customer.
        state: the conversation before the message.
        policy: the rules.
        explain: also find ``would_flip_if``, at the price of deciding a handful of times.
    """
    if turn.message.role is Role.AGENT:
        decision = Decision(
            phase=Phase.PRE, decision=Action.CONTINUE, suppressed=Suppression.HUMAN_IN_CONTROL, policy=policy.label
        )
        return Outcome(decision, advance(state, turn.message, None))
    phase = Phase.POST if turn.message.role is Role.BOT else Phase.PRE
    view = _view(turn, turn.scores, state)
    verdict = _judge(view, policy, phase)
    suppressed = _SUPPRESSIONS.get(state.control)
    decider = None if suppressed else verdict.decider
    decision = Decision(
        phase=phase,
        decision=Action.CONTINUE if decider is None else decider.action,
        reason=None if decider is None else decider.reason,
        reasons=tuple(firing.reason for firing in verdict.firings),
        text=None if decider is None else _text(decider, view, policy),
        action=_handoff(decider, policy),
        suppressed=suppressed,
        degraded=_failed(turn.scores),
        triggers=tuple(verdict.reports),
        would_flip_if=_flips(turn, view, policy, verdict, phase) if explain and not suppressed else (),
        policy=policy.label,
    )
    after = (
        view.after if decision.text is None else replace(view.after, last_bot_text=decision.text, last_bot_dialogue=())
    )
    return Outcome(decision, _remember(after, verdict, decider, suppressed=suppressed is not None))


def _view(turn: Turn, scores: Scores | None, state: ConversationState) -> View:
    return View(
        turn.message,
        scores,
        before=state,
        after=advance(state, turn.message, scores),
        customer=turn.customer,
        channel=turn.channel,
        context=turn.context,
    )


def _judge(view: View, policy: Policy, phase: Phase) -> Verdict:
    """Evaluate every rule of the phase and find the one that decides."""
    offer = view.before.offer
    reports: list[TriggerReport] = []
    firings: list[Firing] = []
    answer = None
    if offer is not None and offer.status == "pending" and phase is Phase.PRE:
        answer = understand(view, offer.rule_id, policy.offer)
        reports.append(answer.report)
    for compiled in policy.program[phase]:
        found, holds = compiled.look(view)
        if holds:
            rule = compiled.rule
            reason = Reason(code=compiled.code, rule_id=rule.id, sentence=sentence(compiled.code, found))
            firings.append(Firing(rule.id, rule.priority, compiled.action, reason, rule.message, rule.action))
            if compiled.action is Action.OFFER and offer is not None:
                found = [replace(report, evidence={**report.evidence, "yields": "offer_made"}) for report in found]
        reports.extend(found)
    if offer is not None and answer is not None and answer.outcome == "accepted":
        firings = _accept(offer, policy, firings)
    decider = next((firing for firing in firings if firing.action is Action.ESCALATE or offer is None), None)
    if decider is None:
        decider = _fall_back(view, policy, phase)
        firings.extend([decider] if decider else [])
    return Verdict(reports, firings, decider, answer)


def _accept(offer: Offer, policy: Policy, firings: list[Firing]) -> list[Firing]:
    """Return the firings with the accepted offer at its rule's priority; first of all if the policy lost that rule."""
    rule = next((rule for rule in policy.rules if rule.id == offer.rule_id), None)
    priority = rule.priority if rule else 1001
    reason = Reason(code=offer.code, rule_id=offer.rule_id, sentence=ACCEPTED)
    handoff = rule.action if rule else None
    others = [firing for firing in firings if firing.rule_id != offer.rule_id]
    place = sum(firing.priority > priority for firing in others)
    return [*others[:place], Firing(offer.rule_id, priority, Action.ESCALATE, reason, None, handoff), *others[place:]]


def _fall_back(view: View, policy: Policy, phase: Phase) -> Firing | None:
    """Return what the policy wants when a model failed that some rule would have asked; no second offer, though.

    A draft for which the bot sent its own confidence is judged by that.
    """
    rules = policy.program[phase]
    failed = _failed(view.scores)
    if phase is Phase.POST and view.message.confidence is not None:
        return None
    if not failed or not any(rule.heads if view.scores is None else rule.heads.intersection(failed) for rule in rules):
        return None
    action = policy.on_error
    if action is Action.CONTINUE or (action is Action.OFFER and view.before.offer is not None):
        return None
    reason = Reason(code=ReasonCode.ERROR, rule_id=ON_ERROR, sentence=sentence(ReasonCode.ERROR))
    return Firing(ON_ERROR, -1, action, reason, None, None)


def _failed(scores: Scores | None) -> tuple[str, ...]:
    """Return the names of the scores that failed; all of them are one word."""
    if scores is None:
        return ("scores",)
    return tuple(head for head, status in scores.status.items() if status is ScoreStatus.FAILED)


def _remember(
    after: ConversationState, verdict: Verdict, decider: Firing | None, *, suppressed: bool
) -> ConversationState:
    """Fold the decision into the state: rules that held, the offer, who is in charge now."""
    changes: dict[str, Any] = {}
    new = [firing.rule_id for firing in verdict.firings if firing.rule_id not in after.fired]
    if new:
        changes["fired"] = (*after.fired, *dict.fromkeys(new))
    if verdict.answer is not None and after.offer is not None and not suppressed:
        changes["offer"] = replace(after.offer, status=verdict.answer.outcome)
    if decider is not None and decider.action is Action.OFFER:
        changes["offer"] = Offer("pending", decider.rule_id, decider.reason.code)
    if decider is not None and decider.action is Action.ESCALATE:
        changes["control"] = "pending_handoff"
    return replace(after, **changes) if changes else after


def _text(decider: Firing, view: View, policy: Policy) -> str:
    own = view.customer.get("language")
    languages = (own if isinstance(own, str) else None, view.language, policy.locale)
    default = policy.messages.offer if decider.action is Action.OFFER else policy.messages.escalate
    return pick(decider.text, default, languages)


def _handoff(decider: Firing | None, policy: Policy) -> dict[str, Any] | None:
    if decider is None or decider.action is not Action.ESCALATE:
        return None
    return (decider.handoff or policy.action).mapping()


def _flips(turn: Turn, view: View, policy: Policy, verdict: Verdict, phase: Phase) -> tuple[Flip, ...]:
    if turn.scores is None:
        return ()

    def decide_again(scores: Scores) -> Action:
        return _judge(_view(turn, scores, view.before), policy, phase).action

    return find_flips(turn.scores, _moves(view, policy, verdict.decider, phase), verdict.action, decide_again)


def _moves(view: View, policy: Policy, decider: Firing | None, phase: Phase) -> Iterator[Move]:
    """Yield the changes that could matter: of the rule that decided, and of rules before it that would decide otherwise."""
    for compiled in policy.program[phase]:
        if decider is None or compiled.action is not decider.action or compiled.rule.id == decider.rule_id:
            for check in compiled.movable:
                yield from check.moves(view)
        if decider is not None and compiled.rule.id == decider.rule_id:
            return
