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
                {
                    "conversation_id": "c-91",
                    "message": {"id": "m-1", "role": "customer", "text": "Where is my parcel?"},
                },
                {"conversation_id": "c-92", "message": {"id": "m-1", "role": "customer", "text": "agent please"}},
            ]
        },
    }
}
_ESCALATE: Final[dict[str, Any]] = {
    "decision_id": "d-01a1f877d600bfeef85aed1ec926",
    "conversation_id": "c-81",
    "message_id": "m-3",
    "phase": "pre",
    "decision": "escalate",
    "reason": {
        "code": "explicit_request",
        "rule_id": "explicit_request",
        "sentence": "The customer asks for a person.",
    },
    "reasons": [{"code": "explicit_request", "rule_id": "explicit_request"}],
    "text": "Let me bring in a colleague who can sort this out with you.",
    "action": {"type": "inbox", "inbox_id": "support", "priority": "normal", "tags": ["escalated"]},
    "handoff_id": None,
    "suppressed": None,
    "degraded": [],
    "scores": {
        "intents": [{"label": "request_human", "probability": 0.98}],
        "out_of_scope": 0.01,
        "explicit": 0.99,
        "sentiment": {"score": -0.71, "label": "negative"},
        "frustration": 0.88,
        "topics": [],
        "confidence": None,
        "answer": None,
        "dialogue": None,
        "language": {"code": "en", "probability": 0.99},
        "status": {"confidence": "not_available", "dialogue": "not_available"},
    },
    "triggers": [
        {
            "name": "explicit",
            "rule_id": "explicit_request",
            "status": "fired",
            "value": 0.99,
            "operator": ">=",
            "threshold": 0.8,
            "margin": 0.19,
            "evidence": {"phrase": "real person"},
        }
    ],
    "would_flip_if": [{"what": "scores.explicit", "from": 0.99, "to": 0.79, "decision": "offer"}],
    "versions": {"policy": "default@3f2a9c1e", "bundle": "default-2026.11.0"},
    "latency_ms": 2.4,
}
_REFUSED: Final[dict[str, Any]] = {
    "type": "urn:baton:problem:invalid-request",
    "title": "The request can't be understood",
    "status": 422,
    "detail": "message.text: found no visible character; expected 1 to 8192 characters, send only messages that say "
    "something; mend the fields under errors and send it again",
    "instance": "urn:baton:request:r-57e171c87014e18d",
    "errors": [
        {
            "field": "message.text",
            "problem": "found no visible character; expected 1 to 8192 characters, send only messages that say something",
        }
    ],
}
_MODELS: Final[dict[str, Any]] = {
    "bundle": {
        "label": "default-2026.11.0",
        "manifest": {
            "name": "default",
            "version": "2026.11.0",
            "languages": ["en"],
            "heads": {
                "explicit": {
                    "graph": "message",
                    "labels": ["explicit"],
                    "calibration": {"kind": "platt", "slope": [1.1], "intercept": [-0.2]},
                    "thresholds": {"explicit": 0.8},
                    "metrics": {"n": 2000, "ece_15": 0.01, "brier": 0.02},
                }
            },
        },
    },
    "policy": {"label": "default@3f2a9c1e", "fingerprint": "3f2a9c1e" + "0" * 56},
}
SCORE_ANSWERS: Final[dict[str, Any]] = {
    "escalate": {"summary": "A person takes over (triggers shortened)", "value": _ESCALATE}
}
BATCH_ANSWERS: Final[dict[str, Any]] = {
    "two": {"summary": "One answer and one problem", "value": {"results": [_ESCALATE, _REFUSED]}}
}
MODELS_ANSWERS: Final[dict[str, Any]] = {"models": {"summary": "Shortened", "value": _MODELS}}
HEALTH_ANSWERS: Final[dict[str, Any]] = {"ok": {"summary": "All is well", "value": {"status": "ok"}}}
