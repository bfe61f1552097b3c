"""When a rule that holds takes effect: at once, after a wait, or as the queue allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models.contracts import Action, Role, TriggerReport, TriggerStatus
from models.policy.handoff import HandoffAction
from models.policy.questions import best_intent
from models.policy.rules import Rule
from models.policy.schema import Policy
from models.policy.state import Armed
from models.policy.triggers.check import above, at_least
from models.policy.triggers.view import View

AFTER_WAIT = "timing.after_wait"
SLA_AWARE = "timing.sla_aware"

# an estimate beyond a year is as good as never, and a finite number in every answer
_LONGEST = 366 * 86400


class Way(NamedTuple):
    """What a rule does, given the queue: its action towards the bot, and the handoff's own."""

    action: Action
    handoff: HandoffAction | None
    report: TriggerReport


def due_at(rule: Rule, armed: Armed) -> datetime:
    """Return when a rule that waits has waited for its ``wait_seconds``."""
    return later(armed.since, _wait(rule))


def later(since: datetime, wait: timedelta) -> datetime:
    """Return the instant after a wait; the last one that there is where the calendar ends before."""
    try:
        return since + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=since.tzinfo)


def look_at_clock(rule: Rule, armed: Armed, now: datetime) -> TriggerReport:
    """Report whether a rule that waits has waited for its ``wait_seconds``."""
    waited = max(0.0, (now - armed.since).total_seconds())
    evidence = {"since": armed.since.isoformat(), "message_id": armed.message_id}
    return at_least(AFTER_WAIT, rule.id, waited, _wait(rule).total_seconds(), evidence)


def _wait(rule: Rule) -> timedelta:
    return timedelta(seconds=rule.timing.wait_seconds or 0.0)


def disarmed(rule: Rule, armed: Armed, by: str) -> TriggerReport:
    """Report a rule that waits no longer, since a message settled the matter."""
    evidence = {"since": armed.since.isoformat(), "disarmed_by": by}
    return TriggerReport(AFTER_WAIT, rule.id, TriggerStatus.EVALUATED, evidence=evidence)


def settled_by(view: View, policy: Policy) -> str | None:
    """Return the label by which the customer says that the matter is settled, ``None`` if no such label is sure enough.

    An intent counts where it is the best one: who says thanks while telling a number has settled nothing.
    """
    if view.message.role is not Role.CUSTOMER:
        return None
    best = best_intent(view.scores)
    if best is not None and best[0] in policy.resolution.intents and best[1] >= policy.resolution.threshold:
        return best[0]
    return resolved_by(view, policy)


def resolved_by(view: View, policy: Policy) -> str | None:
    """Return the dialogue label by which the customer says that the matter is settled; thanks alone don't say that."""
    known = view.known("dialogue") or {}
    settings = policy.resolution
    return next((label for label in settings.dialogue if known.get(label, 0.0) >= settings.threshold), None)


def choose_way(rule: Rule, view: View, policy: Policy) -> Way:
    """Choose between handoff, call back and offer by the queue, for a rule with the timing ``sla_aware``.

    The wait is compared with the first response that the SLA promises at the handoff's priority. A queue that the caller says
    nothing of is taken for one that answers in time.
    """
    timing = rule.timing
    priority = getattr(rule.action or policy.action, "priority", None)
    if priority not in type(policy.sla).model_fields:
        priority = policy.priority.default
    target = float(getattr(policy.sla, str(priority)).first_response_seconds)
    wait, is_open = _queue(view.context)
    evidence: dict[str, Any] = {"priority": priority}
    chosen = "escalate"
    if is_open is False:
        chosen = timing.when_closed
        evidence["open"] = False
    elif wait is not None and wait > target:
        chosen = timing.when_late
    evidence["chosen"] = chosen
    if wait is None:
        report = TriggerReport(SLA_AWARE, rule.id, TriggerStatus.NOT_AVAILABLE, None, ">", target, None, evidence)
    else:
        report = above(SLA_AWARE, rule.id, wait, target, evidence)
    if chosen == "offer":
        return Way(Action.OFFER, rule.action, report)
    return Way(Action.ESCALATE, timing.callback if chosen == "callback" else rule.action, report)


def _queue(context: Mapping[str, Any]) -> tuple[float | None, bool | None]:
    """Return the estimated wait in seconds and whether anybody works, as far as the caller says so."""
    queue = context.get("queue")
    if not isinstance(queue, Mapping):
        return None, None
    wait, is_open = queue.get("wait_seconds"), queue.get("open")
    if not isinstance(wait, int | float) or isinstance(wait, bool) or not wait >= 0:  # not a number is no wait either
        wait = None
    return None if wait is None else float(min(wait, _LONGEST)), is_open if isinstance(is_open, bool) else None
