"""ScaiBot's rules -> a policy document.

A rule has a trigger, an action and a message. Rules of higher priority come first, ties in the order of the text. ScaiBot never
offers a person, and a model that fails changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from models.errors import PolicyError
from models.policy.compat.fields import Fields, Imported, Notes, said, warn_of_secret, warn_of_secret_headers
from models.policy.compat.literal import literals
from models.policy.handoff import EmailAction, QueueAction, SlackAction, WebhookAction
from models.policy.triggers.check import Part
from models.policy.triggers.confidence import Confidence
from models.policy.triggers.keyword import Keyword
from models.policy.triggers.labels import Intent
from models.policy.triggers.sentiment import Sentiment, Window

SOURCE: Final = "scaibot"
SIGNATURE_HEADER: Final = "X-ScaiBot-Signature"
# what its documents show; taken where a rule doesn't say
INTENT_THRESHOLD: Final = 0.7
SENTIMENT_BELOW: Final = -0.6
WINDOW_MESSAGES: Final = 3
CONFIDENCE_THRESHOLD: Final = 0.5
LOW_TURNS: Final = 2
# ScaiBot has none; the default policy's
EXPLICIT_THRESHOLD: Final = 0.6

MATCHES: Final = {"substring": "contains", "regex": "regex"}
EMAIL: Final = {"to": "to"}
WEBHOOK: Final = {"url": "url", "headers": "headers", "signing_secret": "signing_secret"}
SLACK: Final = {"webhook_url": "webhook_url", "channel_override": "channel_override"}
QUEUE: Final = {"topic": "topic", "priority": "priority"}

_VARIABLE: Final = re.compile(r"(?<!\{)\{([A-Za-z_][A-Za-z0-9_.]*)\}(?!\})")
_NO_ID: Final = re.compile(r"[^A-Za-z0-9_.:-]+")


def import_scaibot(text: str, name: str = SOURCE, *, known: Collection[str] = ()) -> Imported:
    """Read rules: one, several one after the other, a list, or ``{"rules": [...]}``.

    A trigger without an action has the policy's; an action without a trigger is the policy's.

    Args:
        text: JSON, or a literal in JavaScript.
        name: of the policy.
        known: labels that the bundle was trained on; every other intent becomes a label of the policy's own.

    Raises:
        PolicyError: there are no rules in the text, or a value is of a wrong type or out of range; names it.
    """
    notes = Notes(SOURCE)
    return read_rules(_blocks(text, notes), name, notes, known)


def read_rules(blocks: Iterable[Fields], name: str, notes: Notes, known: Collection[str]) -> Imported:
    """Read rules that were found already.

    Raises:
        PolicyError: as ``import_scaibot``.
    """
    labels: dict[str, Any] = {}
    rules: list[dict[str, Any]] = []
    action: dict[str, Any] = {}
    for fields in blocks:
        rule = _rule(fields, labels, known)
        if "when" in rule:
            rules.append(rule)
        elif rule:
            action = _lone_action(rule["action"], fields, action)
        fields.finish()
    _finish(rules, notes)
    return notes.imported({"name": name, "on_error": "continue", **said(action=action, labels=labels), "rules": rules})


def _blocks(text: str, notes: Notes) -> Iterator[Fields]:
    """Yield the rules of a text."""
    found = literals(text, SOURCE)
    if not found:
        raise PolicyError(f"{SOURCE}: found no rules; expected an object with `trigger_type`, or a list of them")
    number = 0
    for literal in found:
        value = literal.value()
        if isinstance(value, dict) and "rules" in value:
            around = Fields(value, "", notes)
            yield from around.parts("rules")
            around.finish()
            continue
        for block in value if isinstance(value, list) else [value]:
            fields = Fields(block if isinstance(block, dict) else {}, f"rules[{number}]", notes)
            number += 1
            if isinstance(block, dict):
                yield fields
            else:
                fields.refuse(f"found {block!r:.80}; expected an object with `trigger_type`")


def _rule(fields: Fields, labels: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Read one rule; without ``when`` if it has no trigger."""
    kind = fields.choice("trigger_type", _TRIGGERS)
    action = said(action=_action(fields))
    if kind is None:
        if not action:
            fields.refuse("neither trigger nor action; expected `trigger_type`, `action_type` or both")
        return action
    config = fields.part("trigger_config") or Fields({}, fields.at("trigger_config"), fields.notes)
    when = _TRIGGERS[kind](config)
    config.finish()
    if kind == "intent":
        _bring_labels(config, labels, known)
    id_, name = fields.raw("id"), fields.text("name")
    written = str(id_) if isinstance(id_, str | int) else name or kind
    rule_id = _NO_ID.sub("_", written).lstrip("_.:-")[:60] or kind
    return {
        "id": rule_id,
        **said(note=name if name != rule_id else None),
        **({} if fields.flag("enabled", absent=True) else {"enabled": False}),
        **_priority(fields),
        "when": when,
        "then": "escalate",
        **said(message=fields.text("message")),
        **action,
    }


def _priority(fields: Fields) -> dict[str, Any]:
    value = fields.raw("priority")
    if value is None:
        return {}
    if not isinstance(value, int) or not 0 <= value <= 1000:
        fields.refuse(f"found {value!r:.80}; expected a whole number from 0 to 1000, the highest first", "priority")
    return {"priority": value}


