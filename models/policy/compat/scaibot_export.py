"""A policy -> ScaiBot's rules, and what they can't say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from models.policy.compat.fields import Fields, Notes, said
from models.policy.compat.lost import lost, one_text
from models.policy.compat.scaibot import EMAIL, MATCHES, QUEUE, SLACK, SOURCE, WEBHOOK, read_rules
from models.policy.handoff import HandoffAction
from models.policy.rules import Rule
from models.policy.schema import Messages, Policy
from models.policy.templates import variables
from models.policy.triggers.combine import Condition
from models.policy.triggers.sentiment import Sentiment

PRODUCT: Final = "ScaiBot"
_ACTIONS: Final = {
    "email": ("email", EMAIL),
    "webhook": ("webhook", WEBHOOK),
    "slack": ("slack", SLACK),
    "queue": ("scaiqueue", QUEUE),
}
_VARIABLE: Final = re.compile(r"\{\{\s*([A-Za-z0-9_.]+)\s*\}\}")
# those that its documents show
_VARIABLES: Final = ("bot_name", "trigger_name")


def export_scaibot(policy: Policy) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the rules as a JSON object, ``{"rules": [...]}``, and a warning for all that they can't say.

    The policy's own action, if ScaiBot has it, stands among the rules as one without a trigger.
    """
    warnings: list[str] = []
    rules: list[dict[str, Any]] = []
    exported: dict[str, str] = {}
    for rule in policy.rules:
        trigger = _trigger(rule.when)
        if rule.then != "escalate":
            warnings.append(f"rules.{rule.id}: {PRODUCT} knows no offers; left out")
        elif trigger is None:
            warnings.append(f"rules.{rule.id}: {PRODUCT} has no trigger for its condition; left out")
        else:
            exported[rule.id] = rule.id
            rules.append(_rule(rule, trigger, policy, warnings))
    rules.extend(_own_action(policy, warnings))
    trained = {label for rule in policy.rules if rule.when.intent for label in rule.when.intent.labels} - set(
        policy.labels
    )
    notes = Notes(SOURCE)
    blocks = [Fields(rule, f"rules[{place}]", notes) for place, rule in enumerate(rules)]
    again = read_rules(blocks, policy.name, notes, trained).policy()
    warnings.extend(lost(policy, again, PRODUCT, exported, warnings))
    return {"rules": rules}, tuple(warnings)


def _rule(rule: Rule, trigger: dict[str, Any], policy: Policy, warnings: list[str]) -> dict[str, Any]:
    default = policy.messages.escalate
    own = None if default == Messages.model_fields["escalate"].default else default
    has_order = any(one.priority != Rule.model_fields["priority"].default for one in policy.rules)
    return {
        "id": rule.id,
        **said(name=rule.note),
        **({} if rule.enabled else {"enabled": False}),
        **({"priority": rule.priority} if has_order else {}),
        **trigger,
        **said(message=one_text(rule.message or own, policy.locale)),
        **({} if rule.action is None else _action(rule.action, f"rules.{rule.id}.action", warnings)),
    }


def _trigger(when: Condition) -> dict[str, Any] | None:
    """Return the trigger that says a condition, or as much of it as there are words for; ``None`` if there are none."""
    if when.keyword is not None:
        modes = {ours: theirs for theirs, ours in MATCHES.items()}
        mode = modes.get(when.keyword.match)
        return None if mode is None else _config("keyword", keywords=list(when.keyword.terms), match_mode=mode)
    if when.explicit is not None:
        return _config("explicit")
    if when.intent is not None:
        return _config("intent", intents=list(when.intent.labels), threshold=when.intent.threshold)
    if when.sentiment is not None:
        return _sentiment(when.sentiment)
    if when.confidence is not None:
        turns = when.confidence.consecutive_low_turns
        return _config("confidence", threshold=when.confidence.threshold, consecutive_low_turns=turns)
    return None


def _sentiment(sentiment: Sentiment) -> dict[str, Any] | None:
    if sentiment.window is not None:
        return _config("sentiment", threshold=sentiment.window.below, window_messages=sentiment.window.messages)
    if sentiment.below is not None:
        return _config("sentiment", threshold=sentiment.below, window_messages=1)
    return None


def _config(kind: str, **config: Any) -> dict[str, Any]:
    return said(trigger_type=kind, trigger_config=said(**config))


def _own_action(policy: Policy, warnings: list[str]) -> Iterator[dict[str, Any]]:
    if policy.action != Policy.model_fields["action"].default:
        action = _action(policy.action, "action", warnings)
        if action:
            yield action


def _action(action: HandoffAction, path: str, warnings: list[str]) -> dict[str, Any]:
    """Return the action in ScaiBot's words; empty, and named, if it has no such type."""
    if action.type not in _ACTIONS:
        warnings.append(f"{path}: {PRODUCT} has no action {action.type}; left out")
        return {}
    kind, names = _ACTIONS[action.type]
    ours = action.mapping()
    config = {theirs: ours[name] for theirs, name in names.items() if name in ours}
    subject = ours.get("subject_template")
    if subject is not None:
        config["subject_template"] = _VARIABLE.sub(r"{\1}", subject)
        strange = [name for name in variables(subject) if name not in _VARIABLES]
        if strange:
            warnings.append(f"{path}.subject_template: {PRODUCT} may not know {{{strange[0]}}}")
    return {"action_type": kind, "action_config": config}
