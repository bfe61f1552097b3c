"""Linktor's escalation settings -> a policy document.

A Linktor bot never offers a person: every trigger escalates, at equal priority, and a model that fails changes nothing.
Settings may be partial; what is there counts as switched on unless it says ``enabled: false``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from models.errors import PolicyError
from models.policy.compat.fields import Fields, Imported, Notes, said
from models.policy.compat.linktor_desk import read_action, read_priority, read_routing, read_sla, read_takeover
from models.policy.compat.linktor_names import (
    BRIEF,
    FEATURES,
    KEYWORDS,
    MATCHES,
    MESSAGES,
    NOTIFY,
    REPETITION,
    SECTIONS,
    SENTIMENT,
    SOURCE,
    THRESHOLD,
    TIME,
)
from models.policy.compat.literal import literals
from models.policy.desk import Assist, Brief, Notify
from models.policy.schema import Messages
from models.policy.triggers.keyword import Keyword
from models.policy.triggers.labels import Intent, Topic
from models.policy.triggers.repetition import Repetition
from models.policy.triggers.sentiment import Sentiment
from models.policy.triggers.time import Time


def import_linktor(text: str, name: str = SOURCE) -> Imported:
    """Read settings: an object literal, with or without ``escalation`` around it, or code that passes one to a call.

    Several objects in one text are read as one; where two say the same thing differently, the later one holds.

    Args:
        text: JSON, JavaScript or TypeScript.
        name: of the policy.

    Raises:
        PolicyError: there are no settings in the text, or one is of a wrong type or out of range; names it.
    """
    notes = Notes(SOURCE)
    return read_settings(_settings(text, notes), name, notes)


def read_settings(settings: Mapping[str, Any], name: str, notes: Notes) -> Imported:
    """Read what stands inside ``escalation``.

    Raises:
        PolicyError: as ``import_linktor``.
    """
    fields = Fields(settings, "escalation", notes)
    document = said(name=name, on_error="continue")
    action = fields.part("action")
    if action is not None:
        document["action"] = read_action(action)
    document |= said(
        messages=_messages(fields.part("messages")),
        routing=read_routing(fields.part("routing"), document.get("action")),
        priority=read_priority(fields.part("priority")),
        sla=read_sla(fields.part("sla")),
        brief=_section(fields.part("handoff"), BRIEF, Brief),
        takeover=read_takeover(fields.part("agentTakeover")),
        assist=_assist(fields.part("agentAssist")),
        notify=_section(fields.part("webhooks"), NOTIFY, Notify),
    )
    document["rules"] = _rules(fields.part("triggers"))
    fields.finish()
    return notes.imported(document)


def _settings(text: str, notes: Notes) -> dict[str, Any]:
    """Find the settings among the objects of a text."""
    settings: dict[str, Any] = {}
    found = False
    unread: PolicyError | None = None
    for literal in literals(text, SOURCE):
        try:
            value = literal.value()
        except PolicyError as error:
            if "escalation" in literal.text:
                raise
            unread = unread or error
            continue
        if not isinstance(value, dict):
            continue
        around = Fields(value, "", notes)
        if "escalation" in value:
            inner = around.part("escalation")
            around.finish()
            value = inner.data if inner is not None else {}
        elif not any(name in SECTIONS for name in value):
            continue
        found = True
        _merge(settings, value, "escalation", notes)
    if not found:
        raise unread or PolicyError(
            f"{SOURCE}: found no settings; expected an object {{escalation: {{...}}}}, or what stands inside it: "
            f"{', '.join(SECTIONS)}"
        )
    return settings


def _merge(settings: dict[str, Any], more: Mapping[str, Any], path: str, notes: Notes) -> None:
    """Add settings to others. An action is one thing, so another replaces it whole."""
    for name, value in more.items():
        where = f"{path}.{name}"
        known = settings.get(name)
        if isinstance(known, dict) and isinstance(value, dict) and name != "action":
            _merge(known, value, where, notes)
            continue
        if known is not None and known != value:
            notes.warnings.append(f"{where}: stands here twice with different values; the later one holds")
        settings[name] = dict(value) if isinstance(value, dict) else value


def _rules(triggers: Fields | None) -> list[dict[str, Any]]:
    """Return a rule for each trigger, in the order of the settings."""
    rules: list[dict[str, Any]] = []
    if triggers is None:
        return rules
    for name in triggers.data:
        read = _TRIGGERS.get(name)
        trigger = triggers.part(name) if read else None
        if read is None or trigger is None:
            continue
        is_enabled = trigger.flag("enabled", absent=True)
        when = read(trigger)
        trigger.finish()
        if when is None:
            trigger.warn("says nothing to look for, so it is left out")
            continue
        rules.append({"id": name, **({} if is_enabled else {"enabled": False}), "when": when, "then": "escalate"})
    triggers.finish()
    return rules


def _keywords(fields: Fields) -> dict[str, Any] | None:
    match = fields.choice("matchType", MATCHES)
    also = {} if match is None else {"match": MATCHES[match]}
    if not fields.raw("terms"):
        return None
    return {"keyword": fields.renamed(KEYWORDS, Keyword, **also)}


def _intent(fields: Fields) -> dict[str, Any] | None:
    if not fields.raw("intents"):
        return None
    names = {"intents": "labels", "confidenceThreshold": "threshold"}
    return {"intent": fields.renamed(names, Intent, threshold=THRESHOLD)}


def _sentiment(fields: Fields) -> dict[str, Any] | None:
    if fields.raw("threshold") is None and fields.raw("consecutiveNegative") is None:
        return None
    names = dict(SENTIMENT)
    if fields.raw("consecutiveNegative") is None and fields.flag("includeNeutral", absent=False):
        fields.warn("is about consecutiveNegative, which is missing; left out", "includeNeutral")
        del names["includeNeutral"]
    return {"sentiment": fields.renamed(names, Sentiment)}


def _repetition(fields: Fields) -> dict[str, Any] | None:
    if all(fields.raw(name) is None for name in REPETITION):
        return None
    return {"repetition": fields.renamed(REPETITION, Repetition)}


def _topics(fields: Fields) -> dict[str, Any] | None:
    labels = fields.raw("escalateTopics")
    if not labels:
        return None
    if fields.flag("useAIClassification", absent=True):
        return {"topic": fields.renamed({"escalateTopics": "labels"}, Topic, threshold=THRESHOLD)}
    terms = [as_term(str(label)) for label in labels] if isinstance(labels, list) else []
    fields.warn(f"without it these words are looked for: {', '.join(terms)}", "useAIClassification")
    return {"topic": fields.renamed({"escalateTopics": "labels"}, Topic, use_model=False, terms=terms)}


def _time(fields: Fields) -> dict[str, Any] | None:
    if all(fields.raw(name) is None for name in TIME):
        return None
    return {"time": fields.renamed(TIME, Time)}


_TRIGGERS: Final[Mapping[str, Callable[[Fields], dict[str, Any] | None]]] = {
    "keywords": _keywords,
    "intent": _intent,
    "sentiment": _sentiment,
    "repetition": _repetition,
    "topics": _topics,
    "time": _time,
}


def as_term(label: str) -> str:
    """Return the words of a label: ``billing_dispute`` is looked for as "billing dispute"."""
    return " ".join(label.replace("_", " ").replace("-", " ").split())


def _messages(fields: Fields | None) -> dict[str, Any]:
    """Read the messages; what stands before an escalation is what the customer reads with it."""
    messages = _section(fields, MESSAGES, Messages)
    first = messages.get("pre_escalation")
    if fields is not None and isinstance(first, str):
        if "{{" in first:
            fields.warn("has variables, so `escalate`, which is read at once, keeps its own text", "preEscalation")
        else:
            messages["escalate"] = first
    return messages


def _section(fields: Fields | None, names: Mapping[str, str], part: Any) -> dict[str, Any]:
    if fields is None:
        return {}
    section = fields.renamed(names, part)
    fields.finish()
    return section


def _assist(fields: Fields | None) -> dict[str, Any]:
    if fields is None:
        return {}
    enabled = fields.renamed({"enabled": "enabled"}, Assist)
    features = fields.part("features")
    fields.finish()
    return {**enabled, **_section(features, FEATURES, Assist)}
