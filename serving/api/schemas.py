"""What callers may send, with every limit. A request that passes here can be decided."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, model_validator
from pydantic_core import PydanticCustomError

from models.contracts import Message, Role
from models.text import MAX_CHARACTERS
from serving.turn.values import Ask

MAX_ID = 256
MAX_PASSAGES_SENT = 20
MAX_HISTORY = 200
MAX_BATCH = 256
MAX_FACTS = 200
MAX_DEPTH = 4
MAX_INTEGER = 2**53
YEARS = (2000, 2100)


def _encodable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError(
            "nul_character", "found a NUL character (U+0000); expected text without it, remove it"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "found half of a surrogate pair; expected valid Unicode, encode the text as UTF-8"
        raise PydanticCustomError("lone_surrogate", message) from None
    return text


def _readable(text: str) -> str:
    if not any(char.isprintable() and not char.isspace() for char in text):
        message = "found no visible character; expected 1 to 8192 characters, send only messages that say something"
        raise PydanticCustomError("text_empty", message)
    return text


def _short_enough(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        found = {"found": len(text), "limit": MAX_CHARACTERS}
        raise PydanticCustomError(
            "text_too_long", "found {found} characters; expected at most {limit}, shorten it", found
        )
    return text


def _plain_id(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        message = "found blanks at an end or characters that can't be printed; expected a plain id such as c-81"
        raise PydanticCustomError("id_not_printable", message)
    return value


def _only_text(value: object) -> object:
    if isinstance(value, str):
        return value
    message = 'expected a string such as "2026-11-20T09:30:00Z"'
    raise PydanticCustomError("instant_type", message)  # a number would be taken for seconds since 1970


def _instant(value: datetime) -> datetime:
    if value.tzinfo is None:
        message = "found an instant without a time zone; expected one such as 2026-11-20T09:30:00Z, or none for now"
        raise PydanticCustomError("instant_naive", message)
    if not YEARS[0] <= value.year < YEARS[1]:
        raise PydanticCustomError("instant_range", "expected an instant from 2000 to 2099; check the clock")
    return value.astimezone(UTC)


def _facts(value: dict[str, Any]) -> dict[str, Any]:
    if _count(value, depth=0) > MAX_FACTS:
        raise PydanticCustomError("facts_too_many", "found more than 200 values; expected only what rules look at")
    return value


def _count(value: object, depth: int) -> int:
    """Count the values in a JSON value, refusing what can't be stored and compared."""
    if depth > MAX_DEPTH:
        raise PydanticCustomError("facts_too_deep", "found more than 4 levels; expected a flatter object")
    match value:
        case None | bool():
            return 1
        case str():
            _short_enough(_encodable(value))
            return 1
        case int() if abs(value) <= MAX_INTEGER:
            return 1
        case float() if math.isfinite(value):
            return 1
        case list():
            return sum(_count(item, depth + 1) for item in value)
        case dict():
            return sum(_count(key, depth + 1) + _count(item, depth + 1) for key, item in value.items())
    raise PydanticCustomError("facts_number", "found a number that can't be stored exactly; expected one below 2**53")


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(_encodable), AfterValidator(_plain_id)]
Text = Annotated[
    str,
    AfterValidator(_short_enough),
    AfterValidator(_encodable),
    AfterValidator(_readable),
    Field(json_schema_extra={"minLength": 1, "maxLength": MAX_CHARACTERS}),
]
Passage = Annotated[
    str,
    AfterValidator(_short_enough),
    AfterValidator(_encodable),
    Field(json_schema_extra={"maxLength": MAX_CHARACTERS}),
]
Passages = Annotated[tuple[Passage, ...], Field(max_length=MAX_PASSAGES_SENT)]
Instant = Annotated[datetime, BeforeValidator(_only_text), AfterValidator(_instant)]
Probability = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
Facts = Annotated[dict[str, Any], AfterValidator(_facts)]

