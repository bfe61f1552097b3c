"""The taxonomy of the default bundle: labels, topics, polarity, in one order that bundles record.

Version changes when a label is added, removed or changes meaning; bundles carry it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.records import LabelledMessage

VERSION = 2

LABELS: tuple[str, ...] = (
    "request_human", "ask_contact_info", "ask_if_bot", "express_frustration", "abusive_language", "file_complaint",
    "demand_refund", "refund_status", "billing_dispute", "security_incident", "account_cancellation", "report_bug",
    "payment_failed", "login_password", "harassment_report", "legal_threat", "safety_risk", "cancel_order",
    "change_order", "place_order", "order_status", "delivery_info", "change_details", "create_account",
    "switch_account", "registration_problem", "invoice", "payment_methods", "fees", "refund_policy", "review",
    "newsletter", "greeting", "thanks_bye", "affirm", "deny", "provide_info",
)  # fmt: skip

# labels that are also reported as topics: what an escalation is about
TOPICS: tuple[str, ...] = (
    "billing_dispute", "account_cancellation", "security_incident", "harassment_report", "legal_threat", "safety_risk",
    "demand_refund", "file_complaint", "report_bug",
)  # fmt: skip

POLARITIES: tuple[str, ...] = ("negative", "neutral", "positive")
# what a message does in its conversation: a customer's, judged with the bot's message before it; a bot's own
CUSTOMER_DIALOGUE: tuple[str, ...] = ("not_helped", "insists", "resolved")
BOT_DIALOGUE: tuple[str, ...] = ("bot_cannot", "bot_offers_person", "bot_fallback", "bot_asks_details")
DIALOGUE: tuple[str, ...] = (*CUSTOMER_DIALOGUE, *BOT_DIALOGUE)
ANSWER_PARTS: tuple[str, ...] = ("sufficient", "grounded", "answers")


def truth_matrix(rows: Sequence[LabelledMessage]) -> np.ndarray:
    """Return float64 (rows, labels): 1 present, 0 known to be absent, NaN not labelled."""
    matrix = np.full((len(rows), len(LABELS)), np.nan)
    column = {label: number for number, label in enumerate(LABELS)}
    for number, row in enumerate(rows):
        for label in LABELS if row.known == "all" else row.known:
            matrix[number, column[label]] = 0.0
        for label in row.labels:
            matrix[number, column[label]] = 1.0
    return matrix


def dialogue_matrix(rows: Sequence[LabelledMessage]) -> np.ndarray:
    """Return float64 (rows, dialogue labels): 1 present, 0 absent, NaN not labelled or of the other role."""
    matrix = np.full((len(rows), len(DIALOGUE)), np.nan)
    for number, row in enumerate(rows):
        if row.dialogue is None:
            continue
        for label in BOT_DIALOGUE if row.role == "bot" else CUSTOMER_DIALOGUE:
            matrix[number, DIALOGUE.index(label)] = float(label in row.dialogue)
    return matrix