def _finish(rules: list[dict[str, Any]], notes: Notes) -> None:
    """Give every rule an id of its own, and say what becomes of those without a priority among others."""
    taken = {"on_error"}
    for rule in rules:
        number, own = 2, rule["id"]
        while rule["id"] in taken:
            rule["id"] = f"{own}_{number}"
            number += 1
        taken.add(rule["id"])
    without = [rule["id"] for rule in rules if "priority" not in rule]
    if without and len(without) < len(rules):
        notes.warnings.append(f"rules {', '.join(without)}: no priority, so it is 500")


def _taken(fields: Fields, name: str, value: float) -> float:
    """Return a value that a rule doesn't say, and warn."""
    if fields.raw(name) is None:
        fields.warn(f"missing; {value}, as in ScaiBot's documents, is taken", name)
    return value


def _keyword(fields: Fields) -> dict[str, Any]:
    match = fields.choice("match_mode", MATCHES) or "substring"
    return {"keyword": fields.renamed({"keywords": "terms"}, Keyword, match=MATCHES[match])}


def _explicit(_: Fields) -> dict[str, Any]:
    return {"explicit": {"threshold": EXPLICIT_THRESHOLD}}


def _intent(fields: Fields) -> dict[str, Any]:
    threshold = _taken(fields, "threshold", INTENT_THRESHOLD)
    return {"intent": fields.renamed({"intents": "labels", "threshold": "threshold"}, Intent, threshold=threshold)}


def _sentiment(fields: Fields) -> dict[str, Any]:
    below, messages = _taken(fields, "threshold", SENTIMENT_BELOW), _taken(fields, "window_messages", WINDOW_MESSAGES)
    if fields.raw("window_messages") == 1:
        return {"sentiment": fields.renamed({"threshold": "below"}, Sentiment, below=below)}
    names = {"threshold": "below", "window_messages": "messages"}
    return {"sentiment": {"window": fields.renamed(names, Window, below=below, messages=messages)}}


def _confidence(fields: Fields) -> dict[str, Any]:
    threshold = _taken(fields, "threshold", CONFIDENCE_THRESHOLD)
    turns = _taken(fields, "consecutive_low_turns", LOW_TURNS)
    names = {"threshold": "threshold", "consecutive_low_turns": "consecutive_low_turns"}
    return {"confidence": fields.renamed(names, Confidence, threshold=threshold, consecutive_low_turns=turns)}


_TRIGGERS: Final[Mapping[str, Callable[[Fields], dict[str, Any]]]] = {
    "keyword": _keyword,
    "explicit": _explicit,
    "intent": _intent,
    "sentiment": _sentiment,
    "confidence": _confidence,
}


def _bring_labels(fields: Fields, labels: dict[str, Any], known: Collection[str]) -> None:
    """Describe the intents that no bundle knows, by their names."""
    intents = fields.raw("intents")
    for label in intents if isinstance(intents, list) else ():
        if not isinstance(label, str) or label in known or label in labels:
            continue
        labels[label] = {"description": description(label)}
        fields.warn(
            f"the label {label!r} is described as {labels[label]['description']!r}, and by that alone may not reach its "
            "threshold; a few messages that mean it, as `examples`, would make it better",
            "intents",
        )


def description(label: str) -> str:
    """Return what a label means, as far as its name tells: ``buying-intent`` is "The customer has a buying intent"."""
    words = " ".join(re.split(r"[\s_-]+", label.strip()))
    article = "an" if words[:1].lower() in "aeiou" else "a"
    return f"The customer has {article} {words}"


def _action(fields: Fields) -> dict[str, Any]:
    kind = fields.choice("action_type", _ACTIONS)
    config = fields.part("action_config") if kind else None
    if kind is None:
        return {}
    if config is None:
        fields.refuse("a field is missing; add it", "action_config")
        return {}
    type_, names, part = _ACTIONS[kind]
    also: dict[str, Any] = {"type": type_}
    subject = config.text("subject_template") if kind == "email" else None
    if subject is not None:
        also["subject_template"] = _VARIABLE.sub(r"{{\1}}", subject)
    if kind == "webhook" and config.raw("signing_secret") is not None:
        also["signature_header"] = SIGNATURE_HEADER
    action = config.renamed(names, part, **also)
    for secret in ("signing_secret", "webhook_url"):
        warn_of_secret(config, secret, action.get(secret))
    warn_of_secret_headers(config, action.get("headers"))
    config.finish()
    return action


_ACTIONS: Final[Mapping[str, tuple[str, Mapping[str, str], type[Part]]]] = {
    "email": ("email", EMAIL, EmailAction),
    "webhook": ("webhook", WEBHOOK, WebhookAction),
    "slack": ("slack", SLACK, SlackAction),
    "scaiqueue": ("queue", QUEUE, QueueAction),
}


def _lone_action(action: dict[str, Any], fields: Fields, known: dict[str, Any]) -> dict[str, Any]:
    """Return the policy's action: the first that stands without a trigger."""
    if known:
        fields.warn("another action without a trigger; the policy has one, so this is left out")
        return known
    fields.warn("an action without a trigger; it is taken for every rule that has none of its own")
    return action
