"""What is wrong with a policy document, in words: the line, the field, what was found, what was expected, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from models.errors import PolicyError, PolicyProblem
from models.policy.reading import Reading
from models.policy.triggers.check import Part

MAX_PROBLEMS: Final = 10
_LOOKED_AT: Final = 100  # errors that are put into words; a long document can have as many as it has fields

# errors of a part whose fields depend on one of them, which is missing or unknown
_TAGS: Final = ("union_tag_invalid", "union_tag_not_found")
_LENGTH: Final = re.compile(r"^[A-Z][a-z]+ should have")


def refusal(reading: Reading, errors: Sequence[Mapping[str, Any]]) -> PolicyError:
    """Return the error that says what is wrong: one line for each problem, in the order of the document."""
    problems: dict[tuple[int, str], PolicyProblem] = {}
    for error in errors[:_LOOKED_AT]:
        place, problem = _problem(reading, error)
        problems.setdefault(place, problem)  # of several alternatives that all fail, the first is the usual one
    told = [problems[place] for place in sorted(problems)]
    lines = [_line(reading.source, problem) for problem in told[:MAX_PROBLEMS]]
    more = len(told) - MAX_PROBLEMS + max(0, len(errors) - _LOOKED_AT)
    if more > 0:
        lines.append(f"... and {more} more")
    return PolicyError("\n".join(lines), tuple(told[:MAX_PROBLEMS]))


def _line(source: str, problem: PolicyProblem) -> str:
    where = f"{source}, line {problem.line}" if problem.line else source
    return f"{where}: {problem.field}: {problem.text}"


def _problem(reading: Reading, error: Mapping[str, Any]) -> tuple[tuple[int, str], PolicyProblem]:
    path = reading.known(error.get("ctx", {}).get("path", error["loc"]))
    if error["type"] == "missing":
        path = (*path, error["loc"][-1])
    elif error["type"] in _TAGS:
        path = (*path, error["ctx"]["discriminator"].strip("'"))
    line = reading.line(path)
    field = _field(path)
    return (line or 0, field), PolicyProblem.of(_sentence(error, path), line=line, field=field)


def _field(path: Sequence[str | int]) -> str:
    """Return a path as people write it: ``rules[2].when.explicit.threshold``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "policy"


def _sentence(error: Mapping[str, Any], path: Sequence[str | int]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"unknown field; {_suggestion(str(path[-1]))}"
        case "missing" | "union_tag_not_found":
            return "a field is missing; add it"
        case "union_tag_invalid":
            return f"found {error['ctx']['tag']!r:.80}; expected {error['ctx']['expected_tags']}"
        case "value_error" | "policy":
            return str(error["msg"]).removeprefix("Value error, ")
    found = error["input"]
    shown = repr(found) if isinstance(found, str | int | float | bool | None) else f"a {type(found).__name__}"
    return f"found {shown[:80]}; {_expectation(str(error['msg']))}"


def _expectation(message: str) -> str:
    message = message.replace("Input should be", "expected").replace("String should match", "expected a text of the")
    return _LENGTH.sub("expected", message).replace(" after validation", "")


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
