"""YAML or JSON text -> plain data, with the line of every field. Stricter than YAML where YAML surprises people.

``no``, ``yes``, ``on`` and ``off`` are words, not truths; dates and ``1:30`` are words too; a key twice, an alias, a tag or
deep nesting is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from models.errors import PolicyError, PolicyProblem

MAX_CHARACTERS: Final = 1_000_000
MAX_DEPTH: Final = 40

_STR: Final = "tag:yaml.org,2002:str"
_KNOWN: Final = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class _Loader(yaml.SafeLoader):
    """YAML with the truths, numbers and null of JSON; everything else is a word."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(?:null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"),
    list("-0123456789"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as data, and where its parts stand. ``source`` names it for people (a file name)."""

    data: Any
    source: str
    node: yaml.Node | None

    def known(self, path: Sequence[str | int]) -> tuple[str | int, ...]:
        """Return a path without the steps that the document doesn't have (names of alternatives, short forms)."""
        if self.node is None:
            return tuple(path)
        node, steps = self.node, []
        for step in path:
            found = _child(node, step)
            if found is not None:
                node = found[1]
                steps.append(step)
        return tuple(steps)

    def line(self, path: Sequence[str | int]) -> int | None:
        """Return the line, from 1, of the field at a path, or of the nearest thing around it."""
        if self.node is None:
            return None
        node, line = self.node, self.node.start_mark.line
        for step in path:
            found = _child(node, step)
            if found is not None:
                key, node = found
                line = key.start_mark.line
        return int(line) + 1


def read(text: str, source: str) -> Reading:
    """Read a document.

    Raises:
        PolicyError: too long, too deep, not YAML or JSON, or YAML that says more than JSON can; names the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refusal(source, f"{len(text)} characters, expected at most {MAX_CHARACTERS}; shorten the policy")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise _refusal(source, "a lone surrogate, which is no character; save the file as UTF-8")
    if text.lstrip()[:1] == "{":
        reading = _read_json(text, source)
    else:
        node = _compose(text, source)
        reading = Reading(_value(node, source), source, node)
    _require_characters(reading)
    return reading


def _require_characters(reading: Reading) -> None:
    """Refuse half a character that was written as an escape: nothing can be encoded with it."""
    try:
        json.dumps(reading.data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        text = "a lone surrogate written as an escape, which is no character; write the character itself"
        raise _refusal(reading.source, text) from error


def _refusal(source: str, text: str, *, line: int | None = None) -> PolicyError:
    where = f"{source}, line {line}" if line else source
    return PolicyError(f"{where}: {text}", (PolicyProblem.of(text, line=line),))


def _read_json(text: str, source: str) -> Reading:
    node, refusal = None, None
    try:
        # blanks for tabs: YAML, which finds the lines, has none; inside JSON strings a raw tab is no JSON anyway
        node = _compose(text.replace("\t", " "), source)
        data = _value(node, source)
    except PolicyError as error:
        refusal = error
    try:
        # JSON's own reader: YAML reads the escapes of characters beyond the basic plane as two halves
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        # a text in YAML's flow style begins like JSON
        if refusal is None:
            return Reading(data, source, node)
        if not isinstance(error, json.JSONDecodeError):  # too deep, or a number too long: said above, with the line
            raise refusal from error
        raise _refusal(source, f"{error.msg}; expected JSON or YAML", line=error.lineno) from error
    if refusal is not None:
        raise refusal
    return Reading(data, source, node)


def _compose(text: str, source: str) -> yaml.Node | None:
    try:
        _refuse_depth_and_aliases(text, source)
        return yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        where = f", line {line}, column {mark.column + 1}" if mark else ""
        problem = PolicyProblem.of(f"{error.problem}; expected YAML or JSON; mend the text there", line=line)
        raise PolicyError(f"{source}{where}: {problem.text}", (problem,)) from error
    except yaml.YAMLError as error:
        raise _refusal(source, f"{error}; expected YAML or JSON") from error


def _refuse_depth_and_aliases(text: str, source: str) -> None:
    """Look at the events first: they come without recursion, so a hostile text can't exhaust the stack or the memory."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refusal(source, "anchors and aliases are not read; write the value out", line=line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refusal(source, f"nested deeper than {MAX_DEPTH}; flatten the conditions", line=line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _value(node: yaml.Node | None, source: str) -> Any:
    if node is None:
        raise _refusal(source, "the document is empty; expected a policy with at least `name` and `rules`")
    if node.tag not in _KNOWN:
        raise _refusal(source, f"the tag {node.tag} is not read; remove it", line=node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, source)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, source) for item in node.value]
    try:
        return _scalar(node)
    except ValueError as error:  # Python reads no integer of thousands of digits
        text = f"a number of {len(node.value.lstrip('-'))} digits; expected a shorter one"
        raise _refusal(source, text, line=node.start_mark.line + 1) from error


def _mapping(node: yaml.MappingNode, source: str) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _refusal(source, f"a field's name must be a word; found a {key.id}", line=line)
        if key.value in data:
            raise _refusal(source, f"{key.value!r} stands here twice; remove one", line=line)
        data[key.value] = _value(value, source)
    return data


def _scalar(node: yaml.Node) -> Any:
    match node.tag.rpartition(":")[2]:
        case "int":
            return int(node.value)
        case "float":
            return float(node.value)
        case "bool":
            return node.value == "true"
        case "null":
            return None
    return node.value


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the node that names a part and the part itself, ``None`` where the path says more than the document."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None
