"""The kernel's errors, one tree.

    BatonError
    ├── InputError            a message or request that can't be scored as it stands
    ├── BundleError           a bundle that can't be trusted or read
    │   ├── BundleNotFound
    │   └── BundleCorrupt
    ├── ScoringError          a model ran and failed
    └── PolicyError           a policy document that doesn't hold together

Every message says what was found, what was expected and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


class BatonError(Exception):
    """Base of every error that Baton raises on purpose."""


class InputError(BatonError):
    """The caller's message or request can't be scored as it stands; mend the request."""


class BundleError(BatonError):
    """A model bundle can't be used."""


class BundleNotFound(BundleError):
    """No bundle lies at the given place."""


class BundleCorrupt(BundleError):
    """The bundle's files don't match its manifest: hashes, shapes, label maps or format version."""


class ScoringError(BatonError):
    """A graph of the bundle failed while it ran; rules that need no model still work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProblem:
    """One thing that is wrong with a policy document.

    ``line`` counts from 1; ``field`` is a path such as ``rules[2].when.explicit.threshold``, ``None`` where the text is no
    document at all. ``text`` says everything; ``found``, ``expected`` and ``mend`` are its parts, as far as it has them.
    """

    text: str
    line: int | None
    field: str | None
    found: str
    expected: str | None
    mend: str | None

    @classmethod
    def of(cls, text: str, *, line: int | None = None, field: str | None = None) -> Self:
        """Return the problem that a sentence such as ``found 8; expected at most 1; lower it`` tells."""
        found, _, mend = text.partition("; ")
        found, _, expected = found.partition(", expected ")
        if not expected and mend.startswith("expected "):
            expected, _, mend = mend.removeprefix("expected ").partition("; ")
        return cls(
            text=text,
            line=line,
            field=field,
            found=found.removeprefix("found "),
            expected=expected or None,
            mend=mend or None,
        )


class PolicyError(BatonError):
    """A policy document doesn't hold together; nothing of it was used. ``problems`` says what is wrong, one by one."""

    def __init__(self, message: str, problems: tuple[PolicyProblem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems
