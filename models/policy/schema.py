"""Policy: rules, thresholds, messages and actions as one immutable, fingerprinted document, read from YAML or JSON."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from models.contracts import Action, Phase
from models.errors import PolicyError
from models.policy.problems import describe
from models.policy.reading import read
from models.policy.rules import CompiledRule, HandoffAction, Locale, Rule, Texts, compile_rule
from models.policy.triggers.check import Flag, Part
from models.policy.triggers.combine import Condition
from models.policy.triggers.labels import Labels, Probability

# the rule id of a decision that was taken because a model failed
ON_ERROR: Final = "on_error"
DEFAULT_PATH: Final = Path(__file__).parent / "presets" / "default.yaml"

# Part of every fingerprint. It grows when the same document begins to mean something else (another default).
_MEANING: Final = 2
_DERIVED: Final = ("_fingerprint", "label", "program")


class Messages(Part):
    """What the customer reads when a rule has no message of its own; absent or null, a sentence in English."""

    escalate: Texts = "Let me bring in a colleague who can help you with this."
    offer: Texts = "Would you like me to bring in a colleague?"

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None or name not in cls.model_fields}
        return data


class OfferSettings(Part):
    """How the customer's answer to an offer is understood.

    The best intent accepts if it is one of ``accept_labels`` and at or above ``accept_threshold``; declining likewise.
    """

    accept_labels: Labels = ("affirm",)
    accept_threshold: Probability = 0.5
    decline_labels: Labels = ("deny",)
    decline_threshold: Probability = 0.5


class Policy(Part):
    """A policy document.

    ``on_error``: what to do when a model failed, on a message or on a draft, and no rule decided. ``locale``: the language of
    messages when the customer's own isn't written. ``action``: what happens to an escalated conversation unless the rule
    says otherwise. ``enabled``: false switches every rule off.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    note: str = ""
    enabled: Flag = True
    locale: Locale = "en"
    on_error: Action = Action.OFFER
    action: HandoffAction = HandoffAction(type="inbox")
    messages: Messages = Messages()
    offer: OfferSettings = OfferSettings()
    rules: tuple[Rule, ...] = Field(max_length=1000)

    @model_validator(mode="after")
    def _rules_belong_together(self) -> Policy:
        ids: set[str] = {ON_ERROR}
        for place, rule in enumerate(self.rules):
            if rule.id in ids:
                raise _misplaced(f"the rule id {rule.id!r} is taken; give every rule its own", "rules", place, "id")
            ids.add(rule.id)
        for place, rule in enumerate(self.rules):
            unknown = [name for name in _remembered(rule.when) if name not in ids]
            if unknown:
                raise _misplaced(f"`fired` names {unknown[0]!r}, which is no rule here; mend the id", "rules", place)
        return self

    def fingerprint(self) -> str:
        """Return the SHA-256, in hex, of the policy's canonical JSON; equal documents have equal fingerprints."""
        return self._fingerprint

    @functools.cached_property
    def _fingerprint(self) -> str:
        document = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        canonical = json.dumps([_MEANING, document], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @functools.cached_property
    def label(self) -> str:
        """Name and the first eight digits of the fingerprint: what a decision says it was taken under."""
        return f"{self.name}@{self.fingerprint()[:8]}"

    @functools.cached_property
    def program(self) -> Mapping[Phase, tuple[CompiledRule, ...]]:
        """The rules of each phase, compiled, highest priority first; ties in the order of the document."""
        rules = [rule for rule in self.rules if rule.enabled and self.enabled]
        compiled = [compile_rule(rule) for rule in sorted(rules, key=lambda rule: -rule.priority)]
        return {phase: tuple(rule for rule in compiled if phase in rule.phases) for phase in Phase}

    # What is derived is not copied: model_copy(update=...) would keep the fingerprint of another document, and compiled
    # patterns can't be pickled.
    def __copy__(self) -> Self:
        copy = super().__copy__()
        for name in _DERIVED:
            copy.__dict__.pop(name, None)
        return copy

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.__copy__()  # all parts are immutable

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name not in _DERIVED}
        return {**state, "__dict__": fields}


def load_policy(path: Path) -> Policy:
    """Read a policy from a YAML or JSON file.

    Raises:
        PolicyError: the file can't be read or doesn't hold a policy; names the line and the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: {error}; expected a YAML or JSON file in UTF-8") from error
    return parse_policy(text, path.name)


def parse_policy(text: str, source: str) -> Policy:
    """Read a policy from YAML or JSON; ``source`` names the text in errors.

    Raises:
        PolicyError: the text is no policy; names the line and the field of every problem and what would mend it.
    """
    reading = read(text, source)
    try:
        return Policy.model_validate(reading.data)
    except ValidationError as error:
        raise PolicyError(describe(reading, error.errors(include_url=False))) from error


@functools.cache
def default_policy() -> Policy:
    """Return the policy that ships with Baton."""
    return load_policy(DEFAULT_PATH)


def _misplaced(message: str, *path: str | int) -> PydanticCustomError:
    """Return an error of the whole document that knows the place it speaks of."""
    return PydanticCustomError("policy", "{message}", {"message": message, "path": path})


def _remembered(condition: Condition) -> Iterator[str]:
    """Yield the rule ids that a condition remembers."""
    if condition.turn is not None:
        yield from condition.turn.fired or ()
    for part in (*(condition.all or ()), *(condition.any or ()), *([condition.not_] if condition.not_ else ())):
        yield from _remembered(part)
