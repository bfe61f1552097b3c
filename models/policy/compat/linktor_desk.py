"""Linktor's actions, routing, priorities, SLA and takeover -> ours."""

from __future__ import annotations

from typing import Any, Final

from models.policy.compat.fields import Fields, said, warn_of_secret_headers
from models.policy.compat.linktor_names import (
    ASSIGNMENT,
    ASSIST_MODE,
    CALLBACK,
    CLOCK,
    CONDITIONS,
    INBOX,
    RETURN,
    SKILLS,
    WEBHOOK,
)
from models.policy.desk import Above, Below, ReturnToBot, Skills, Takeover, TakeoverAssist
from models.policy.handoff import AgentAction, Assignment, CallbackAction, InboxAction, WebhookAction
from models.policy.sla import HighClock, LowClock, NormalClock, UrgentClock

_CLOCKS: Final = {"urgent": UrgentClock, "high": HighClock, "normal": NormalClock, "low": LowClock}


def read_action(fields: Fields) -> dict[str, Any]:
    """Read an action; its own fields stand in an object of their own, or beside ``type`` as in the rules of routing."""
    if fields.raw("type") is None:
        fields.refuse("a field is missing; add it", "type")
    match fields.choice("type", ("inbox", "agent", "webhook", "callback")):
        case "inbox":
            action = fields.renamed(INBOX, InboxAction, type="inbox")
        case "agent":
            inner = fields.part("assignment") or fields
            assignment = inner.renamed(ASSIGNMENT, Assignment)
            _finish_inner(inner, fields)
            action = fields.renamed({"priority": "priority", "tags": "tags"}, AgentAction, type="agent")
            action["assignment"] = assignment
        case "webhook":
            inner = fields.part("webhook") or fields
            action = inner.renamed(WEBHOOK, WebhookAction, type="webhook")
            warn_of_secret_headers(inner, action.get("headers"))
            _finish_inner(inner, fields)
        case "callback":
            inner = fields.part("callback") or fields
            action = inner.renamed(CALLBACK, CallbackAction, type="callback")
            _finish_inner(inner, fields)
        case _:
            return {}
    fields.finish()
    return action


def _finish_inner(inner: Fields, fields: Fields) -> None:
    if inner is not fields:
        inner.finish()


def read_routing(fields: Fields | None, own: dict[str, Any] | None) -> dict[str, Any]:
    """Read the rules of routing; the one without conditions is the default, and ``own`` where there is none."""
    if fields is None:
        return {}
    rules: list[dict[str, Any]] = []
    default: dict[str, Any] | None = None
    for entry in fields.parts("rules"):
        conditions, action = entry.part("conditions"), entry.part("action")
        entry.finish()
        if conditions is None or action is None:
            entry.refuse("no conditions or no action; expected both, `conditions: {}` for the default")
        elif default is not None:
            entry.warn("stands after the rule without conditions, so it could never apply; left out")
        elif conditions.data:
            rules.append({"when": _some(conditions, _when(conditions)), "action": read_action(action)})
        else:
            default = read_action(action)
    if rules and default is None:
        fields.warn("no rule without conditions; where none holds, the policy's own action is taken", "rules")
        default = own or {"type": "inbox"}
    skills = fields.part("skillsMatching")
    fields.finish()
    routing = said(rules=rules, default=default)
    if skills is not None:
        routing["skills"] = skills.renamed(SKILLS, Skills)
        skills.finish()
    return routing


def _when(fields: Fields) -> dict[str, Any]:
    """Read conditions. One that nobody documents is of the customer: without it, the rule would hold too often."""
    when: dict[str, Any] = {}
    for name in fields.data:
        if name in fields.asked:
            continue
        value = fields.raw(name)
        if name not in CONDITIONS:
            fields.warn(f"taken for customer.{name}", name)
        if not _is_plain(value) and not (isinstance(value, list) and value and all(map(_is_plain, value))):
            fields.refuse("expected a text, a number, true or false, or a list of them", name)
        when[CONDITIONS.get(name, f"customer.{name}")] = value
    return when


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def read_priority(fields: Fields | None) -> dict[str, Any]:
    """Read the rules of priority; the first default ends them, and without one it is ``normal``."""
    if fields is None:
        return {}
    rules: list[dict[str, Any]] = []
    default: str | None = None
    for entry in fields.parts("rules"):
        condition = entry.part("condition")
        priority = entry.choice("priority", _CLOCKS)
        is_default = entry.flag("default", absent=False)
        entry.finish()
        if default is not None:
            entry.warn("stands after the default, so it could never apply; left out")
        elif priority is None or (condition is None) != is_default:
            entry.refuse("expected `condition` or `default: true`, and a priority")
        elif condition is None:
            default = priority
        else:
            rules.append({"when": _priority_when(condition), "priority": priority})
    fields.finish()
    if rules and default is None:
        fields.warn("no default; where no rule holds the priority is normal", "rules")
    return said(rules=rules, default=default)


def _priority_when(fields: Fields) -> dict[str, Any]:
    """Read conditions, of which two are comparisons: ``sentiment: {lt}``, ``waitTime: {gt}``."""
    sentiment, wait = fields.part("sentiment"), fields.part("waitTime")
    when: dict[str, Any] = {}
    if sentiment is not None:
        when["sentiment"] = sentiment.renamed({"lt": "below"}, Below)
        sentiment.finish()
    if wait is not None:
        when["wait_seconds"] = wait.renamed({"gt": "above"}, Above)
        wait.finish()
    return _some(fields, {**_when(fields), **when})


def _some(fields: Fields, when: dict[str, Any]) -> dict[str, Any]:
    """Refuse conditions of which none says anything; a rule without any is another thing, the default."""
    if not when:
        fields.refuse("no condition; add one, or remove the rule")
    return when


def read_sla(fields: Fields | None) -> dict[str, Any]:
    """Read the times of each priority, in seconds."""
    if fields is None:
        return {}
    sla: dict[str, Any] = {}
    for level, part in _CLOCKS.items():
        clock = fields.part(level)
        if clock is not None:
            sla[level] = clock.renamed(CLOCK, part)
            clock.finish()
    fields.finish()
    return sla


def read_takeover(fields: Fields | None) -> dict[str, Any]:
    """Read what the bot does while a person has the conversation, and when it gets it back."""
    if fields is None:
        return {}
    takeover = fields.renamed({"botBehavior": "bot_behavior"}, Takeover)
    assist, back = fields.part("assistMode"), fields.part("returnToBot")
    fields.finish()
    if assist is not None:
        takeover["assist"] = assist.renamed(ASSIST_MODE, TakeoverAssist)
        assist.finish()
    if back is not None:
        takeover["return_to_bot"] = back.renamed(RETURN, ReturnToBot)
        back.finish()
    return takeover
