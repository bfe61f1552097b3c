"""The examples in the OpenAPI document; a test sends each request and checks each answer."""

from __future__ import annotations

from typing import Any, Final

_ASKS_FOR_A_PERSON: Final[dict[str, Any]] = {
    "conversation_id": "c-81",
    "bot_id": "shop",
    "message": {
        "id": "m-3",
        "role": "customer",
        "text": "this is useless, get me a real person",
        "at": "2026-11-20T09:30:00Z",
    },
    "customer": {"id": "u-9", "tier": "enterprise", "language": "en"},
    "channel": "web",
    "context": {},
}
_WITH_A_DRAFT: Final[dict[str, Any]] = {
    "conversation_id": "c-82",
    "bot_id": "shop",
    "message": {"id": "m-1", "role": "customer", "text": "How long does delivery to Spain take?"},
    "bot": {
        "reply": "Delivery to Spain takes three to five working days.",
        "passages": ["Parcels to Spain and Portugal arrive within three to five working days."],
    },
}
_A_DRAFT: Final[dict[str, Any]] = {
    "conversation_id": "c-83",
    "bot_id": "shop",
    "message": {
        "id": "m-2",
        "role": "bot",
        "text": "Sorry, I did not understand that.",
        "fallback": True,
        "confidence": 0.2,
    },
}
_WITHOUT_MEMORY: Final[dict[str, Any]] = {
    "message": {"id": "m-3", "role": "customer", "text": "Still the same error. What now?"},
    "history": [
        {"id": "m-1", "role": "customer", "text": "My invoice shows the wrong address."},
        {"id": "m-2", "role": "bot", "text": "You can change your address in the settings."},
    ],
}
SCORES: Final[dict[str, Any]] = {
    "customer": {"summary": "A customer's message", "value": _ASKS_FOR_A_PERSON},
    "draft": {"summary": "A customer's message with the bot's draft answer", "value": _WITH_A_DRAFT},
    "bot": {"summary": "A bot's draft answer on its own", "value": _A_DRAFT},
    "stateless": {"summary": "Nothing remembered: the history comes along", "value": _WITHOUT_MEMORY},
}
BATCHES: Final[dict[str, Any]] = {
    "two": {
        "summary": "Two conversations",
        "value": {
            "items": [
                {"conversation_id": "c-91", "message": {"id": "m-1", "role": "customer", "text": "Where is my parcel?"}},
                {"conversation_id": "c-92", "message": {"id": "m-1", "role": "customer", "text": "agent please"}},
            ]
        },
    }
}
SCORE_ANSWERS: Final[dict[str, Any]] = {}
BATCH_ANSWERS: Final[dict[str, Any]] = {}
MODELS_ANSWERS: Final[dict[str, Any]] = {}
HEALTH_ANSWERS: Final[dict[str, Any]] = {"ok": {"summary": "All is well", "value": {"status": "ok"}}}
