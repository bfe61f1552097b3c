"""Templates: texts with ``{{path}}`` in them, and which paths may stand where. Nothing is computed in a template.

A path is names with dots (``agent.name``). Every place has a closed list of them, so that nothing reaches into an object and
a typing error is found when the policy is saved. ``{{CRM_TOKEN}}``, in capitals, is short for ``{{secrets.CRM_TOKEN}}``: a
secret of the store, allowed only where a request is made, never where somebody reads it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints

Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
# one text for everybody, or one per locale
Texts = Text | Annotated[Mapping[Locale, Text], Field(min_length=1)]

SECRETS: Final = "secrets."
_PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_SECRET: Final = re.compile(r"[A-Z][A-Z0-9_]*")

# what may stand where: in a request or an e-mail about a handoff, and in what the customer reads at its stages
HANDOFF: Final = (
    "bot_name",
    "trigger_name",
    "contact.id",
    "conversation.id",
    "escalation.reason",
    "detected_topic",
    "customer.language",
)
BODY: Final = (*HANDOFF, "conversation.transcript")
SKILLS: Final = ("detected_topic", "customer.language")
STARTING: Final = ("bot_name", "conversation.id", "detected_topic", "customer.language")
WAITING: Final = (*STARTING, "position", "wait_time")
WITH_AGENT: Final = (*STARTING, "agent.name")


def variables(text: str) -> tuple[str, ...]:
    """Return the paths in a template, in order, each as often as it stands there; a secret as ``secrets.NAME``.

    Raises:
        ValueError: braces that don't match, or what stands between them is no path.
    """
    found: list[str] = []
    place = 0
    while True:
        start = text.find("{{", place)
        stray = text.find("}}", place, len(text) if start < 0 else start)
        if stray >= 0:
            raise ValueError(f"`}}}}` without `{{{{` before it in {_shown(text)}; write a variable as {{{{name}}}}")
        if start < 0:
            return tuple(found)
        end = text.find("}}", start)
        if end < 0:
            raise ValueError(f"`{{{{` without `}}}}` after it in {_shown(text)}; write a variable as {{{{name}}}}")
        inside, place = text[start + 2 : end], end + 2
        path = inside.strip()
        if _PATH.fullmatch(path) is None:
            raise ValueError(
                f"found {{{{{inside[:40]}}}}}; expected names and dots between the braces, as {{{{agent.name}}}}"
            )
        found.append(f"{SECRETS}{path}" if _SECRET.fullmatch(path) else path)


def check(text: str, known: Iterable[str], *, secrets: bool = False) -> None:
    """Refuse a template that names a variable which its place doesn't know.

    Raises:
        ValueError: as ``variables``, or an unknown variable, or a secret where none may stand; names it and the known ones.
    """
    allowed = sorted(known)
    for path in variables(text):
        if path.startswith(SECRETS):
            if not secrets:
                raise ValueError(f"the secret {{{{{path}}}}} would be read by people here; remove it")
            if _SECRET.fullmatch(path.removeprefix(SECRETS)) is None:
                raise ValueError(f"found {{{{{path}}}}}; the name of a secret is in capitals, as {{{{CRM_TOKEN}}}}")
        elif path not in allowed:
            raise ValueError(f"unknown variable {{{{{path}}}}}; {_expected(path, allowed, secrets=secrets)}")


def texts(known: Iterable[str]) -> Callable[[Any], Any]:
    """Return a validator of ``Texts`` that may hold the given variables."""
    allowed = tuple(known)

    def validate(value: Any) -> Any:
        for text in value.values() if isinstance(value, Mapping) else (value,):
            check(text, allowed)
        return value

    return validate


def template(known: Iterable[str], *, secrets: bool = False) -> Callable[[str], str]:
    """Return a validator of one text that may hold the given variables."""
    allowed = tuple(known)

    def validate(value: str) -> str:
        check(value, allowed, secrets=secrets)
        return value

    return validate


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _expected(path: str, allowed: list[str], *, secrets: bool) -> str:
    names = [f"{{{{{name}}}}}" for name in allowed]
    if secrets:
        names.append("a secret in capitals")
    if not names:
        return "no variable can stand here"
    near = difflib.get_close_matches(path, allowed, n=1, cutoff=0.5)
    suggestion = f"; did you mean {{{{{near[0]}}}}}?" if near else ""
    return f"expected one of {', '.join(names)}{suggestion}"


# texts of the customer's, by what is known when they are sent
PlainTexts = Annotated[Texts, AfterValidator(texts(()))]
StartingTexts = Annotated[Texts, AfterValidator(texts(STARTING))]
WaitingTexts = Annotated[Texts, AfterValidator(texts(WAITING))]
AgentTexts = Annotated[Texts, AfterValidator(texts(WITH_AGENT))]
