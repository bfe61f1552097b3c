"""What is wrong with a policy document, in words: the line, the field, what was found, what was expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from models.policy.reading import Reading
from models.policy.triggers.check import Part

MAX_PROBLEMS: Final = 10


def describe(reading: Reading, errors: Sequence[Mapping[str, Any]]) -> str:
    """Return one line for each problem, in the order of the document."""
    problems: dict[tuple[int, str], str] = {}
    for error in errors:
        line, field, text = _describe(reading, error)
        problems.setdefault((line, field), text)  # of several alternatives that all fail, the first is the usual one
    lines = [problems[place] for place in sorted(problems)]
    if len(lines) > MAX_PROBLEMS:
        lines = [*lines[:MAX_PROBLEMS], f"... and {len(lines) - MAX_PROBLEMS} more"]
    return "\n".join(lines)


def _describe(reading: Reading, error: Mapping[str, Any]) -> tuple[int, str, str]:
    path = reading.known(error.get("ctx", {}).get("path", error["loc"]))
    if error["type"] == "missing":
        path = (*path, error["loc"][-1])
    line = reading.line(path) or 0
    where = f"{reading.source}, line {line}" if line else reading.source
    field = _field(path)
    return line, field, f"{where}: {field}: {_sentence(error, path)}"


def _field(path: Sequence[str | int]) -> str:
    """Return a path as people write it: ``rules[2].when.explicit.threshold``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "policy"


def _sentence(error: Mapping[str, Any], path: Sequence[str | int]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"unknown field; {_suggestion(str(path[-1]))}"
        case "missing":
            return "a field is missing; add it"
        case "value_error" | "policy":
            return str(error["msg"]).removeprefix("Value error, ")
    found = error["input"]
    shown = repr(found) if isinstance(found, str | int | float | bool | None) else f"a {type(found).__name__}"
    return f"found {shown[:80]}; {_expectation(str(error['msg']))}"


def _expectation(message: str) -> str:
    return message.replace("Input should be", "expected").replace("should match", "expected to match")


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, _names(), n=1)
    return f"did you mean `{near[0]}`? Otherwise remove it" if near else "remove it, or correct its name"


def _names() -> list[str]:
    """Return the name of every field that some part of a policy has."""
    parts: list[type[Part]] = [Part]
    names: set[str] = set()
    while parts:
        part = parts.pop()
        parts.extend(part.__subclasses__())
        names.update(field.alias or name for name, field in part.model_fields.items())
    return sorted(names)
