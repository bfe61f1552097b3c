"""A condition in one line, for people: ``explicit >= 0.6 and channel in web, chat``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from models.policy.triggers.combine import LEAVES, Condition
from models.policy.triggers.context import Context
from models.policy.triggers.keyword import Keyword
from models.policy.triggers.labels import Dialogue, Labelled, Topic
from models.policy.triggers.memory import Memory
from models.policy.triggers.repetition import Repetition
from models.policy.triggers.sentiment import Sentiment
from models.policy.triggers.time import Time

# words of a list that are shown
_SHOWN: Final = 6
_OPERATORS: Final = {
    "equals": "is",
    "in_": "in",
    "not_in": "not in",
    "at_least": ">=",
    "above": ">",
    "at_most": "<=",
    "below": "<",
}


def outline(condition: Condition) -> str:
    """Return what a rule waits for."""
    if condition.not_ is not None:
        return f"not ({outline(condition.not_)})"
    if condition.all is not None:
        return " and ".join(_enclosed(part, part.any) for part in condition.all)
    if condition.any is not None:
        return " or ".join(_enclosed(part, part.all) for part in condition.any)
    name = next(name for name in LEAVES if getattr(condition, name) is not None)
    leaf = getattr(condition, name)
    tell = _LEAVES.get(name)
    return tell(leaf) if tell is not None else f"{name} {leaf}"


def _enclosed(part: Condition, mixed: tuple[Condition, ...] | None) -> str:
    return f"({outline(part)})" if mixed is not None and len(mixed) > 1 else outline(part)


def _listed(words: Iterable[Any]) -> str:
    shown = [str(word) for word in words]
    more = f" … {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _at_least(name: str, threshold: float | None) -> str:
    return f"{name} >= {threshold:g}" if threshold is not None else f"{name} >= the bundle's threshold"


def _keyword(part: Keyword) -> str:
    case = ", case matters" if part.case_sensitive else ""
    guard = ", unless negated" if part.negations else ""
    return f"{part.match.replace('_', ' ')} {_listed(repr(term) for term in part.terms)}{case}{guard}"


def _labelled(name: str) -> Callable[[Labelled], str]:
    def tell(part: Labelled) -> str:
        if not part.thresholds:
            return _at_least(f"{name} {_listed(part.labels)}", part.threshold)
        return " or ".join(
            _at_least(f"{name} {label}", part.thresholds.get(label, part.threshold)) for label in part.labels
        )

    return tell


def _dialogue(part: Dialogue) -> str:
    told = _labelled("dialogue")(part)
    return told if part.times == 1 else f"{told}, in {part.times} messages"


def _topic(part: Topic) -> str:
    told = [_labelled("topic")(part)] if part.use_model else []
    if part.terms is not None:
        told.append(f"word {_listed(repr(term) for term in part.terms)}")
    return " or ".join(told)


def _sentiment(part: Sentiment) -> str:
    told = [] if part.below is None else [f"sentiment < {part.below:g}"]
    if part.streak is not None:
        told.append(f"{part.streak} {'not positive' if part.include_neutral else 'negative'} messages in a row")
    if part.window is not None:
        told.append(f"mean sentiment of {part.window.messages} messages < {part.window.below:g}")
    return " or ".join(told)


def _repetition(part: Repetition) -> str:
    clauses = (
        (part.max_retries, f"the same question {part.max_retries} times"),
        (part.max_fallbacks, f"{part.max_fallbacks} fallbacks"),
        (part.max_loops, f"the same loop {part.max_loops} times"),
    )
    return " or ".join(told for value, told in clauses if value is not None)


def _time(part: Time) -> str:
    clauses = (
        (part.max_duration_seconds, f"longer than {part.max_duration_seconds or 0:.10g} s"),
        (part.max_messages, f"more than {part.max_messages} messages"),
        (part.max_bot_responses, f"{part.max_bot_responses} answers of the bot"),
    )
    return " or ".join(told for value, told in clauses if value is not None)


def _memory(part: Memory) -> str:
    if part.fired is not None:
        return f"{' or '.join(part.fired)} held before"
    if part.after_confidence_below is not None:
        return f"confidence in the last answer < {part.after_confidence_below:g}"
    if part.after_bot is not None:
        return _at_least(f"the bot's last message {_listed(part.after_bot.labels)}", part.after_bot.threshold)
    name = next(name for name in type(part).model_fields if getattr(part, name) is not None)
    return {"after_fallback": "the last answer was a fallback"}.get(name, name.replace("_", " "))


def _context(part: Context) -> str:
    if part.exists is not None:
        return f"{part.field} {'exists' if part.exists else 'is missing'}"
    name = next(name for name in _OPERATORS if getattr(part, name) is not None)
    wanted = getattr(part, name)
    return f"{part.field} {_OPERATORS[name]} {_listed(wanted) if isinstance(wanted, tuple) else wanted}"


_LEAVES: Final[Mapping[str, Callable[[Any], str]]] = {
    "keyword": _keyword,
    "explicit": lambda part: (
        _at_least("explicit", part.threshold) if part.use_model else "an explicit request, by phrases"
    ),
    "intent": _labelled("intent"),
    "topic": _topic,
    "dialogue": _dialogue,
    "sentiment": _sentiment,
    "frustration": lambda part: _at_least("frustration", part.at_least),
    "guideline": lambda part: _at_least(f"guideline “{part.text}”", part.threshold),
    "confidence": lambda part: (
        f"{part.consecutive_low_turns} answers in a row with confidence < {part.threshold:g}"
        if part.consecutive_low_turns > 1
        else f"confidence < {part.threshold:g}"
    ),
    "repetition": _repetition,
    "time": _time,
    "risk": lambda part: _at_least("risk", part.threshold),
    "turn": _memory,
    "context": _context,
}
