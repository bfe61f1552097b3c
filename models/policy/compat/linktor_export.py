"""A policy -> Linktor's escalation settings, and what they can't say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from models.policy.compat.fields import Notes, said
from models.policy.compat.linktor import as_term, read_settings
from models.policy.compat.linktor_names import (
    ASSIGNMENT,
    ASSIST_MODE,
    BRIEF,
    CALLBACK,
    CLOCK,
    CONDITIONS,
    FAMILIES,
    FEATURES,
    INBOX,
    KEYWORDS,
    MATCHES,
    MESSAGES,
    NOTIFY,
    REPETITION,
    RETURN,
    SENTIMENT,
    SKILLS,
    SOURCE,
    TIME,
    WEBHOOK,
)
from models.policy.compat.lost import lost, one_text
from models.policy.handoff import PRIORITIES
from models.policy.rules import Rule
from models.policy.schema import Policy
from models.policy.triggers.check import Part

PRODUCT: Final = "Linktor"
_PLAIN: Final = {"inbox": INBOX, "webhook": WEBHOOK, "callback": CALLBACK}


def export_linktor(policy: Policy) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the settings as a JSON object, ``{"escalation": {...}}``, and a warning for all that they can't say.

    Linktor knows one rule of each trigger; of several, the one that is looked at first is exported.
    """
    warnings: list[str] = []
    chosen = _choose(policy, warnings)
    settings = said(
        triggers={FAMILIES[family]: _trigger(rule, family) for family, rule in chosen.items()},
        action=_action(_own(policy, "action"), "action", warnings),
        messages=_messages(policy),
        handoff=_named(_own(policy, "brief"), BRIEF),
        routing=_routing(_own(policy, "routing"), warnings),
        priority=_priority(_own(policy, "priority"), warnings),
        sla={level: _named(clock, CLOCK) for level, clock in _own(policy, "sla").items() if level in PRIORITIES},
        agentTakeover=_takeover(_own(policy, "takeover")),
        agentAssist=_assist(_own(policy, "assist")),
        webhooks=_named(_own(policy, "notify"), NOTIFY),
    )
    again = read_settings(settings, policy.name, Notes(SOURCE)).policy()
    renamed = {rule.id: FAMILIES[family] for family, rule in chosen.items()}
    warnings.extend(lost(policy, again, PRODUCT, renamed, warnings))
    return {"escalation": settings}, tuple(warnings)


def _own(policy: Policy, name: str) -> dict[str, Any]:
    """Return a section of the policy with every value in it; empty if it is the default."""
    section = getattr(policy, name)
    if section is None or section == Policy.model_fields[name].get_default(call_default_factory=True):
        return {}
    data: dict[str, Any] = section.model_dump(mode="json", exclude_none=True)
    return data


def _messages(policy: Policy) -> dict[str, Any]:
    """Return the messages, in the policy's language; what the customer reads with an escalation stands before it."""
    ours = policy.messages.model_dump(mode="json", exclude_defaults=True)
    ours.setdefault("pre_escalation", ours.get("escalate"))
    return said(**{theirs: one_text(ours.get(name), policy.locale) for theirs, name in MESSAGES.items()})


def _named(ours: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: ours[name] for theirs, name in names.items() if name in ours}


def _choose(policy: Policy, warnings: list[str]) -> dict[str, Rule]:
    """Return the rule of each trigger, in the order of the document; name the rules that are none."""
    chosen: dict[str, Rule] = {}
    for rule in sorted(policy.rules, key=lambda rule: -rule.priority):
        family = next((name for name in FAMILIES if getattr(rule.when, name) is not None), None)
        if rule.then != "escalate":
            warnings.append(f"rules.{rule.id}: {PRODUCT} knows no offers; left out")
        elif family is None:
            warnings.append(f"rules.{rule.id}: {PRODUCT} has no such trigger; left out")
        elif family in chosen:
            warnings.append(f"rules.{rule.id}: {PRODUCT} has one trigger of each kind; left out")
        elif not _trigger(rule, family):
            warnings.append(f"rules.{rule.id}: {PRODUCT} can't say its condition; left out")
        else:
            chosen[family] = rule
    places = {rule.id: place for place, rule in enumerate(policy.rules)}
    return dict(sorted(chosen.items(), key=lambda entry: places[entry[1].id]))


