"""Object literals in a text -> plain data: JSON, JavaScript or TypeScript, alone or as arguments in code.

Values are plain: texts, numbers, true, false, null, lists and objects. Nothing is run, so a variable, a sum or a text with
``${...}`` in it is an error that names its line.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

import json5

from models.errors import PolicyError

# bounds the time: the reader takes about 8 microseconds a character
MAX_CHARACTERS: Final = 200_000
MAX_LITERALS: Final = 1000
# bounds the stack: no documented policy is nested deeper than nine
MAX_DEPTH: Final = 20

_CLOSES: Final = {"}": "{", "]": "[", ")": "("}
_FENCE: Final = re.compile(r"^[ \t]*```.*$", re.MULTILINE)
# what is never closed is taken whole, so that no text is looked at again and again
_TOKEN: Final = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<apostrophe>(?<=[A-Za-z])'(?=[A-Za-z]))
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<template>`(?:[^`\\]|\\.)*`)
    |(?P<open>[{(\[])
    |(?P<close>[})\]])
    |(?P<code>;)
    |(?P<unclosed>"(?:[^"\\\n]|\\.)*|'(?:[^'\\\n]|\\.)*|`.*)
    """,
    re.VERBOSE | re.DOTALL,
)
# what is written otherwise in quotes than in backticks; all other escapes are the same
_IN_TEMPLATE: Final = re.compile(r'\\(?:\r\n|.)|\r?\n|"', re.DOTALL)
_IN_QUOTES: Final = {"\\`": "`", "\\\n": "", "\\\r\n": "", "\n": "\\n", "\r\n": "\\n", '"': '\\"'}
_WHERE: Final = re.compile(r"<string>:(\d+) (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """An object or a list in a text, not read yet: the text from ``start`` to ``end``."""

    document: str
    start: int
    end: int
    source: str

    @property
    def text(self) -> str:
        """The text of it."""
        return self.document[self.start : self.end]

    def value(self) -> Any:
        """Read it.

        Raises:
            PolicyError: it is no literal of plain values; names the line.
        """
        try:
            return _read(self.text)
        except ValueError as error:
            place = _WHERE.fullmatch(str(error))
            line, problem = (int(place[1]), place[2]) if place else (1, str(error))
            raise PolicyError(
                f"{self.source}, line {_line(self.document, self.start) + line - 1}: {problem}; "
                "expected plain values: texts, numbers, true, false, null, lists and objects"
            ) from error


@dataclass(slots=True)
class _Group:
    """What stands between two brackets; ``is_code`` if it can't be a literal."""

    bracket: str
    start: int
    is_code: bool
    literals: list[Literal] = field(default_factory=list)


def literals(text: str, source: str) -> tuple[Literal, ...]:
    """Return the objects and lists of a text that are in no other one, in order; in code, those among a call's arguments.

    Raises:
        PolicyError: the text is too long, has too many or too deep objects, or brackets and quotes that don't match.
    """
    if len(text) > MAX_CHARACTERS:
        raise PolicyError(f"{source}: {len(text)} characters, expected at most {MAX_CHARACTERS}; shorten it")
    found = _outermost(_TOKEN.sub(_quoted, _FENCE.sub("", text)), source)
    if len(found) > MAX_LITERALS:
        raise PolicyError(f"{source}: {len(found)} objects, expected at most {MAX_LITERALS}; shorten it")
    return tuple(found)


def _outermost(text: str, source: str) -> list[Literal]:
    groups = [_Group("", 0, is_code=True)]
    for token in _TOKEN.finditer(text):
        where = functools.partial(_where, source, text, token.start())
        if token["open"]:
            groups.append(_Group(token[0], token.start(), is_code=token[0] == "("))
            if len(groups) > MAX_DEPTH:
                raise PolicyError(f"{where()}: nested deeper than {MAX_DEPTH}; flatten it")
        elif token["close"]:
            if groups[-1].bracket != _CLOSES[token[0]]:
                raise PolicyError(f"{where()}: `{token[0]}` closes nothing; mend the brackets")
            _close(groups, Literal(text, groups[-1].start, token.end(), source))
        elif token["code"]:
            groups[-1].is_code = True
        elif token["unclosed"] and len(groups) > 1:
            raise PolicyError(f"{where()}: {token[0][0]} is never closed; close it")
    if len(groups) > 1:
        group = groups[-1]
        raise PolicyError(f"{_where(source, text, group.start)}: `{group.bracket}` is never closed; mend the brackets")
    return groups[0].literals


def _close(groups: list[_Group], whole: Literal) -> None:
    """Hand what the last group holds to the one around it: itself as one literal or, if it is code, the literals in it."""
    group = groups.pop()
    outer = groups[-1]
    outer.is_code = outer.is_code or group.is_code
    outer.literals += group.literals if group.is_code else [whole]


def _where(source: str, text: str, place: int) -> str:
    return f"{source}, line {_line(text, place)}"


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _quoted(token: re.Match[str]) -> str:
    """Return a text in backticks, if there is nothing to compute in it, as one in quotes with as many lines."""
    if not token["template"] or "${" in token[0]:
        return token[0]
    content = _IN_TEMPLATE.sub(lambda found: _IN_QUOTES.get(found[0], found[0]), token[0][1:-1])
    return f'"{content}"' + "\n" * token[0].count("\n")


def _read(text: str) -> Any:
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except json.JSONDecodeError:
        data = json5.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    return _whole(data)


def _unique(pairs: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, value in pairs:
        if name in data:
            raise ValueError(f"{name!r} stands twice in one object")
        data[name] = value
    return data


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _whole(value: Any) -> Any:
    """Put escaped characters beyond the basic plane together, which come as two halves; 3.0 is 3, as in JavaScript."""
    if isinstance(value, str):
        try:
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise ValueError(f"half a character in {value[:40]!a}") from error
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(part) for part in value]
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    return value
