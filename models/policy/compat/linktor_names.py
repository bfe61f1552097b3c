"""What Linktor calls things, and what we call them; the values are the same unless the modules that use these say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SOURCE: Final = "linktor"
# the threshold that its documents show; ours when a policy from there has none
THRESHOLD: Final = 0.8

SECTIONS: Final = (
    "triggers", "action", "messages", "handoff", "routing", "priority", "sla", "agentTakeover", "agentAssist", "webhooks",
)  # fmt: skip
# by our trigger
FAMILIES: Final[Mapping[str, str]] = {
    "keyword": "keywords",
    "intent": "intent",
    "sentiment": "sentiment",
    "repetition": "repetition",
    "topic": "topics",
    "time": "time",
}
MATCHES: Final[Mapping[str, str]] = {"exact": "exact", "contains": "contains", "startsWith": "starts_with"}
KEYWORDS: Final[Mapping[str, str]] = {"terms": "terms", "caseSensitive": "case_sensitive"}
SENTIMENT: Final[Mapping[str, str]] = {
    "threshold": "below",
    "consecutiveNegative": "streak",
    "includeNeutral": "include_neutral",
}
REPETITION: Final[Mapping[str, str]] = {
    "maxRetries": "max_retries",
    "maxFallbacks": "max_fallbacks",
    "maxLoops": "max_loops",
}
TIME: Final[Mapping[str, str]] = {
    "maxDuration": "max_duration_seconds",
    "maxMessages": "max_messages",
    "maxBotResponses": "max_bot_responses",
}
MESSAGES: Final[Mapping[str, str]] = {
    "preEscalation": "pre_escalation",
    "collectingInfo": "collecting_info",
    "transferring": "transferring",
    "inQueue": "in_queue",
    "queuePosition": "queue_position",
    "agentAssigned": "agent_assigned",
    "agentsOffline": "agents_offline",
    "leaveMessage": "leave_message",
    "confirmationOffline": "confirmation_offline",
}
BRIEF: Final[Mapping[str, str]] = {
    "includeSummary": "summary",
    "summaryPrompt": "summary_prompt",
    "maxSummaryLength": "max_summary_characters",
    "includeFullTranscript": "transcript",
    "transcriptLimit": "transcript_limit",
    "highlightKeyMessages": "highlight_key_messages",
    "includeMetadata": "include_metadata",
    "includeCustomerProfile": "customer_profile",
    "includeConversationHistory": "conversation_history",
    "includePurchaseHistory": "purchase_history",
    "includeCustomFields": "custom_fields",
}
CONDITIONS: Final[Mapping[str, str]] = {
    "topic": "topic",
    "customerTier": "customer_tier",
    "productCategory": "product_category",
    "channel": "channel",
    "language": "language",
}
SKILLS: Final[Mapping[str, str]] = {
    "enabled": "enabled",
    "requiredSkills": "required_skills",
    "preferredLanguage": "preferred_language",
    "fallbackBehavior": "fallback_behavior",
}
ASSIGNMENT: Final[Mapping[str, str]] = {
    "strategy": "strategy",
    "agentId": "agent_id",
    "teamId": "team_id",
    "skills": "skills",
    "fallbackInbox": "fallback_inbox",
}
WEBHOOK: Final[Mapping[str, str]] = {
    "url": "url",
    "method": "method",
    "headers": "headers",
    "bodyTemplate": "body_template",
}
CALLBACK: Final[Mapping[str, str]] = {
    "collectPhone": "collect_phone",
    "collectPreferredTime": "collect_preferred_time",
    "availableSlots": "available_slots",
    "confirmationMessage": "confirmation_message",
}
INBOX: Final[Mapping[str, str]] = {"inboxId": "inbox_id", "priority": "priority", "tags": "tags"}
CLOCK: Final[Mapping[str, str]] = {"firstResponse": "first_response_seconds", "resolution": "resolution_seconds"}
ASSIST_MODE: Final[Mapping[str, str]] = {
    "suggestResponses": "suggest_responses",
    "provideContext": "provide_context",
    "answerInternalQueries": "answer_internal_queries",
}
RETURN: Final[Mapping[str, str]] = {
    "enabled": "enabled",
    "trigger": "trigger",
    "confirmWithCustomer": "confirm_with_customer",
}
FEATURES: Final[Mapping[str, str]] = {
    "suggestedResponses": "suggested_responses",
    "knowledgeSearch": "knowledge_search",
    "sentimentIndicator": "sentiment_indicator",
    "customerInsights": "customer_insights",
    "nextBestAction": "next_best_action",
}
NOTIFY: Final[Mapping[str, str]] = {
    "onEscalation": "on_escalation",
    "onAgentAssigned": "on_agent_assigned",
    "onResolved": "on_resolved",
}
