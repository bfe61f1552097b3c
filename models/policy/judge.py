"""judge(): what the rules say of one message, by priority, and which decides. Pure; ``engine`` makes a decision of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from models.contracts import Action, Phase, ReasonCode, Role, Scores, ScoreStatus, TriggerReport, TriggerStatus
from models.policy.handoff import HandoffAction
from models.policy.offers import Answer, understand
from models.policy.rules import CompiledRule, Look, Rule
from models.policy.schema import ON_ERROR, Policy
from models.policy.state import Armed, Collecting, ConversationState, Offer
from models.policy.timing import choose_way, disarmed, later, look_at_clock, resolved_by, settled_by
from models.policy.triggers.context import find_field
from models.policy.triggers.view import View
from models.policy.wording import accepted

# the scores by which a customer says that a matter is settled
_SETTLING: Final = frozenset({"intents", "dialogue"})


class Firing(NamedTuple):
    """A rule that takes effect, with what follows from it. ``by`` are the reports that say why; ``said`` says it instead.

    ``asks`` are fields to ask the customer for first.
    """

    rule_id: str
    priority: int
    action: Action
    code: ReasonCode
    rule: Rule | None
    handoff: HandoffAction | None
    by: list[TriggerReport]
    said: str | None = None
    asks: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdict:
    """What the rules say of one message.

    ``looks`` are the rules as they were looked at, by id; ``held`` the ids of those that hold; ``arms`` those that begin to
    wait; ``settled`` the label by which the customer said that the matter is settled, where something waits for that;
    ``withdrawn``: so the handoff that waited for an answer is off. ``lacks`` are scores without which a lazy policy can't go
    on.
    """

    reports: list[TriggerReport] = field(default_factory=list)
    firings: list[Firing] = field(default_factory=list)
    decider: Firing | None = None
    answer: Answer | None = None
    looks: dict[str, Look] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    arms: list[Armed] = field(default_factory=list)
    settled: str | None = None
    withdrawn: bool = False
    lacks: frozenset[str] = frozenset()

    @property
    def action(self) -> Action:
        """What the bot would have to do, were nobody else in charge."""
        return Action.CONTINUE if self.decider is None or self.decider.asks else self.decider.action


def judge(
    view: View, policy: Policy, phase: Phase, *, known: Mapping[str, Look] | None = None, stops: bool = False
) -> Verdict:
    """Evaluate every rule of the phase and find the one that decides.

    Args:
        view: the message.
        policy: the rules.
        phase: which of them.
        known: rules that need not be looked at, by id.
        stops: end where a score is missing that was skipped.
    """
    verdict = Verdict()
    lacks = _missing_answers(view, phase) if stops else frozenset[str]()
    if not lacks:
        _pick_up(view, policy, phase, verdict)
        lacks = _look_at_rules(view, policy, phase, verdict, known=known or {}, stops=stops)
    if lacks:
        verdict.lacks = lacks
        return verdict
    verdict.decider = choose(verdict.firings, view.before.offer)
    if verdict.arms and verdict.settled is None:
        verdict.settled = settled_by(view, policy)
    if verdict.decider is None:
        verdict.decider = _fall_back(view, policy, phase)
        verdict.firings.extend([verdict.decider] if verdict.decider else [])
    return verdict


def _look_at_rules(
    view: View, policy: Policy, phase: Phase, verdict: Verdict, *, known: Mapping[str, Look], stops: bool
) -> frozenset[str]:
    """Look at the rules of a phase, as far as the policy's evaluation goes; return the scores that this ends for want of."""
    is_lazy, looks, all_reports = policy.evaluation == "lazy", verdict.looks, verdict.reports
    for compiled in policy.program[phase]:
        if is_lazy and _is_decided(verdict.firings, view.before.offer, compiled.rule.priority):
            all_reports.extend(compiled.skipped())
            continue
        rule_id = compiled.id
        looks[rule_id] = look = (known.get(rule_id) if known else None) or compiled.look(view)
        reports, holds = look
        if holds:
            verdict.held.append(rule_id)
            _hold(compiled, reports, view, policy, verdict)
            continue
        all_reports += reports
        if stops and holds is None:
            lacks = compiled.sees & skipped(view.scores)
            if lacks:
                return lacks
    return frozenset()


