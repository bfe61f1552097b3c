"""Another product's object, read field by field: values are checked, and whatever nobody asked for is named in a warning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from models.errors import PolicyError, PolicyProblem
from models.policy.handoff import is_written_out
from models.policy.problems import refusal
from models.policy.reading import read
from models.policy.schema import Policy
from models.policy.triggers.check import Part


@dataclass(frozen=True, slots=True)
class Imported:
    """A policy document, and what of the other product's it doesn't hold or holds otherwise; ``source`` names the product."""

    document: dict[str, Any]
    warnings: tuple[str, ...]
    source: str

    def policy(self) -> Policy:
        """Return the policy.

        Raises:
            PolicyError: the document is none; names the fields.
        """
        try:
            return Policy.model_validate(self.document)
        except ValidationError as error:
            raise _refusal(self.document, self.source, error) from error


@dataclass(slots=True)
class Notes:
    """What there is to say of a reading: ``warnings`` where something is left out, ``problems`` where it can't be read."""

    source: str
    warnings: list[str] = field(default_factory=list)
    problems: list[PolicyProblem] = field(default_factory=list)

    def imported(self, document: dict[str, Any]) -> Imported:
        """Return the document with the warnings.

        Raises:
            PolicyError: something could not be read; names every such field.
        """
        if self.problems:
            lines = (f"{self.source}: {problem.field}: {problem.text}" for problem in self.problems)
            raise PolicyError("\n".join(lines), tuple(self.problems))
        return Imported(document, tuple(self.warnings), self.source)


@dataclass(slots=True)
class Fields:
    """An object and its path. A field that is null is absent; one that can't be read is noted and then absent too."""

    data: Mapping[str, Any]
    path: str
    notes: Notes
    asked: set[str] = field(default_factory=set)

    def raw(self, name: str) -> Any:
        """Read whatever is there."""
        self.asked.add(name)
        return self.data.get(name)

    def flag(self, name: str, *, absent: bool) -> bool:
        """Read true or false."""
        value: bool | None = self._read(name, lambda value: isinstance(value, bool), "true or false")
        return absent if value is None else value

    def text(self, name: str) -> str | None:
        """Read a text."""
        value: str | None = self._read(name, lambda value: isinstance(value, str), "a text")
        return value

    def choice(self, name: str, known: Iterable[str]) -> str | None:
        """Read one of some words."""
        words = tuple(known)
        value: str | None = self._read(name, lambda value: value in words, f"one of {', '.join(words)}")
        return value

    def part(self, name: str) -> Fields | None:
        """Read an object."""
        value = self._read(name, lambda value: isinstance(value, dict), "an object")
        return None if value is None else Fields(value, self.at(name), self.notes)

    def parts(self, name: str) -> list[Fields]:
        """Read a list of objects."""
        value = self._read(name, _is_objects, "a list of objects") or []
        return [Fields(part, f"{self.at(name)}[{place}]", self.notes) for place, part in enumerate(value)]

    def renamed(self, names: Mapping[str, str], part: type[Part], **also: Any) -> dict[str, Any]:
        """Read fields under our names, as ``part`` of a policy has them; ``also`` are fields of it that stand elsewhere."""
        found = {ours: value for theirs, ours in names.items() if (value := self.raw(theirs)) is not None}
        data = {**also, **found}
        try:
            part.model_validate(data)
        except ValidationError as error:
            for problem in _refusal(data, self.notes.source, error).problems:
                self.refuse(problem.text, _translated(problem.field or "", names))
        return data

    def warn(self, message: str, name: str = "") -> None:
        """Say what is left out or done otherwise, of this object or one of its fields."""
        self.notes.warnings.append(f"{self.at(name)}: {message}")

    def refuse(self, message: str, name: str = "") -> None:
        """Say what can't be read."""
        self.notes.problems.append(PolicyProblem.of(message, field=self.at(name)))

    def at(self, name: str) -> str:
        """Return the path of a field."""
        return ".".join(part for part in (self.path, name) if part)

    def finish(self) -> None:
        """Warn of every field that nobody asked for."""
        for name in self.data:
            if name not in self.asked:
                self.warn("unknown here, so it is left out", name)

    def _read(self, name: str, fits: Callable[[Any], bool], what: str) -> Any:
        value = self.raw(name)
        if value is None or fits(value):
            return value
        shown = repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
        self.refuse(f"found {shown[:80]}; expected {what}", name)
        return None


def said(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something: no null, nothing empty."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {})}


def warn_of_secret(fields: Fields, name: str, value: Any) -> None:
    """Warn of a field or header that carries a secret which is written out."""
    if is_written_out(name, value):
        fields.warn("a secret is written out here; put it into the secret store and write {{ITS_NAME}}", name)


def warn_of_secret_headers(fields: Fields, headers: Any) -> None:
    """Warn of headers that carry a secret which is written out."""
    for name, value in headers.items() if isinstance(headers, dict) else ():
        warn_of_secret(fields, f"headers.{name}", value)


def _refusal(document: Mapping[str, Any], source: str, error: ValidationError) -> PolicyError:
    """Say what is wrong with a document that nobody has seen, so its lines say nothing."""
    found = refusal(read(json.dumps(document, ensure_ascii=False), source), error.errors(include_url=False))
    text = str(found).replace(f"{source}, line 1: ", f"{source}: ")
    return PolicyError(text, tuple(replace(problem, line=None) for problem in found.problems))


def _translated(path: str, names: Mapping[str, str]) -> str:
    """Return a path in one of our parts as the other product writes it; the part itself has none."""
    if path == "policy":
        return ""
    theirs = {ours: name for name, ours in names.items()}
    first = re.split(r"[.\[]", path, maxsplit=1)[0]
    return theirs.get(first, first) + path[len(first) :]


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)
