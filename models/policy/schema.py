"""Policy: rules, thresholds, messages and actions as one immutable, fingerprinted document, read from YAML or JSON."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from models.contracts import Action, Phase
from models.custom import MAX_EXAMPLES, CustomLabel
from models.custom import Name as VisibleName
from models.custom import Text as LabelText
from models.errors import PolicyError
from models.policy.desk import Assist, Brief, Notify, PriorityRules, Routing, Takeover
from models.policy.handoff import HandoffAction, InboxAction
from models.policy.problems import refusal
from models.policy.reading import read
from models.policy.rules import CompiledRule, Rule, compile_rule
from models.policy.sla import Sla
from models.policy.templates import AgentTexts, Locale, PlainTexts, StartingTexts, WaitingTexts
from models.policy.triggers.check import Bound, Flag, Number, Part
from models.policy.triggers.combine import Condition
from models.policy.triggers.labels import Labels, Probability

# the rule id of a decision that was taken because a model failed
ON_ERROR: Final = "on_error"
PRESETS: Final = Path(__file__).parent / "presets"
DEFAULT_PATH: Final = PRESETS / "default.yaml"

# each is compared with every message
MAX_LABELS: Final = 500
# descriptions, examples and guidelines; the encoder reads each when the policy is made ready, some milliseconds a text
MAX_LABEL_TEXTS: Final = 2000

# Part of every fingerprint. It grows when the same document begins to mean something else (another default).
_MEANING: Final = 2
_DERIVED: Final = ("_fingerprint", "by_id", "compiled", "custom_labels", "label", "program", "recalled")


class Messages(Part):
    """What the customer reads.

    ``escalate``, ``offer`` and ``callback``: when a rule has no message of its own; ``collecting_info``: when a rule asks for
    something first; absent or null, a sentence in English. The others: at the stages of a handoff, from ``pre_escalation``
    to ``confirm_return``; absent or null, none of the policy's own.
    """

    escalate: PlainTexts = "Let me bring in a colleague who can help you with this."
    offer: PlainTexts = "Would you like me to bring in a colleague?"
    callback: PlainTexts = "Our team is busy right now. A colleague will call you back."
    pre_escalation: StartingTexts | None = None
    collecting_info: PlainTexts = "Before I bring in a colleague, could you tell me a little more about it?"
    transferring: WaitingTexts | None = None
    in_queue: WaitingTexts | None = None
    queue_position: WaitingTexts | None = None
    agent_assigned: AgentTexts | None = None
    takeover: AgentTexts | None = None
    agents_offline: StartingTexts | None = None
    leave_message: StartingTexts | None = None
    confirmation_offline: StartingTexts | None = None
    confirm_return: AgentTexts | None = None

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


def _not_a_score(value: str) -> str:
    if value == "explicit":
        raise ValueError("'explicit' is a score with a threshold of its own; give the label another name")
    return value


LabelName = Annotated[VisibleName, AfterValidator(_not_a_score)]


class LabelSettings(Part):
    """A label that the bundle was not trained on: what it means, in a sentence, by example messages, or both.

    ``threshold``, in [0, 1]: for rules that give none; absent, the bundle's for labels described like this one.
    """

    description: LabelText | None = None
    examples: Annotated[tuple[LabelText, ...], Field(max_length=MAX_EXAMPLES)] = ()
    threshold: Probability | None = None

    @model_validator(mode="after")
    def _says_something(self) -> LabelSettings:
        if self.description is None and not self.examples:
            raise ValueError(
                "neither description nor examples; say what the label means, or give messages that it means"
            )
        return self


class Resolution(Part):
    """What settles a matter, so that a rule that waits need not act: a label of the customer's message, at its threshold."""

    dialogue: Labels = ("resolved",)
    intents: Labels = ("thanks_bye",)
    threshold: Probability = 0.5


