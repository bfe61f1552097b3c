"""decide(): the rules by priority -> a decision with every trigger's report, and the next state. Pure: no clock, no I/O.

The first firing rule, by priority, decides; the others are evaluated and reported all the same, unless the policy is *lazy*.
Four things can hold a firing rule back: a person has the conversation or is about to (*suppressed*); the rule would offer and
this epoch has had its offer (it *yields* to the next firing rule); its timing lets it wait; a rule of higher priority decided.

An offer is asked at most once per epoch. The customer's next message answers it: yes escalates in the name of the offering
rule and at its priority, no is remembered as declined, anything else lets it lapse. Likewise a rule that first asks for
something (``collect``) escalates on the customer's next message, unless that says that the matter is settled, and one that
has waited for its time does, at their own priorities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from models.contracts import (
    Action,
    Decision,
    Message,
    Phase,
    Reason,
    ReasonCode,
    Role,
    Scores,
    Suppression,
    TriggerReport,
)
from models.policy.explain import find_flips
from models.policy.handoff import CallbackAction
from models.policy.judge import (
    Firing,
    Verdict,
    answer_due,
    answered,
    choose,
    failed,
    insert,
    judge,
    needed_later,
    skipped,
    waited,
)
from models.policy.schema import Policy
from models.policy.state import Armed, Collecting, ConversationState, Offer, advance
from models.policy.timing import due_at, later
from models.policy.triggers.view import View
from models.policy.wording import pick, sentence
from models.text import fold

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
    phase = _phase(turn)
    view = _view(turn, state)
    verdict = judge(view, policy, phase)
    suppressed = _SUPPRESSIONS.get(state.control)
    decider = None if suppressed else verdict.decider
    text = None if decider is None else _text(decider, _languages(view, policy), policy)
    changes = _remember(view.after, verdict, suppressed=suppressed is not None)
    if decider is not None:
        changes |= _act(decider, changes.get("armed", view.after.armed), turn.message.at)
    if text is not None:
        changes |= {"last_bot_text": text, "last_bot_dialogue": ()}
    after = replace(view.after, **changes) if changes else view.after
    reasons = tuple(_reason(firing, policy) for firing in verdict.firings)
    decision = Decision(
        phase=phase,
        decision=Action.CONTINUE if suppressed else verdict.action,
        reason=None if decider is None else reasons[verdict.firings.index(decider)],
        reasons=reasons,
        text=text,
        action=_handoff(decider, policy),
        also=_also(decider),
        collect=() if decider is None else decider.asks,
        recheck_at=recheck_at(after, policy, turn.message.at),
        suppressed=suppressed,
        degraded=failed(turn.scores),
        triggers=tuple(verdict.reports),
        would_flip_if=find_flips(view, policy, phase, verdict) if explain and not suppressed else (),
        policy=policy.label,
    )
    return Outcome(decision, after)


def lacking(turn: Turn, state: ConversationState, policy: Policy) -> frozenset[str]:
    """Return the scores, of those that were skipped, that a lazy policy needs before it can decide; none if it can.

    With all of them the decision is the one that ``evaluation: full`` takes, on what is remembered; where no rule decides,
    the scores that rules look at later are wanted too. A model that wasn't asked can't fail, so ``on_error`` is for those
    that were.
    """
    if turn.message.role is Role.AGENT:
        return frozenset()
    if state.control != "bot":
        return skipped(turn.scores)  # nothing is decided, but what is said to a person is scored all the same
    phase = _phase(turn)
    verdict = judge(_view(turn, state), policy, phase, stops=True)
    return verdict.lacks or needed_later(verdict, policy, phase) & skipped(turn.scores)


def recheck_at(state: ConversationState, policy: Policy, now: datetime | None = None) -> datetime | None:
    """Return the earliest time at which a rule that waits, or has asked, will act if nothing is said; ``None`` if none will.

    ``recheck`` acts from that very instant on. What is due ``now`` already, but stood back behind an offer, gives the customer
    the policy's ``answer_seconds`` to answer it.
    """
    if (not state.armed and state.collecting is None) or state.control != "bot" or not policy.enabled:
        return None
    times = [] if state.collecting is None else [answer_due(state.collecting, policy)]
    for item in state.armed:
        rule = policy.by_id.get(item.rule_id)
        if rule is None or not rule.enabled or rule.timing.mode != "after_wait":
            continue  # it waits no longer
        if rule.then == "escalate" or state.offer is None:
            times.append(due_at(rule, item))
    if now is not None:
        answered_by = later(now, timedelta(seconds=policy.answer_seconds))
        times = [answered_by if due <= now else due for due in times]
    return min(times, default=None)


def recheck(state: ConversationState, policy: Policy, now: datetime, *, language: str | None = None) -> Outcome | None:
    """Decide without a message, because a rule has waited for long enough, or its question for an answer; else ``None``.

    Args:
        state: the conversation.
        policy: the rules.
        now: the clock, aware.
        language: the customer's, as ISO 639-1, for the text.
    """
    if state.control != "bot":
        return None
    reports: list[TriggerReport] = []
    firings = waited(state, policy, now, reports)
    if state.collecting is not None and policy.enabled and now >= answer_due(state.collecting, policy):
        insert(firings, answered(state.collecting, policy, reports))
    decider = choose(firings, state.offer)
    if decider is None:
        return None
    text = _text(decider, (language, policy.locale), policy)
    after = replace(state, last_bot_text=text, last_bot_dialogue=(), **_act(decider, state.armed, now))
    decision = Decision(
        phase=Phase.PRE,
        decision=decider.action,
        reason=_reason(decider, policy),
        reasons=tuple(_reason(firing, policy) for firing in firings),
        text=text,
        action=_handoff(decider, policy),
        also=_also(decider),
        recheck_at=recheck_at(after, policy, now),
        triggers=tuple(reports),
        policy=policy.label,
    )
    return Outcome(decision, after)


def _phase(turn: Turn) -> Phase:
    return Phase.POST if turn.message.role is Role.BOT else Phase.PRE


def _view(turn: Turn, state: ConversationState) -> View:
    folded = fold(turn.message.text) if turn.message.role is Role.CUSTOMER else None
    return View(
        turn.message,
        turn.scores,
        before=state,
        after=advance(state, turn.message, turn.scores, folded=folded),
        customer=turn.customer,
        channel=turn.channel,
        context=turn.context,
        folded=folded,
    )


def _remember(after: ConversationState, verdict: Verdict, *, suppressed: bool) -> dict[str, Any]:
    """Return what a verdict changes in the state: rules that held, the offer, what waits."""
    changes: dict[str, Any] = {}
    if verdict.held or verdict.firings:
        held = [*verdict.held, *(firing.rule_id for firing in verdict.firings)]
        new = [name for name in dict.fromkeys(held) if name not in after.fired]
        if new:
            changes["fired"] = (*after.fired, *new)
    if suppressed:
        return changes
    if verdict.answer is not None and after.offer is not None:
        changes["offer"] = replace(after.offer, status=verdict.answer.outcome)
    if verdict.settled is not None:
        changes["armed"] = ()
    elif verdict.arms:
        changes["armed"] = (*after.armed, *verdict.arms)
    if verdict.withdrawn:
        changes["collecting"] = None
    return changes


def _act(decider: Firing, armed: tuple[Armed, ...], now: datetime) -> dict[str, Any]:
    """Return what a decision changes in the state: the offer, what was asked for, who is in charge."""
    rest = tuple(item for item in armed if item.rule_id != decider.rule_id)
    if decider.asks:
        return {"collecting": Collecting(decider.rule_id, decider.code, now), "armed": rest}
    if decider.action is Action.OFFER:
        return {"offer": Offer("pending", decider.rule_id, decider.code), "armed": rest}
    return {"control": "pending_handoff", "armed": (), "collecting": None}


def _reason(firing: Firing, policy: Policy) -> Reason:
    code = ReasonCode.MISSING_INFORMATION if firing.asks else firing.code
    said = sentence(code, firing.by, policy.locale, policy.labels) if firing.said is None else firing.said
    return Reason(code=code, rule_id=firing.rule_id, sentence=said)


def _languages(view: View, policy: Policy) -> tuple[str | None, ...]:
    own = view.customer.get("language")
    return own if isinstance(own, str) else None, view.language, policy.locale


def _text(decider: Firing, languages: tuple[str | None, ...], policy: Policy) -> str:
    texts, rule = policy.messages, decider.rule
    if decider.asks:
        return pick(None, texts.collecting_info, languages)
    if rule is not None and decider.handoff is rule.timing.callback:
        return pick(rule.timing.callback.confirmation_message, texts.callback, languages)
    # a rule that escalates, but offers because the queue is long, has written what is read on escalating; one whose offer was
    # accepted has written the offer
    own = rule.message if rule is not None and rule.then == decider.action.value else None
    action = decider.handoff or policy.action
    if decider.action is Action.ESCALATE and isinstance(action, CallbackAction):
        return pick(own, action.confirmation_message or texts.callback, languages)
    return pick(own, texts.offer if decider.action is Action.OFFER else texts.escalate, languages)


def _handoff(decider: Firing | None, policy: Policy) -> dict[str, Any] | None:
    if decider is None or decider.asks or decider.action is not Action.ESCALATE:
        return None
    return (decider.handoff or policy.action).shown()


def _also(decider: Firing | None) -> tuple[dict[str, Any], ...]:
    if decider is None or decider.asks or decider.rule is None or decider.action is not Action.ESCALATE:
        return ()
    return tuple(action.shown() for action in decider.rule.also)