def _trigger(rule: Rule, family: str) -> dict[str, Any]:
    """Return a trigger's settings; empty where Linktor has none for its condition."""
    part: Part = getattr(rule.when, family)
    data = part.model_dump(mode="json", exclude_none=True)
    match family:
        case "keyword":
            matches = {ours: theirs for theirs, ours in MATCHES.items()}
            if data["match"] not in matches:
                return {}
            settings = {**_named(data, KEYWORDS), "matchType": matches[data["match"]]}
        case "intent":
            settings = _named(data, {"intents": "labels", "confidenceThreshold": "threshold"})
        case "topic":
            if not data["use_model"] and data["terms"] != [as_term(label) for label in data["labels"]]:
                return {}
            settings = {"escalateTopics": data["labels"], "useAIClassification": data["use_model"]}
        case _:
            names = {"sentiment": SENTIMENT, "repetition": REPETITION, "time": TIME}[family]
            settings = _named(data, names)
            if not settings.keys() - {"includeNeutral"}:
                return {}
            if "consecutiveNegative" not in settings:
                settings.pop("includeNeutral", None)
    return {"enabled": rule.enabled, **settings}


def _action(ours: dict[str, Any], path: str, warnings: list[str]) -> dict[str, Any]:
    """Return an action's settings; empty where Linktor has none for its type."""
    kind = ours.get("type")
    if kind == "agent":
        assignment = _named({**ours["assignment"], "skills": ours["assignment"]["skills"] or None}, ASSIGNMENT)
        settings = said(assignment=said(**assignment), priority=ours.get("priority"), tags=ours["tags"])
    elif kind == "inbox":
        settings = said(**_named(ours, INBOX))
    elif kind in _PLAIN:
        settings = {kind: said(**_named(ours, _PLAIN[kind]))}
    else:
        if kind is not None:
            warnings.append(f"{path}: {PRODUCT} has no action {kind}; left out")
        return {}
    return {"type": kind, **settings}


def _routing(ours: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    rules = []
    for place, rule in enumerate(ours.get("rules", ())):
        path = f"routing.rules[{place}]"
        conditions, action = (
            _conditions(rule["when"], path, warnings),
            _action(rule["action"], f"{path}.action", warnings),
        )
        if conditions and action:
            rules.append({"conditions": conditions, "action": action})
    default = _action(ours.get("default", {}), "routing.default", warnings)
    if default:
        rules.append({"conditions": {}, "action": default})
    return said(rules=rules, skillsMatching=_named(ours.get("skills", {}), SKILLS))


def _priority(ours: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    rules: list[dict[str, Any]] = []
    for place, rule in enumerate(ours.get("rules", ())):
        condition = _conditions(rule["when"], f"priority.rules[{place}]", warnings)
        if condition:
            rules.append({"condition": condition, "priority": rule["priority"]})
    if ours:
        rules.append({"default": True, "priority": ours["default"]})
    return said(rules=rules)


def _conditions(when: dict[str, Any], path: str, warnings: list[str]) -> dict[str, Any]:
    """Return conditions; empty, and named, where Linktor can't say one of them: without it, the rule would hold too often."""
    conditions: dict[str, Any] = {}
    theirs = {ours: name for name, ours in CONDITIONS.items()}
    for name, value in when.items():
        if name in theirs:
            conditions[theirs[name]] = value
        elif name == "sentiment":
            conditions["sentiment"] = {"lt": value["below"]}
        elif name == "wait_seconds":
            conditions["waitTime"] = {"gt": value["above"]}
        elif name.startswith("customer."):
            conditions[name.removeprefix("customer.")] = value
        else:
            warnings.append(f"{path}: {PRODUCT} has no condition {name}; the rule is left out")
            return {}
    return conditions


def _takeover(ours: dict[str, Any]) -> dict[str, Any]:
    if not ours:
        return {}
    return {
        "botBehavior": ours["bot_behavior"],
        "assistMode": _named(ours["assist"], ASSIST_MODE),
        "returnToBot": _named(ours["return_to_bot"], RETURN),
    }


def _assist(ours: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": ours["enabled"], "features": _named(ours, FEATURES)} if ours else {}