_PASSAGES = "Only the first 3 that aren't blank are read."
_CONFIDENCE = "The bot's own confidence, if it has one. It counts only when no passages are sent."


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MessageBody(_Body):
    """One utterance. `passages`, `fallback` and `confidence` belong to a bot's message and to no other."""

    id: Id = Field(
        description="Your id of the message, one per conversation whoever speaks. The same id returns the recorded answer."
    )
    role: Role = Field(description="Who said it.")
    text: Text = Field(description="What was said, 1 to 8,192 characters.")
    at: Instant | None = Field(default=None, description="When it was said, with a time zone. Absent: now.")
    passages: Passages = Field(default=(), description="What the bot drafted its answer from. " + _PASSAGES)
    fallback: Flag = Field(default=False, description='Whether the draft is the bot\'s "I did not understand".')
    confidence: Probability | None = Field(default=None, description=_CONFIDENCE)

    @model_validator(mode="after")
    def _drafts_are_the_bots(self) -> Self:
        if self.role is not Role.BOT and (self.passages or self.fallback or self.confidence is not None):
            message = "passages, fallback and confidence describe a bot's answer; expected them with the role bot only"
            raise PydanticCustomError("draft_of_another", message)
        return self

    def message(self, now: datetime) -> Message:
        """Return the message; without a clock of its own it was said ``now``."""
        return Message(
            id=self.id,
            role=self.role,
            text=self.text,
            at=self.at or now,
            passages=self.passages,
            fallback=self.fallback,
            confidence=self.confidence,
        )


class DraftBody(_Body):
    """The bot's draft answer to the customer's message, when the caller has both at hand."""

    reply: Text = Field(description="What the bot would answer, 1 to 8,192 characters.")
    passages: Passages = Field(default=(), description="What the answer was drafted from. " + _PASSAGES)
    fallback: Flag = Field(default=False, description='Whether it is the bot\'s "I did not understand".')
    confidence: Probability | None = Field(default=None, description=_CONFIDENCE)


class ScoreBody(_Body):
    """A message to decide, in its conversation.

    With `conversation_id` Baton remembers the conversation. Without it nothing is remembered or recorded, and `history`
    may hold what was said before, oldest first.
    """

    conversation_id: Id | None = Field(
        default=None, description="Your id of the conversation, one per bot. Absent: the call is stateless."
    )
    bot_id: Id = Field(default="default", description="Which of your bots speaks.")
    message: MessageBody
    bot: DraftBody | None = Field(default=None, description="The bot's draft answer to this customer message.")
    history: Annotated[tuple[MessageBody, ...], Field(max_length=MAX_HISTORY)] = Field(
        default=(),
        description="The conversation so far, each message with its id, oldest first; only without `conversation_id`.",
    )
    customer: Facts = Field(default_factory=dict, description="What rules may know of the customer: tier, language ...")
    channel: Id | None = Field(default=None, description="Where the conversation takes place, such as web.")
    context: Facts = Field(default_factory=dict, description="Anything else that your rules look at.")
    dry_run: Flag = Field(default=False, description="Decide, but change and record nothing.")

    @model_validator(mode="after")
    def _one_memory(self) -> Self:
        if self.conversation_id is not None and self.history:
            message = (
                "found conversation_id and history; expected one of them: with conversation_id Baton remembers the "
                "conversation itself, without it the history says what came before"
            )
            raise PydanticCustomError("two_memories", message)
        return self

    @model_validator(mode="after")
    def _drafts_answer_customers(self) -> Self:
        if self.bot is not None and self.message.role is not Role.CUSTOMER:
            message = "found bot beside a message that isn't the customer's; send the bot's answer as the message"
            raise PydanticCustomError("draft_without_question", message)
        return self

    def ask(self, now: datetime) -> Ask:
        """Return the request in the service's own terms."""
        message = self.message.message(now)
        return Ask(
            bot_id=self.bot_id,
            conversation_id=self.conversation_id,
            message=message,
            draft=_draft(self.bot, message) if self.bot else None,
            history=tuple(earlier.message(message.at) for earlier in self.history),
            customer=self.customer,
            channel=self.channel,
            context=self.context,
            dry_run=self.dry_run,
        )


class BatchBody(_Body):
    """Up to 256 messages. Those of one conversation are taken in order, conversations side by side."""

    items: Annotated[list[SkipValidation[ScoreBody]], Field(min_length=1, max_length=MAX_BATCH)]


def _draft(body: DraftBody, question: Message) -> Message:
    return Message(
        id=f"{question.id}#draft",
        role=Role.BOT,
        text=body.reply,
        at=question.at,
        passages=body.passages,
        fallback=body.fallback,
        confidence=body.confidence,
    )
