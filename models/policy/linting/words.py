"""Terms that will be found in messages of people who mean something else."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from models.contracts import Message, Role, TriggerStatus
from models.policy.linting.findings import Finding
from models.policy.schema import Policy
from models.policy.state import NEW
from models.policy.triggers.check import Bound
from models.policy.triggers.combine import Condition
from models.policy.triggers.keyword import Keyword
from models.policy.triggers.matching import Match
from models.policy.triggers.view import View
from models.text import fold, is_unspaced

# "contains" finds a term this short inside other words more often than on its own
SHORTEST: Final = 3

_FILE: Final = Path(__file__).with_name("innocent.toml")
_EXAMPLES: Final = 3
# keywords look at no clock
_NO_TIME: Final = datetime.min.replace(tzinfo=UTC)
# what a pattern may hold around a plain word
_FRAME: Final = re.compile(r"^\(\?[a-z]+\)|\\b|[\^$]")


def find_innocent_terms(policy: Policy) -> Iterator[Finding]:
    """Yield the terms that misfire, each with phrases on which it does."""
    for rule in (rule for rule in policy.rules if rule.enabled):
        guards = [keyword for part in _negated(rule.when) if (keyword := _keyword(part)) is not None]
        for part in _asserted(rule.when):
            keyword = _keyword(part)
            if keyword is not None:
                for term in keyword.terms:
                    yield from _misfiring(rule.id, keyword, term, guards)


def _misfiring(rule_id: str, keyword: Keyword, term: str, guards: list[Keyword]) -> Iterator[Finding]:
    match = keyword.match
    alone = keyword.model_copy(update={"terms": (term,)})
    phrases = [phrase for phrase in _phrases(term, match) if _fires(alone, phrase)]
    examples = [phrase for phrase in phrases if not any(_fires(guard, phrase) for guard in guards)]
    if examples:
        examples = examples[:_EXAMPLES]
        shown = ", ".join(repr(phrase) for phrase in examples)
        as_word = alone.model_copy(update={"match": "word"})
        left = [phrase for phrase in examples if _fires(as_word, phrase)]
        still = f" (which still finds {left[0]!r})" if left else ""
        word = "" if match == "word" or left == examples else f"`match: word`{still}, "
        message = (
            f"the term {term!r} ({match}) is also found in {shown}; use {word}a longer phrase, or an `explicit`, `intent` or "
            "`topic` trigger, which reads the whole message"
        )
        yield Finding("innocent_term", "warning", rule_id, message)
    elif match == "contains" and _is_short(term):
        message = f"the term {term!r} is so short that it is found inside other words too; use `match: word`"
        yield Finding("innocent_term", "warning", rule_id, message)


def _is_short(term: str) -> bool:
    text = fold(term)
    return len(text) <= SHORTEST and text.isalpha() and not any(is_unspaced(char) for char in text)


def _phrases(term: str, match: Match) -> tuple[str, ...]:
    """Return the phrases that hold a term and mean something else; of a pattern, if it is a word in disguise."""
    plain = _FRAME.sub("", term) if match == "regex" else term
    return _catalogue().get(fold(plain), ())


@functools.cache
def _catalogue() -> Mapping[str, tuple[str, ...]]:
    """Return the phrases by term, of all languages together: a policy doesn't say which its terms are of."""
    found: dict[str, tuple[str, ...]] = {}
    for entries in tomllib.loads(_FILE.read_text(encoding="utf-8")).values():
        for entry in entries:
            for term in entry["terms"]:
                known = found.get(fold(term), ())
                found[fold(term)] = tuple(dict.fromkeys((*known, *entry["phrases"])))
    return found


def _fires(keyword: Keyword, phrase: str) -> bool:
    message = Message(id="", role=Role.CUSTOMER, text=phrase, at=_NO_TIME)
    view = View(message, None, before=NEW, after=NEW, customer={}, channel=None, context={})
    return any(check.look(view).status is TriggerStatus.FIRED for check in keyword.checks("", Bound()))


def _keyword(part: Condition) -> Keyword | None:
    """Return a trigger's terms as a keyword trigger; a topic's are found as words."""
    if part.topic is not None and part.topic.terms is not None:
        return Keyword(terms=part.topic.terms, match="word")
    return part.keyword


def _asserted(condition: Condition, *, truth: bool = True) -> Iterator[Condition]:
    """Yield the single triggers that must fire for a condition to hold."""
    if condition.not_ is not None:
        yield from _asserted(condition.not_, truth=not truth)
        return
    parts = condition.all or condition.any
    if parts is None:
        yield from [condition] if truth else []
        return
    for part in parts:
        yield from _asserted(part, truth=truth)


def _negated(condition: Condition) -> Iterator[Condition]:
    """Yield the single triggers that must not fire."""
    yield from _asserted(condition, truth=False)
