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
        "sentence": "The customer asks for a person (“get me a real person”).",
    },
    "reasons": [{"code": "explicit_request", "rule_id": "explicit_request"}],
    "text": "Let me bring in a colleague who can sort this out with you.",
    "action": {"type": "inbox", "inbox_id": "support", "priority": "normal", "tags": ["escalated"]},
    "also": [],
    "collect": [],
    "recheck_at": None,
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
        "custom": None,
        "risk": None,
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
_SHOP: Final[dict[str, Any]] = {
    "name": "shop",
    "note": "legal threats go to the legal team",
    "rules": [
        {"id": "asks", "when": {"explicit": {"threshold": 0.8}}, "then": "escalate", "priority": 900},
        {
            "id": "legal",
            "when": {"topic": {"labels": ["legal_threat"], "threshold": 0.7}},
            "then": "escalate",
            "priority": 800,
            "action": {"type": "inbox", "inbox_id": "legal", "priority": "urgent"},
        },
    ],
}
_SHOP_YAML: Final = """\
name: shop
note: legal threats go to the legal team
rules:
  - id: asks
    when: {explicit: {threshold: 0.8}}
    then: escalate
    priority: 900
  - id: legal
    when: {topic: {labels: [legal_threat], threshold: 0.7}}
    then: escalate
    priority: 800
    action: {type: inbox, inbox_id: legal, priority: urgent}
"""
_SHOP_PRINT: Final = "3f2a9c1e" + "0" * 56
_SHOP_NAME: Final[dict[str, Any]] = {
    "name": "shop",
    "version": 2,
    "label": "shop@3f2a9c1e",
    "fingerprint": _SHOP_PRINT,
}
_OLD_NAME: Final[dict[str, Any]] = {
    "name": "shop",
    "version": 1,
    "label": "shop@77d0aa12",
    "fingerprint": "77d0aa12" + "0" * 56,
}
_SHOP_VERSION: Final[dict[str, Any]] = {
    **_SHOP_NAME,
    "note": "legal threats go to the legal team",
    "created_at": "2026-11-20T09:00:00Z",
    "active": [{"bot_id": "shop", "since": "2026-11-20T09:30:00Z"}],
    "shadow": [],
}
_FINDING: Final[dict[str, Any]] = {
    "code": "unknown_label",
    "severity": "error",
    "rule_id": "legal",
    "message": "the bundle default-2026.11.0 has no topic 'legal'; the trigger never fires on it",
}
_IN_FORCE: Final[dict[str, Any]] = {
    **_SHOP_NAME,
    "scope": "bot",
    "since": "2026-11-20T09:30:00Z",
    "problem": None,
}
_OLD_IN_FORCE: Final[dict[str, Any]] = {
    **_OLD_NAME,
    "scope": "every_bot",
    "since": "2026-11-19T09:30:00Z",
    "problem": None,
}
_BOT_POLICY: Final[dict[str, Any]] = {
    "bot_id": "shop",
    "active": _IN_FORCE,
    "shadow": None,
    "history": [
        {**_SHOP_NAME, "role": "active", "bot_id": "shop", "since": "2026-11-20T09:30:00Z", "until": None},
        {**_OLD_NAME, "role": "active", "bot_id": None, "since": "2026-11-19T09:30:00Z", "until": None},
    ],
}
POLICIES: Final[dict[str, Any]] = {"shop": {"summary": "A policy of two rules", "value": _SHOP}}
POLICIES_YAML: Final[dict[str, Any]] = {"shop": {"summary": "The same in YAML", "value": _SHOP_YAML}}
ACTIVATIONS: Final[dict[str, Any]] = {
    "bot": {
        "summary": "Version 2 for one bot, if what was active is what you think",
        "value": {"version": 2, "bot_id": "shop", "expected": "shop@77d0aa12"},
    },
    "every_bot": {"summary": "For every bot without its own", "value": {"fingerprint": "3f2a9c1e"}},
}
SHADOWS: Final[dict[str, Any]] = {
    "bot": {"summary": "Version 2, for one bot", "value": {"version": 2, "bot_id": "shop"}}
}
POLICY_CREATED_ANSWERS: Final[dict[str, Any]] = {
    "stored": {"summary": "Stored, with one finding", "value": {**_SHOP_VERSION, "active": [], "findings": [_FINDING]}}
}
POLICY_CHECK_ANSWERS: Final[dict[str, Any]] = {
    "good": {
        "summary": "It holds together",
        "value": {
            "name": "shop",
            "label": "shop@3f2a9c1e",
            "fingerprint": _SHOP_PRINT,
            "version": None,
            "findings": [],
        },
    }
}
POLICY_FINDINGS_ANSWERS: Final[dict[str, Any]] = {
    "one": {"summary": "A label that the bundle doesn't have", "value": {"findings": [_FINDING]}}
}
POLICIES_ANSWERS: Final[dict[str, Any]] = {
    "page": {"summary": "The last page", "value": {"policies": [_SHOP_VERSION], "next": None}}
}
POLICY_ANSWERS: Final[dict[str, Any]] = {
    "shop": {
        "summary": "Sent as YAML",
        "value": {**_SHOP_VERSION, "document": _SHOP, "source": _SHOP_YAML, "source_type": "application/yaml"},
    }
}
POLICY_DIFF_ANSWERS: Final[dict[str, Any]] = {
    "threshold": {
        "summary": "A threshold moved",
        "value": {
            "from": _OLD_NAME,
            "to": _SHOP_NAME,
            "changes": [{"path": "rules[legal].when.topic.threshold", "before": 0.6, "after": 0.7}],
        },
    }
}
BOT_POLICY_ANSWERS: Final[dict[str, Any]] = {"shop": {"summary": "A bot with its own policy", "value": _BOT_POLICY}}
SHADOW_ANSWERS: Final[dict[str, Any]] = {
    "shop": {
        "summary": "Three decisions, one of which differs",
        "value": {
            "bot_id": "shop",
            "active": _OLD_IN_FORCE,
            "shadow": _IN_FORCE,
            "n": 3,
            "n_agreeing": 2,
            "n_differing": 1,
            "n_failed": 0,
            "counts": [
                {"action": "continue", "shadow_action": "continue", "n": 2},
                {"action": "continue", "shadow_action": "escalate", "n": 1},
            ],
            "differences": [
                {
                    "decision_id": "d-01a1f877d600bfeef85aed1ec926",
                    "bot_id": "shop",
                    "conversation_id": "c-81",
                    "message_id": "m-3",
                    "action": "continue",
                    "reason": None,
                    "rule_id": None,
                    "shadow_action": "escalate",
                    "shadow_reason": "topic",
                    "shadow_rule_id": "legal",
                    "created_at": "2026-11-20T09:31:00Z",
                }
            ],
        },
    }
}
_DECISION: Final[dict[str, Any]] = {
    "decision_id": "d-01a1f877d600bfeef85aed1ec926",
    "bot_id": "shop",
    "conversation_id": "c-81",
    "message_id": "m-3",
    "created_at": "2026-11-20T09:30:00Z",
    "epoch": 1,
    "policy": "default@3f2a9c1e",
    "policy_fingerprint": _SHOP_PRINT,
    "bundle": "default-2026.11.0",
    "answer": _ESCALATE,
    "messages": [
        {
            "id": "m-3",
            "role": "customer",
            "text": "this is useless, get me a real person",
            "at": "2026-11-20T09:30:00Z",
            "passages": [],
            "fallback": False,
            "confidence": None,
            "scores": {"explicit": 0.99, "frustration": 0.88},
        }
    ],
    "request": {"customer": {"id": "u-9", "tier": "enterprise"}, "channel": "web", "context": {}},
    "state_before": {"version": 3, "epoch": 1, "control": "bot", "n_messages": 2},
    "shadow": None,
    "replayed": {
        "identical": True,
        "problem": None,
        "differs": [],
        "answer": {"phase": "pre", "decision": "escalate", "text": _ESCALATE["text"]},
    },
}
DECISION_ANSWERS: Final[dict[str, Any]] = {
    "escalate": {"summary": "Scores, state and replay shortened", "value": _DECISION}
}
SCORE_ANSWERS: Final[dict[str, Any]] = {
    "escalate": {"summary": "A person takes over (triggers shortened)", "value": _ESCALATE}
}
BATCH_ANSWERS: Final[dict[str, Any]] = {
    "two": {"summary": "One answer and one problem", "value": {"results": [_ESCALATE, _REFUSED]}}
}
MODELS_ANSWERS: Final[dict[str, Any]] = {"models": {"summary": "Shortened", "value": _MODELS}}
HEALTH_ANSWERS: Final[dict[str, Any]] = {"ok": {"summary": "All is well", "value": {"status": "ok"}}}
