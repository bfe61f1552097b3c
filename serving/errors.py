"""Serving's errors, one tree under ``models.errors.BatonError``.

    ServingError
    ├── Overloaded            more work than the limits allow; come back later
    │   └── Stopping          the service is going down and takes nothing new
    ├── StoreUnavailable      the database is locked, full, gone or of another version
    ├── ConversationBusy      other turns of the same conversation kept coming first
    ├── StaleState            the conversation moved on between reading and writing (never leaves the room)
    ├── MessageConflict       a message id that was used for another message
    ├── PolicyNotFound        no policy of this name, version or fingerprint
    ├── PolicyMoved           another policy is active than the caller thought
    ├── DecisionNotFound      no decision of this id is recorded
    ├── BodyTooLarge          more bytes than the limit
    ├── BodyTooSlow           the body didn't arrive in time
    ├── UnknownMediaType      the body is declared as something that isn't read here
    ├── ForeignHost           a request for a host name that isn't this machine's
    └── AddressUnavailable    the address to listen on is taken or isn't ours

HTTP statuses stand in ``api/problems.py`` and nowhere else.
"""

from __future__ import annotations

from models.errors import BatonError


class ServingError(BatonError):
    """Base of serving's errors; ``retry_after_seconds`` is set where trying again helps."""

    retry_after_seconds: int | None = None


class Overloaded(ServingError):
    """More work waits than the limits allow; nothing of this request was done."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Stopping(Overloaded):
    """The service is stopping: it finishes what it took and takes nothing new."""


class StoreUnavailable(ServingError):
    """The database can't be read or written; the message may be sent again, it never counts twice."""

    retry_after_seconds = 5


class ConversationBusy(ServingError):
    """Parallel turns of the same conversation kept coming first; nothing of this request was recorded."""

    retry_after_seconds = 1


class StaleState(ServingError):
    """The conversation moved on after it was read; read it again."""


class MessageConflict(ServingError):
    """A message id came again with another content; ids name one message for ever."""


class PolicyNotFound(ServingError):
    """There is no policy of this name, version or fingerprint; nothing was changed."""


class PolicyMoved(ServingError):
    """Another policy is active than the caller expected; nothing was changed."""


class DecisionNotFound(ServingError):
    """No decision of this id is recorded; dry runs and stateless calls leave none."""


class BodyTooLarge(ServingError):
    """The request body has more bytes than the limit; it was not read to its end."""


class BodyTooSlow(ServingError):
    """The request body didn't arrive in time."""


class UnknownMediaType(ServingError):
    """The body is declared as a media type that isn't read here."""


class ForeignHost(ServingError):
    """The request names a host that isn't this machine's; a web page may be trying to reach the service."""


class AddressUnavailable(ServingError):
    """The service can't listen where it was told to; it doesn't start."""
