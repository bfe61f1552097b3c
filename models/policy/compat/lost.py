"""What an exported policy loses: it is imported again and compared with what it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from models.policy.schema import Policy

_ABSENT: Final = object()
# remarks for people, which no bot acts on
_REMARKS: Final = ("name", "note")


def lost(before: Policy, after: Policy, product: str, renamed: Mapping[str, str], told: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each field of a policy that another product's object doesn't say, or says otherwise.

    Args:
        before: the policy that was exported.
        after: what the object gives when it is imported.
        product: its name.
        renamed: the ids of rules in ``after`` by those in ``before``; a rule that is missing here is not compared.
        told: sentences about fields that need no other.
    """
    first, second = _document(before), _document(after)
    rules, others = _by_id(first), _by_id(second)
    found = [*_differences(first, second, "", product)]
    for own, other in renamed.items():
        found.extend(_differences(rules[own], others[other], f"rules.{own}", product))
    known = tuple(_path(sentence) for sentence in told)
    for sentence in found:
        path = _path(sentence)
        if not any(path == one or path.startswith(f"{one}.") for one in known):
            yield sentence


def one_text(texts: Any, locale: str) -> str | None:
    """Return what products say that know no languages: the text of a policy's own language, else the first."""
    text: str | None = texts
    if isinstance(texts, Mapping):
        text = texts.get(locale) or next(iter(texts.values()))
    return text


def _path(sentence: str) -> str:
    return sentence.partition(": ")[0]  # the id of a rule may hold a colon


def _document(policy: Policy) -> dict[str, Any]:
    return policy.model_dump(mode="json", by_alias=True)


def _by_id(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for rule in document.pop("rules")}


def _differences(before: Any, after: Any, path: str, product: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict) and before.get("type") == after.get("type"):
        for name in [*before, *(name for name in after if name not in before)]:
            if name not in _REMARKS:
                where = f"{path}.{name}".removeprefix(".")
                yield from _differences(before.get(name, _ABSENT), after.get(name, _ABSENT), where, product)
    elif after is _ABSENT:
        yield f"{path}: {product} has no field for it; left out"
    elif before is _ABSENT:
        yield f"{path}: {product} can't leave it out; it would be {_shown(after)}"
    elif before != after:
        yield f"{path}: {product} can't say {_shown(before)}; it would be {_shown(after)}"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
