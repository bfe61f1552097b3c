"""Labels that nobody scores, and labels that nobody asks for."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from models.policy.linting.findings import Facts, Finding
from models.policy.schema import Policy
from models.policy.triggers.combine import Condition

# as many as the model card measures beside one and ten
GOOD_EXAMPLES: Final = 5
# scores that a bundle may lack; the answer's confidence may also be the bot's own number
_OPTIONAL: Final = {"risk": "risk", "guideline": "custom"}


def find_unknown_labels(policy: Policy, facts: Facts) -> Iterator[Finding]:
    """Yield the labels that neither the bundle nor the policy knows, and scores that the bundle doesn't have."""
    for rule in (rule for rule in policy.rules if rule.enabled):
        for part in rule.when.parts():
            for kind, labels in _named(part):
                for label in labels:
                    problem = _unknown(kind, label, policy, facts)
                    if problem is not None:
                        yield Finding("unknown_label", "error", rule.id, f"{problem}; the trigger never fires on it")
            for trigger, score in _OPTIONAL.items():
                if getattr(part, trigger) is not None and score not in facts.scores:
                    message = (
                        f"`{trigger}` waits for a score that the bundle {facts.name} doesn't have, so it never fires; "
                        "remove the trigger, or use a bundle that has the score"
                    )
                    yield Finding("no_score", "warning", rule.id, message)
    yield from _hidden(policy, facts)
    if policy.labels and "custom" not in facts.scores:
        message = f"the bundle {facts.name} can't score labels of the policy's own (`labels`); use one that can"
        yield Finding("no_score", "warning", None, message)
    yield from _unknown_settings(policy, facts)


def _hidden(policy: Policy, facts: Facts) -> Iterator[Finding]:
    """Yield the policy's own labels that hide one that the bundle was trained on."""
    for label in policy.labels:
        if label in facts.intents:
            message = (
                f"the label {label!r} is described here, and the bundle {facts.name} was trained on one of that name: the "
                "description hides it"
            )
            yield Finding("hidden_label", "warning", None, f"{message}; remove it from `labels`, or rename it")


def find_unused_labels(policy: Policy) -> Iterator[Finding]:
    """Yield the policy's own labels that no rule names."""
    named = (labels for rule in policy.rules for part in rule.when.parts() for _, labels in _named(part))
    used = {label for labels in named for label in labels}
    for label in policy.labels:
        if label not in used:
            message = (
                f"the label {label!r} is described and no rule names it: every message is compared with it in vain"
            )
            yield Finding("unused_label", "advice", None, f"{message}; remove it, or name it in a rule")


def find_thin_labels(policy: Policy) -> Iterator[Finding]:
    """Yield the policy's own labels that have few examples: those in the customers' own words count most."""
    for label, settings in policy.labels.items():
        if len(settings.examples) < GOOD_EXAMPLES:
            told = f"{len(settings.examples)} examples" if settings.examples else "a description alone"
            message = f"the label {label!r} has {told}; with {GOOD_EXAMPLES} messages of your customers it is found far better"
            yield Finding("thin_label", "advice", None, f"{message}; add some to `examples`")


def _named(part: Condition) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the kinds of labels that a trigger names, with the labels."""
    if part.intent is not None:
        yield "intent", part.intent.labels
    if part.topic is not None and part.topic.use_model:
        yield "topic", part.topic.labels
    if part.dialogue is not None:
        yield "dialogue", part.dialogue.labels
    if part.turn is not None and part.turn.after_bot is not None:
        yield "dialogue", part.turn.after_bot.labels


def _unknown(kind: str, label: str, policy: Policy, facts: Facts) -> str | None:
    """Return what is wrong with a label, ``None`` if nothing is."""
    known = {"intent": facts.intents, "topic": facts.topics, "dialogue": facts.dialogue}[kind]
    own = () if kind == "dialogue" else tuple(policy.labels)
    if label in known or label in own:
        return None
    if kind == "topic" and label in facts.intents:
        return f"{label!r} is an intent of the bundle {facts.name} and no topic; name it in an `intent` trigger"
    near = difflib.get_close_matches(label, [*known, *own], n=1)
    mend = (
        f"did you mean `{near[0]}`?" if near else "mend the name" if kind == "dialogue" else "describe it in `labels`"
    )
    return f"the bundle {facts.name} has no {kind} {label!r}: {mend}"


def _unknown_settings(policy: Policy, facts: Facts) -> Iterator[Finding]:
    """Yield the labels outside the rules that nobody scores."""
    offers = any(rule.then == "offer" for rule in policy.rules)
    for name in ("accept_labels", "decline_labels"):
        labels = getattr(policy.offer, name)
        unknown = [label for label in labels if label not in facts.intents]
        if offers and unknown:
            rest = "" if len(unknown) < len(labels) else "; only the short answers of the phrase lists are understood"
            near = difflib.get_close_matches(unknown[0], facts.intents, n=1)
            mend = f"did you mean `{near[0]}`?" if near else "name an intent of the bundle"
            message = f"`offer.{name}` has {unknown[0]!r}, which is no intent of the bundle {facts.name}{rest}; {mend}"
            yield Finding("unknown_label", "warning", None, message)
    if any(rule.timing.mode == "after_wait" for rule in policy.rules):
        settings = policy.resolution
        for kind, labels, known in (
            ("dialogue label", settings.dialogue, facts.dialogue),
            ("intent", settings.intents, facts.intents),
        ):
            for label in labels:
                if label not in known:
                    message = (
                        f"`resolution` has {label!r}, which is no {kind} of the bundle {facts.name}, so it settles nothing; "
                        "mend the name"
                    )
                    yield Finding("unknown_label", "warning", None, message)
