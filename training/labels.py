"""The taxonomy of the default bundle: labels, topics, polarity, in one order that bundles record.

Version changes when a label is added, removed or changes meaning; bundles carry it.
"""

VERSION = 1

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
ANSWER_PARTS: tuple[str, ...] = ("sufficient", "grounded", "answers")