class Policy(Part):
    """A policy document.

    ``on_error``: what to do when a model failed, on a message or on a draft, and no rule decided. ``locale``: the language of
    messages when the customer's own isn't written. ``evaluation``: ``full`` looks at every rule; ``lazy`` stops at the first
    that decides and runs no model that no rule before it needed. ``labels``: what ``intent`` and ``topic`` rules may name
    beside the bundle's own labels. ``resolution``: what disarms a rule that waits. ``answer_seconds``: how
    long a handoff waits for what was asked first (``collect``). ``action``: what happens to an escalated
    conversation unless the rule says otherwise. ``enabled``: false switches every rule off. What people do with a handoff:
    ``routing`` and ``priority``, ``sla``, ``brief`` (what the agent gets), ``takeover`` and ``assist``, ``notify``.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    note: str = ""
    enabled: Flag = True
    locale: Locale = "en"
    on_error: Action = Action.OFFER
    evaluation: Literal["full", "lazy"] = "full"
    labels: Annotated[Mapping[LabelName, LabelSettings], Field(max_length=MAX_LABELS)] = Field(default_factory=dict)
    action: HandoffAction = InboxAction(type="inbox")
    messages: Messages = Messages()
    offer: OfferSettings = OfferSettings()
    resolution: Resolution = Resolution()
    answer_seconds: Number = Field(default=300, gt=0, le=86400)
    routing: Routing | None = None
    priority: PriorityRules = PriorityRules()
    sla: Sla = Sla()
    brief: Brief = Brief()
    takeover: Takeover = Takeover()
    assist: Assist = Assist()
    notify: Notify = Notify()
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

    _thresholds: Mapping[str, float] = PrivateAttr(default_factory=dict)

    def bound(self, thresholds: Mapping[str, float]) -> Self:
        """Return this policy with a bundle's thresholds for the labels for which it has none; the document stays the same.

        Args:
            thresholds: by label, in [0, 1]; what neither the policy nor they name has 0.8.
        """
        copy = self.model_copy()
        copy._thresholds = dict(thresholds)  # noqa: SLF001 - our own
        return copy

    @functools.cached_property
    def compiled(self) -> Mapping[str, CompiledRule]:
        """The rules of the program by their ids; those that are switched off are not there."""
        return {rule.id: rule for rules in self.program.values() for rule in rules}

    @functools.cached_property
    def by_id(self) -> Mapping[str, Rule]:
        """The rules by their ids."""
        return {rule.id: rule for rule in self.rules}

    @functools.cached_property
    def custom_labels(self) -> tuple[CustomLabel, ...]:
        """The labels and guidelines for which messages must be scored, beyond what a bundle knows; each once."""
        own = {
            name: CustomLabel(name=name, description=settings.description, examples=settings.examples)
            for name, settings in self.labels.items()
        }
        for rule in self.rules:
            for part in rule.when.parts():
                if part.guideline is not None:
                    own.setdefault(part.guideline.label.name, part.guideline.label)
        return tuple(own.values())

    @model_validator(mode="after")
    def _labels_are_read_in_seconds(self) -> Policy:
        n_texts = sum(len(label.examples) + (label.description is not None) for label in self.custom_labels)
        if n_texts > MAX_LABEL_TEXTS:
            found = f"labels and guidelines hold {n_texts} descriptions and examples"
            raise _misplaced(f"{found}; expected at most {MAX_LABEL_TEXTS}, keep the most telling ones", "labels")
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
        own = {name: settings.threshold for name, settings in self.labels.items()}
        bound = Bound(own, self._thresholds)
        compiled = [compile_rule(rule, bound) for rule in sorted(rules, key=lambda rule: -rule.priority)]
        return {phase: tuple(rule for rule in compiled if phase in rule.phases) for phase in Phase}

    @functools.cached_property
    def recalled(self) -> Mapping[Phase, frozenset[str]]:
        """The scores of each phase's messages that some rule looks at later, on another message."""
        named = frozenset(score for rules in self.program.values() for rule in rules for score in rule.recalls)
        return {phase: frozenset(head for of, head in named if of is phase) for phase in Phase}

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


def locate(path: Path) -> Path:
    """Return where a policy lies: the file itself, or where there is none the preset of that name."""
    shipped = PRESETS / f"{path}.yaml"
    return shipped if len(path.parts) == 1 and not path.exists() and shipped.exists() else path


def load_policy(path: Path) -> Policy:
    """Read a policy from a YAML or JSON file, or the preset of that name where there is no such file.

    Raises:
        PolicyError: the file can't be read or doesn't hold a policy; names the line and the field.
    """
    path = locate(path)
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
    return read_policy(text, source)[0]


def read_policy(text: str, source: str) -> tuple[Policy, Any]:
    """Return what ``parse_policy`` returns, and beside it the document as plain JSON values, as its author wrote it.

    Raises:
        PolicyError: as ``parse_policy``.
    """
    reading = read(text, source)
    try:
        return Policy.model_validate(reading.data), reading.data
    except ValidationError as error:
        raise refusal(reading, error.errors(include_url=False)) from error


@functools.cache
def preset(name: str) -> Policy:
    """Return a policy that ships with Baton: ``default``, or what another product's documents show.

    Raises:
        PolicyError: there is none of that name.
    """
    names = preset_names()
    if name not in names:
        raise PolicyError(f"no preset {name!r}; expected one of {', '.join(names)}")
    return load_policy(PRESETS / f"{name}.yaml")


def preset_names() -> list[str]:
    """Return the names of the policies that ship with Baton, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def default_policy() -> Policy:
    """Return the policy that Baton starts with."""
    return preset("default")


def _misplaced(message: str, *path: str | int) -> PydanticCustomError:
    """Return an error of the whole document that knows the place it speaks of."""
    return PydanticCustomError("policy", "{message}", {"message": message, "path": path})


def _remembered(condition: Condition) -> Iterator[str]:
    """Yield the rule ids that a condition remembers."""
    for part in condition.parts():
        if part.turn is not None:
            yield from part.turn.fired or ()