def _pick_up(view: View, policy: Policy, phase: Phase, verdict: Verdict) -> None:
    """Add what follows from before: the customer's answer to an offer or a question, and rules that have waited."""
    before, offer = view.before, view.before.offer
    if offer is not None and offer.status == "pending" and phase is Phase.PRE:
        verdict.answer = understand(view, offer.rule_id, policy.offer)
        verdict.reports.append(verdict.answer.report)
        if verdict.answer.outcome == "accepted":
            insert(verdict.firings, _accepted(offer, view, policy))
    if before.armed:
        settled = verdict.settled = settled_by(view, policy)
        for firing in waited(before, policy, view.message.at, verdict.reports, settled=settled, view=view):
            insert(verdict.firings, firing)
    if before.collecting is not None:
        verdict.withdrawn = phase is Phase.PRE and resolved_by(view, policy) is not None
        is_over = phase is Phase.PRE or view.message.at >= answer_due(before.collecting, policy)
        if is_over and policy.enabled and not verdict.withdrawn:
            insert(verdict.firings, answered(before.collecting, policy, verdict.reports, view=view))


def _hold(compiled: CompiledRule, reports: list[TriggerReport], view: View, policy: Policy, verdict: Verdict) -> None:
    """Add what follows from a rule that holds: that it fires, or begins to wait; and its reports."""
    rule, action, handoff = compiled.rule, compiled.action, compiled.rule.action
    mode = rule.timing.mode
    if mode == "after_wait":
        verdict.reports.extend(reports)
        if all(item.rule_id != rule.id for item in view.before.armed):
            verdict.arms.append(Armed(rule.id, view.message.at, view.message.id))
        return
    if mode == "sla_aware":
        way = choose_way(rule, view, policy)
        action, handoff = way.action, way.handoff
        reports = [*reports, way.report]
    if action is Action.OFFER and view.before.offer is not None:
        reports = [report._replace(evidence={**report.evidence, "yields": "offer_made"}) for report in reports]
    verdict.reports.extend(reports)
    asks = _asks(rule, view) if action is Action.ESCALATE else ()
    if asks and _is_awaited(view):
        return
    # rules come by priority, but what was accepted or has waited stands there already, at its own
    new = Firing(rule.id, rule.priority, action, compiled.code, rule, handoff, reports, asks=asks)
    insert(verdict.firings, new)


def insert(firings: list[Firing], new: Firing) -> None:
    """Put a firing behind all of its priority or a higher one; one of its rule that is there already stays the only one."""
    if any(firing.rule_id == new.rule_id for firing in firings):
        return
    place = len(firings)
    while place and firings[place - 1].priority < new.priority:
        place -= 1
    firings.insert(place, new)


def choose(firings: list[Firing], offer: Offer | None) -> Firing | None:
    """Return the firing that decides: the first that escalates, or that offers where the epoch had no offer yet."""
    return next((firing for firing in firings if firing.action is Action.ESCALATE or offer is None), None)


def _is_decided(firings: list[Firing], offer: Offer | None, priority: int) -> bool:
    """Return whether no rule of this priority, or a lower one, can decide any more."""
    decider = choose(firings, offer)
    return decider is not None and decider.priority >= priority


def _missing_answers(view: View, phase: Phase) -> frozenset[str]:
    """Return the skipped scores by which a customer's message is understood as the answer to something."""
    before, unscored = view.before, skipped(view.scores)
    if phase is Phase.POST or not unscored:
        return frozenset()
    wanted = set()
    if before.offer is not None and before.offer.status == "pending":
        wanted.add("intents")
    if before.armed:
        wanted |= _SETTLING
    if before.collecting is not None:
        wanted.add("dialogue")
    return frozenset(wanted & unscored)


def needed_later(verdict: Verdict, policy: Policy, phase: Phase) -> frozenset[str]:
    """Return the scores that a decision doesn't need, but what is remembered of its message does."""
    wanted = policy.recalled[phase] if verdict.decider is None else frozenset[str]()
    is_settling = verdict.arms and phase is Phase.PRE and verdict.action is not Action.ESCALATE
    return wanted | _SETTLING if is_settling else wanted


def skipped(scores: Scores | None) -> frozenset[str]:
    """Return the names of the scores that nobody needed so far."""
    if scores is None:
        return frozenset()
    return frozenset(head for head, status in scores.status.items() if status is ScoreStatus.SKIPPED)


