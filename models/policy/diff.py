"""What changed between two policies: field by field, rules by their ids. Defaults count as written out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from models.policy.schema import Policy

ORDER: Final = "rules (order)"

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs.

    ``path`` is as in a document, with rules by id: ``rules[explicit_request].when.explicit.threshold``. ``before`` and
    ``after`` are JSON values; ``None`` where there is nothing. ``rules[id]`` alone is a rule that came or went, and
    ``rules (order)`` the ids of the rules that both have, where these stand in another order.
    """

    path: str
    before: Any
    after: Any


def diff(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what differs, in the order of the document; nothing where the fingerprints are equal."""
    if old.fingerprint() == new.fingerprint():
        return ()
    before, after = _document(old), _document(new)
    rules_before, rules_after = _by_id(before.pop("rules")), _by_id(after.pop("rules"))
    return (*_changes("", before, after), *_rules(rules_before, rules_after, old, new))


def describe(changes: Sequence[Change]) -> str:
    """Return the changes for people, one line each."""
    return "\n".join(_line(change) for change in changes)


def _document(policy: Policy) -> dict[str, Any]:
    data: dict[str, Any] = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    return data


def _by_id(rules: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {rule["id"]: rule for rule in rules}


def _rules(before: Mapping[str, Any], after: Mapping[str, Any], old: Policy, new: Policy) -> Iterator[Change]:
    for rule_id in before:
        if rule_id not in after:
            yield Change(f"rules[{rule_id}]", _written(old, rule_id), None)
    for rule_id in after:
        if rule_id not in before:
            yield Change(f"rules[{rule_id}]", None, _written(new, rule_id))
        else:
            yield from _changes(f"rules[{rule_id}]", before[rule_id], after[rule_id])
    kept_before, kept_after = [name for name in before if name in after], [name for name in after if name in before]
    if kept_before != kept_after:
        yield Change(ORDER, kept_before, kept_after)


def _written(policy: Policy, rule_id: str) -> dict[str, Any]:
    """Return a rule as it is written, without its defaults."""
    rule: dict[str, Any] = policy.by_id[rule_id].model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return rule


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    """Yield what differs below a path: mappings by key, lists of mappings of equal length by place, all else as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _changes(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif _is_rows(before) and _is_rows(after) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(f"{path}[{place}]", one, other)
    elif not _same(before, after):
        yield Change(path, before, after)


def _same(before: Any, after: Any) -> bool:
    """Compare as JSON does: ``true`` is not 1, and 5 is not 5.0."""
    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _line(change: Change) -> str:
    before, after = change.before, change.after
    if change.path == ORDER:
        return f"{change.path}: {', '.join(before)} -> {', '.join(after)}"
    if before is None:
        return f"{change.path}: added {_shown(after)}"
    if after is None:
        return f"{change.path}: removed {_shown(before)}"
    if _is_words(before) and _is_words(after):
        return f"{change.path}: {_words(before, after)}"
    return f"{change.path}: {_shown(before)} -> {_shown(after)}"


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)


def _words(before: list[Any], after: list[Any]) -> str:
    """Return what a list of words gained and lost; if neither, the order is what changed."""
    gained, lost = [item for item in after if item not in before], [item for item in before if item not in after]
    parts = [f"added {_shown(gained)}"] if gained else []
    parts += [f"removed {_shown(lost)}"] if lost else []
    return ", ".join(parts) or f"{_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict) and {"id", "when", "then"} <= value.keys():
        return f"{value['then']} when {_shown(value['when'])}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
