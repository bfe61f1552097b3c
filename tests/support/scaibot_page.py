"""The code blocks of ScaiBot's page on escalation, as they stand there."""

KEYWORD = """
{
  "trigger_type": "keyword",
  "trigger_config": {
    "keywords": ["refund", "chargeback", "billing error"],
    "match_mode": "substring"
  }
}
"""

EXPLICIT = """
{ "trigger_type": "explicit" }
"""

INTENT = """
{
  "trigger_type": "intent",
  "trigger_config": {
    "intents": ["buying-intent", "cancellation-intent"],
    "threshold": 0.7
  }
}
"""

SENTIMENT = """
{
  "trigger_type": "sentiment",
  "trigger_config": {
    "threshold": -0.6,
    "window_messages": 3
  }
}
"""

CONFIDENCE = """
{
  "trigger_type": "confidence",
  "trigger_config": {
    "threshold": 0.5,
    "consecutive_low_turns": 2
  }
}
"""

EMAIL = """
{
  "action_type": "email",
  "action_config": {
    "to": "support@example.com",
    "subject_template": "[ScaiBot escalation] {bot_name} – {trigger_name}"
  }
}
"""

WEBHOOK = """
{
  "action_type": "webhook",
  "action_config": {
    "url": "https://your-crm.example.com/escalations",
    "headers": {"X-Source": "scaibot"},
    "signing_secret": "wh_secret_..."
  }
}
"""

SLACK = """
{
  "action_type": "slack",
  "action_config": {
    "webhook_url": "https://hooks.slack.com/services/...",
    "channel_override": "#support-escalations"
  }
}
"""

QUEUE = """
{
  "action_type": "scaiqueue",
  "action_config": {
    "topic": "human-review",
    "priority": 5
  }
}
"""

TRIGGERS = {
    "keyword": KEYWORD,
    "explicit": EXPLICIT,
    "intent": INTENT,
    "sentiment": SENTIMENT,
    "confidence": CONFIDENCE,
}
ACTIONS = {"email": EMAIL, "webhook": WEBHOOK, "slack": SLACK, "scaiqueue": QUEUE}
# the text that the page advises for a safety net
SORRY = "I'm not sure I have a good answer for this — let me get someone who can help."