def _accepted(offer: Offer, view: View, policy: Policy) -> Firing:
    """Return the firing of an accepted offer, at its rule's priority; first of all if the policy lost that rule."""
    rule = policy.by_id.get(offer.rule_id)
    said = accepted(policy.locale)
    if rule is None:
        return Firing(offer.rule_id, 1001, Action.ESCALATE, offer.code, None, None, [], said)
    return Firing(
        rule.id, rule.priority, Action.ESCALATE, offer.code, rule, rule.action, [], said, asks=_asks(rule, view)
    )


def answer_due(asked: Collecting, policy: Policy) -> datetime:
    """Return when a handoff that waits for an answer goes ahead without one: nobody who fell silent is forgotten."""
    return later(asked.since, timedelta(seconds=policy.answer_seconds))


def answered(asked: Collecting, policy: Policy, reports: list[TriggerReport], *, view: View | None = None) -> Firing:
    """Return the firing of a rule that has asked for something, whatever the answer was, if any; it asks once."""
    rule = policy.by_id.get(asked.rule_id)
    if rule is None:
        return Firing(asked.rule_id, 1001, Action.ESCALATE, asked.code, None, None, [])
    handoff = rule.action
    if rule.timing.mode == "sla_aware" and view is not None:
        way = choose_way(rule, view, policy)
        report = way.report
        if way.action is Action.OFFER:
            # the customer was told of a colleague, and has answered: no way back to an offer
            report = report._replace(evidence={**report.evidence, "chosen": "escalate"})
        handoff = way.handoff
        reports.append(report)
    return Firing(rule.id, rule.priority, Action.ESCALATE, asked.code, rule, handoff, [])


def _asks(rule: Rule, view: View) -> tuple[str, ...]:
    """Return what a rule has to ask for before its handoff: nothing if the caller sent it, or if it has asked already."""
    asked = view.before.collecting
    if asked is not None and asked.rule_id == rule.id and view.message.role is Role.CUSTOMER:
        return ()
    return tuple(name for name in rule.collect if find_field(view, name) is None)


def _is_awaited(view: View) -> bool:
    """Return whether this is a bot's message while the customer has yet to answer what was asked."""
    return view.before.collecting is not None and view.message.role is Role.BOT


def waited(
    before: ConversationState,
    policy: Policy,
    now: datetime,
    reports: list[TriggerReport],
    *,
    settled: str | None = None,
    view: View | None = None,
) -> list[Firing]:
    """Return the firings of rules that have waited for long enough, by priority; report them and those that still wait.

    Without a ``view`` there is nobody to ask for anything.
    """
    firings: list[Firing] = []
    for item in before.armed:
        compiled = policy.compiled.get(item.rule_id)
        if compiled is None or compiled.rule.timing.mode != "after_wait":
            continue  # the policy lost that rule, or lets it wait no longer
        if settled is not None:
            reports.append(disarmed(compiled.rule, item, settled))
            continue
        report = look_at_clock(compiled.rule, item, now)
        reports.append(report)
        if report.status is TriggerStatus.FIRED:
            rule = compiled.rule
            asks = () if view is None else _asks(rule, view)
            if view is None or not asks or not _is_awaited(view):
                insert(
                    firings,
                    Firing(
                        rule.id, rule.priority, compiled.action, compiled.code, rule, rule.action, [report], asks=asks
                    ),
                )
    return firings


def _fall_back(view: View, policy: Policy, phase: Phase) -> Firing | None:
    """Return what the policy wants when a model failed that some rule would have asked; no second offer, though.

    A draft for which the bot sent its own confidence is judged by that.
    """
    lost = failed(view.scores)
    if not lost or (phase is Phase.POST and view.message.confidence is not None):
        return None
    rules = policy.program[phase]
    if not any(rule.heads if view.scores is None else rule.heads.intersection(lost) for rule in rules):
        return None
    action = policy.on_error
    if action is Action.CONTINUE or (action is Action.OFFER and view.before.offer is not None):
        return None
    return Firing(ON_ERROR, -1, action, ReasonCode.ERROR, None, None, [])


def failed(scores: Scores | None) -> tuple[str, ...]:
    """Return the names of the scores that failed; all of them are one word."""
    if scores is None:
        return ("scores",)
    return tuple(head for head, status in scores.status.items() if status is ScoreStatus.FAILED)
