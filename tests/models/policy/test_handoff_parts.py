"""What a policy says of handoffs: actions, routing, priority, SLA, texts and their variables (parsed, checked and kept here)."""

import json
import re

import pytest

from models.errors import PolicyError
from models.policy.handoff import PRIORITIES
from models.policy.schema import Policy, parse_policy
from models.policy.templates import check, variables
from tests.models.policy.builders import as_json, customer, policy_of, rule, take

A = {"keyword": {"terms": ["alpha"]}}


def refusal(**fields):
    """The error that a policy with these fields gives."""
    with pytest.raises(PolicyError) as error:
        parse_policy(json.dumps({"name": "p", "rules": [], **fields}), "p.json")
    return str(error.value)


def acted(action):
    """What decision.action says when a rule with an action escalates."""
    return take(policy_of(rule(A, action=action)), customer("alpha")).decision.action


# templates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ()),
        ("You're number {{position}}, {{ wait_time }}.", ("position", "wait_time")),
        ("{{agent.name}}{{agent.name}}", ("agent.name", "agent.name")),
        ("Bearer {{CRM_TOKEN}} {{secrets.CRM_TOKEN}}", ("secrets.CRM_TOKEN", "secrets.CRM_TOKEN")),
        ("{one} brace is { text }", ()),
    ],
)
def test_the_variables_of_a_template(text, expected):
    """X-14: names and dots between double braces, in order; single braces are text."""
    assert expected == variables(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{position", "`{{` without `}}`"),
        ("position}}", "`}}` without `{{`"),
        ("{{a}} b}}", "`}}` without `{{`"),
        ("{{a {{b}}", "expected names and dots"),
        ("{{}}", "expected names and dots"),
        ("{{a.}}", "expected names and dots"),
        ("{{a()}}", "expected names and dots"),
        ("{{a[0]}}", "expected names and dots"),
        ("{{#if a}}", "expected names and dots"),
        ("{{a|safe}}", "expected names and dots"),
        ("{{1+1}}", "expected names and dots"),
    ],
)
def test_what_is_no_template_is_refused(text, expected):
    """X-14: braces that don't match, and everything but a path between them, are errors."""
    with pytest.raises(ValueError, match=re.escape(expected)):
        variables(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{{positon}}",
            "unknown variable {{positon}}; expected one of {{position}}, {{wait_time}}; did you mean {{position}}?",
        ),
        ("{{zebra}}", "unknown variable {{zebra}}; expected one of {{position}}, {{wait_time}}"),
        ("{{position.__class__}}", "unknown variable {{position.__class__}}"),
        ("{{__class__}}", "unknown variable {{__class__}}"),
        ("{{TOKEN}}", "the secret {{secrets.TOKEN}} would be read by people here; remove it"),
        ("{{secrets.TOKEN}}", "the secret {{secrets.TOKEN}} would be read by people here; remove it"),
    ],
)
def test_an_unknown_variable_is_named_with_the_known_ones(text, expected):
    """X-14: every place has a closed list of variables; an attribute walk is only an unknown variable."""
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        check(text, ("wait_time", "position"))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("escalate", "One moment.", "{{agent.name}}"),
        ("offer", "Shall I?", "{{position}}"),
        ("pre_escalation", "{{bot_name}} gets help", "{{position}}"),
        ("collecting_info", "Tell me more", "{{agent.name}}"),
        ("transferring", "about {{wait_time}}", "{{agent.name}}"),
        ("in_queue", "number {{position}}", "{{agent.name}}"),
        ("queue_position", "{{position}}, {{wait_time}}", "{{escalation.reason}}"),
        ("agent_assigned", "{{agent.name}} is here", "{{position}}"),
        ("takeover", "Hi, I'm {{agent.name}}.", "{{conversation.transcript}}"),
        ("agents_offline", "We sleep. {{conversation.id}}", "{{wait_time}}"),
        ("leave_message", "Leave a message", "{{CRM_TOKEN}}"),
        ("confirmation_offline", "Thanks", "{{contact.id}}"),
        ("confirm_return", "Did {{agent.name}} help?", "{{secrets.KEY}}"),
    ],
)
def test_messages_parsed_and_checked(name, good, bad):
    """L-33 to L-35, M-10 to M-12 (parsed and kept; sent with the handoff): a text for everybody or per locale, with its variables."""
    for texts in (good, {"en": good, "de": "Moment"}):
        policy = policy_of(messages={name: texts})
        assert texts == policy.model_dump(mode="json")["messages"][name]
    for texts in (bad, {"en": good, "de": bad}):
        assert f"messages.{name}" in refusal(messages={name: texts})


def test_a_message_of_a_rule_has_no_variables():
    """What the customer reads at once is sent as it stands, so a variable in it is an error."""
    assert "unknown variable {{agent.name}}; no variable can stand here" in refusal(
        rules=[rule(A, message="Hi {{agent.name}}")]
    )


def test_a_template_mistake_has_its_line():
    """The error of a template names the file, the line and the field."""
    text = "name: p\nmessages:\n  in_queue: 'number {{positon}}'\nrules: []\n"
    with pytest.raises(PolicyError, match=r"p.yaml, line 3: messages.in_queue: unknown variable \{\{positon\}\}"):
        parse_policy(text, "p.yaml")


# actions

WHOLE = [
    {"type": "inbox", "inbox_id": "inbox_support", "priority": "normal", "tags": ["escalated", "bot-handoff"]},
    {
        "type": "agent",
        "assignment": {
            "strategy": "specific",
            "agent_id": "ada",
            "team_id": "team_billing",
            "skills": ["billing", "refunds"],
            "fallback_inbox": "inbox_general",
        },
        "priority": "high",
        "tags": ["vip"],
    },
    {
        "type": "webhook",
        "url": "https://your-crm.com/api/tickets",
        "method": "PUT",
        "headers": {"Authorization": "Bearer {{CRM_TOKEN}}", "X-Reason": "{{escalation.reason}}"},
        "body_template": {
            "customerId": "{{contact.id}}",
            "deep": [{"transcript": "{{conversation.transcript}}"}, 1, None],
        },
        "signing_secret": "{{secrets.SIGN}}",
        "signature_header": "X-ScaiBot-Signature",
    },
    {
        "type": "email",
        "to": "support@example.com",
        "subject_template": "{{bot_name}} – {{trigger_name}}",
        "include_transcript": False,
        "include_link": False,
    },
    {"type": "slack", "webhook_url": "{{SLACK_URL}}", "channel_override": "#support-escalations"},
    {"type": "queue", "topic": "human-review", "priority": 5},
    {
        "type": "callback",
        "collect_phone": False,
        "collect_preferred_time": False,
        "available_slots": "any",
        "confirmation_message": "We'll call you back within 2 hours.",
    },
]


@pytest.mark.parametrize("action", WHOLE, ids=lambda action: action["type"])
def test_an_action_arrives_whole(action):
    """L-24 to L-32, S-08 to S-11 (parsed and told; carried out with the handoff): every field stands in decision.action."""
    assert action == acted(action)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"type": "inbox"}, {"type": "inbox"}),
        ({"type": "agent"}, {"type": "agent", "assignment": {"strategy": "least_busy"}}),
        ({"type": "webhook", "url": "https://a.b"}, {"type": "webhook", "url": "https://a.b", "method": "POST"}),
        (
            {"type": "email", "to": "a@b.c"},
            {"type": "email", "to": "a@b.c", "include_transcript": True, "include_link": True},
        ),
        (
            {"type": "callback"},
            {
                "type": "callback",
                "collect_phone": True,
                "collect_preferred_time": True,
                "available_slots": "business_hours",
            },
        ),
        ({"type": "queue", "topic": "t", "priority": "P1"}, {"type": "queue", "topic": "t", "priority": "urgent"}),
    ],
)
def test_an_action_tells_its_defaults_and_nothing_empty(action, expected):
    """What a field is when nobody says it stands in decision.action; what is absent doesn't."""
    assert expected == acted(action)


def test_an_action_is_told_afresh():
    """Whoever gets an action's mapping may change it."""
    action = policy_of(action=WHOLE[0]).action
    action.mapping()["tags"].append("mine")
    assert WHOLE[0] == action.mapping()


@pytest.mark.parametrize("priority", ["urgent", "high", "normal", "low"])
def test_priorities_have_short_names(priority):
    """X-08: P1 to P4 are urgent to low, wherever a handoff has a priority, and make the same policy."""
    short = f"P{PRIORITIES.index(priority) + 1}"
    one, other = (
        policy_of(
            action={"type": "inbox", "priority": name},
            priority={"rules": [{"when": {"channel": "web"}, "priority": name}], "default": name},
        )
        for name in (priority, short)
    )
    assert (priority, one.fingerprint()) == (other.priority.default, other.fingerprint())


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"type": "pigeon"}, "action.type: found 'pigeon'; expected 'inbox', 'agent', 'webhook', 'email'"),
        ({"inbox_id": "x"}, "action.type: a field is missing"),
        ({"type": "inbox", "inboxid": "x"}, "action.inboxid: unknown field; did you mean `inbox_id`?"),
        ({"type": "inbox", "team_id": "x"}, "action.team_id: unknown field"),
        ({"type": "inbox", "priority": "soon"}, "action.priority: priority 'soon', expected one of urgent, high"),
        ({"type": "inbox", "priority": 1}, "action.priority: priority 1, expected one of urgent, high"),
        ({"type": "agent", "team_id": "x"}, "action.team_id: unknown field"),
        ({"type": "agent", "assignment": {"strategy": "fair"}}, "action.assignment.strategy: found 'fair'; expected"),
        ({"type": "agent", "assignment": {"strategy": "specific"}}, "action.assignment: the strategy `specific` needs an agent"),
        ({"type": "webhook"}, "action.url: a field is missing"),
        ({"type": "webhook", "url": "ftp://a.b"}, "action.url: found 'ftp://a.b'; expected an address"),
        ({"type": "webhook", "url": "https://"}, "action.url: found 'https://'; expected an address"),
        ({"type": "webhook", "url": "https://a.b/{{contact.id}}"}, "and has no variables"),
        ({"type": "webhook", "url": "https://a.b", "method": "GET"}, "action.method: found 'GET'; expected 'POST', 'PUT' or 'PATCH'"),
        ({"type": "webhook", "url": "https://a.b", "headers": {"X-A": "a\r\nX-B: b"}}, "action.headers.X-A"),
        ({"type": "webhook", "url": "https://a.b", "headers": {"X A": "a"}}, "action.headers.X A"),
        ({"type": "webhook", "url": "https://a.b", "headers": {"X": "{{conversation.transcript}}"}}, "unknown variable"),
        ({"type": "webhook", "url": "https://a.b", "body_template": {"a": ["{{contact.ide}}"]}}, "did you mean {{contact.id}}?"),
        ({"type": "webhook", "url": "https://a.b", "body_template": {"a": "{{CRM_TOKEN}}"}}, "the secret {{secrets.CRM_TOKEN}}"),
        ({"type": "webhook", "url": "https://a.b", "signature_header": "X"}, "action: signature_header without signing_secret"),
        ({"type": "webhook", "url": "https://a.b", "signing_secret": "{{secrets.low}}"}, "the name of a secret is in capitals"),
        ({"type": "email", "to": "nobody"}, "action.to: found 'nobody'"),
        ({"type": "email", "to": "a@b.c, d@e.f"}, "action.to"),
        ({"type": "email", "to": "a@b.c", "subject_template": "a\nBcc: x@y.z"}, "action.subject_template"),
        ({"type": "email", "to": "a@b.c", "subject_template": "{{bot.name}}"}, "did you mean {{bot_name}}?"),
        ({"type": "slack"}, "action.webhook_url: a field is missing"),
        ({"type": "slack", "webhook_url": "hooks.slack.com"}, "action.webhook_url: found 'hooks.slack.com'"),
        ({"type": "slack", "webhook_url": "{{bot_name}}"}, "unknown variable {{bot_name}}; expected one of a secret in capitals"),
        ({"type": "queue", "topic": "t", "priority": "first"}, "action.priority"),
        ({"type": "callback", "available_slots": "never"}, "action.available_slots: found 'never'; expected 'business_hours' or 'any'"),
        ({"type": "callback", "confirmation_message": "{{CRM_TOKEN}}"}, "action.confirmation_message: the secret"),
    ],
)  # fmt: skip
def test_a_wrong_action_is_refused(action, expected):
    """Every type has its own fields; another field, or a value that it can't have, is named."""
    assert expected in refusal(action=action)


# routing, priority, SLA

ROUTING = {
    "rules": [
        {
            "when": {"topic": "billing", "customer_tier": ["enterprise", "gold"], "customer.region": "EU"},
            "action": {"type": "agent", "assignment": {"team_id": "team_enterprise_billing"}, "priority": "high"},
        },
        {
            "when": {
                "channel": "whatsapp",
                "language": "de",
                "product_category": "software",
                "context.cart.total": 100,
            },
            "action": {"type": "inbox", "inbox_id": "inbox_tech_support"},
        },
    ],
    "default": {"type": "inbox", "inbox_id": "inbox_general"},
    "skills": {
        "enabled": False,
        "required_skills": "{{detected_topic}}",
        "preferred_language": "{{customer.language}}",
        "fallback_behavior": "wait",
    },
}
PRIORITY = {
    "rules": [
        {"when": {"customer_tier": "enterprise"}, "priority": "high"},
        {"when": {"sentiment": {"below": -0.8}, "channel": "web"}, "priority": "urgent"},
        {"when": {"wait_seconds": {"above": 300}, "customer.tags": ["vip", 7, True]}, "priority": "high"},
    ],
    "default": "low",
}
SLA = {
    "urgent": {"first_response_seconds": 30, "resolution_seconds": 1800},
    "low": {"first_response_seconds": 7200},
    "at_risk_ratio": 0.7,
    "business_hours": {
        "time_zone": "Europe/Berlin",
        "hours": {"monday": ["09:00-12:00", "13:00-24:00"], "saturday": ["10:00-12:00"]},
        "holidays": ["2026-12-25"],
    },
}
BRIEF = {
    "summary": False,
    "summary_prompt": "Say it in two sentences.",
    "max_summary_characters": 300,
    "transcript": False,
    "transcript_limit": 20,
    "highlight_key_messages": False,
    "include_metadata": False,
    "customer_profile": False,
    "conversation_history": False,
    "purchase_history": False,
    "custom_fields": ["tier"],
}
TAKEOVER = {
    "bot_behavior": "assist",
    "assist": {"suggest_responses": False, "provide_context": False, "answer_internal_queries": False},
    "return_to_bot": {"enabled": False, "trigger": "timeout", "timeout_seconds": 600, "confirm_with_customer": True},
}
ASSIST = {
    "enabled": False,
    "suggested_responses": False,
    "knowledge_search": False,
    "sentiment_indicator": False,
    "customer_insights": False,
    "next_best_action": False,
}
NOTIFY = {"on_escalation": "https://a.b/1", "on_agent_assigned": "https://a.b/2", "on_resolved": "https://a.b/3"}


@pytest.mark.parametrize(
    ("name", "section"),
    [
        pytest.param("routing", ROUTING, id="L-39, L-40 routing"),
        pytest.param("priority", PRIORITY, id="L-41 priority"),
        pytest.param("sla", SLA, id="L-42, C-14 sla"),
        pytest.param("brief", BRIEF, id="L-36 to L-38 brief"),
        pytest.param("takeover", TAKEOVER, id="L-43 to L-45 takeover"),
        pytest.param("assist", ASSIST, id="L-46 assist"),
        pytest.param("notify", NOTIFY, id="L-49 notify"),
    ],
)
def test_a_section_parsed_and_kept(name, section):
    """Every value of a section is in the policy, comes out of it again, and is part of its fingerprint."""
    policy = policy_of(**{name: section})
    assert section == policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)[name]
    again = parse_policy(as_json(policy), "p.json")
    assert (policy, policy.fingerprint()) == (again, again.fingerprint())
    assert policy.fingerprint() != policy_of().fingerprint()


@pytest.mark.parametrize(
    ("level", "expected"),
    [("urgent", (60, 3600)), ("high", (300, 14400)), ("normal", (900, 86400)), ("low", (3600, 172800))],
)
def test_the_times_of_each_priority(level, expected):
    """L-42: without a word the SLA is Linktor's table in seconds, also where only one of the two is given."""
    clock = getattr(policy_of(sla={level: {"resolution_seconds": 200_000}}).sla, level)
    default = getattr(policy_of().sla, level)
    assert expected == (default.first_response_seconds, default.resolution_seconds)
    assert (expected[0], 200_000) == (clock.first_response_seconds, clock.resolution_seconds)


def test_what_nobody_says_is_the_default():
    """C-10, C-14, X-11: normal priority, at risk at 80 %, the bot pauses, the brief is whole."""
    policy = policy_of()
    assert ("normal", 0.8, "pause", None) == (
        policy.priority.default,
        policy.sla.at_risk_ratio,
        policy.takeover.bot_behavior,
        policy.routing,
    )
    assert (True, True, 500, 50) == (
        policy.brief.summary,
        policy.brief.transcript,
        policy.brief.max_summary_characters,
        policy.brief.transcript_limit,
    )


def test_sections_that_say_the_default_change_no_fingerprint():
    """A policy that writes every default out is the policy that leaves them out, so older fingerprints hold."""
    bare = policy_of()
    names = ("priority", "sla", "brief", "takeover", "assist", "notify", "action", "messages")
    written = {name: getattr(bare, name).model_dump(mode="json") for name in names}
    assert bare.fingerprint() == policy_of(**written).fingerprint()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"routing": {"rules": ROUTING["rules"]}}, "routing: routing has rules and no default; add `default`"),
        ({"routing": {**ROUTING, "rules": [{"when": {}, "action": {"type": "inbox"}}]}}, "routing.rules[0].when: no condition"),
        ({"routing": {**ROUTING, "rules": [{"when": {"tier": "a"}, "action": {"type": "inbox"}}]}}, "unknown field 'tier'; expected topic, customer_tier"),
        ({"routing": {**ROUTING, "rules": [{"when": {"customer.": "a"}, "action": {"type": "inbox"}}]}}, "unknown field 'customer.'"),
        ({"routing": {**ROUTING, "rules": [{"when": {"topic": []}, "action": {"type": "inbox"}}]}}, "routing.rules[0].when.topic"),
        ({"routing": {**ROUTING, "rules": [{"when": {"topic": {"a": 1}}, "action": {"type": "inbox"}}]}}, "routing.rules[0].when.topic"),
        ({"routing": {**ROUTING, "rules": [{"when": {"customer.a": {"b": 1}}, "action": {"type": "inbox"}}]}}, "routing.rules[0].when.customer.a"),
        ({"routing": {**ROUTING, "rules": [{"when": {"sentiment": {"below": 0}}, "action": {"type": "inbox"}}]}}, "routing.rules[0].when"),
        ({"routing": {**ROUTING, "rules": [{"when": {"topic": "a"}, "action": {"type": "x"}}]}}, "routing.rules[0].action.type: found 'x'"),
        ({"routing": {"skills": {"required_skills": "{{topic}}"}}}, "did you mean {{detected_topic}}?"),
        ({"routing": {"skills": {"preferred_language": "{{agent.name}}"}}}, "routing.skills.preferred_language: unknown variable"),
        ({"routing": {"skills": {"fallback_behavior": "leave"}}}, "routing.skills.fallback_behavior: found 'leave'"),
        ({"priority": {"default": "soon"}}, "priority.default: priority 'soon', expected one of"),
        ({"priority": {"rules": [{"when": {"sentiment": {"below": -2}}, "priority": "high"}]}}, "priority.rules[0].when.sentiment.below: found -2"),
        ({"priority": {"rules": [{"when": {"wait_seconds": {"lt": 3}}, "priority": "high"}]}}, "priority.rules[0].when.wait_seconds"),
        ({"priority": {"rules": [{"when": {}, "priority": "high"}]}}, "priority.rules[0].when: no condition"),
        ({"sla": {"urgent": {"first_response_seconds": 0}}}, "sla.urgent.first_response_seconds: found 0"),
        ({"sla": {"urgent": {"first_response_seconds": 7200}}}, "sla.urgent: resolution_seconds 3600 is less than first_response_seconds 7200"),
        ({"sla": {"medium": {}}}, "sla.medium: unknown field"),
        ({"sla": {"at_risk_ratio": 1.0}}, "sla.at_risk_ratio: found 1.0; expected less than 1"),
        ({"sla": {"business_hours": {"time_zone": "Mars/Base", "hours": {"monday": []}}}}, "unknown time zone 'Mars/Base'"),
        ({"sla": {"business_hours": {"time_zone": "UTC", "hours": {"monday": ["9-17"]}}}}, "sla.business_hours.hours.monday[0]: found '9-17'"),
        ({"sla": {"business_hours": {"time_zone": "UTC", "hours": {"monday": ["17:00-09:00"]}}}}, "overlap or go back"),
        ({"sla": {"business_hours": {"time_zone": "UTC", "hours": {"monday": ["09:00-12:00", "11:00-13:00"]}}}}, "overlap or go back"),
        ({"sla": {"business_hours": {"time_zone": "UTC", "hours": {"funday": []}}}}, "sla.business_hours.hours.funday"),
        ({"sla": {"business_hours": {"time_zone": "UTC", "hours": {}}}}, "sla.business_hours.hours"),
        ({"sla": {"business_hours": {"time_zone": "UTC", "hours": {"monday": []}, "holidays": ["2026-02-30"]}}}, "found '2026-02-30'; expected a day"),
        ({"brief": {"max_summary_characters": 10}}, "brief.max_summary_characters: found 10"),
        ({"brief": {"transcript_limit": 0}}, "brief.transcript_limit: found 0"),
        ({"brief": {"summary_prompt": "{{contact.name}}"}}, "brief.summary_prompt: unknown variable"),
        ({"takeover": {"bot_behavior": "leave"}}, "takeover.bot_behavior: found 'leave'; expected 'pause', 'assist' or 'exit'"),
        ({"takeover": {"return_to_bot": {"trigger": "never"}}}, "takeover.return_to_bot.trigger: found 'never'"),
        ({"notify": {"on_escalation": "a.b"}}, "notify.on_escalation: found 'a.b'; expected an address"),
        ({"action": {"type": "slack", "webhook_url": "{{A}} or {{B}}"}}, "action.webhook_url: found '{{A}} or {{B}}'; expected an address"),
        ({"action": {"type": "webhook", "url": "https://a.b", "body_template": {"a": [float("inf")]}}}, "expected a finite number"),
        ({"assist": {"enabled": "yes"}}, "assist.enabled: found 'yes'"),
    ],
)  # fmt: skip
def test_a_wrong_section_is_refused(section, expected):
    """A value that a section can't have is named with its path, what was expected and what to do."""
    assert expected in refusal(**section)


def test_the_published_schema_knows_the_parts():
    """The JSON schema of a policy describes every type of action and every section."""
    schema = Policy.model_json_schema()
    assert {"routing", "priority", "sla", "brief", "takeover", "assist", "notify"} <= set(schema["properties"])
    types = {
        part["properties"]["type"]["const"]
        for part in schema["$defs"].values()
        if "const" in part.get("properties", {}).get("type", {})
    }
    assert {"inbox", "agent", "webhook", "email", "slack", "queue", "callback"} == types


def test_a_secret_that_was_written_out_is_never_shown():
    """A decision tells what is done, not the secrets that it takes; a name in the store of secrets tells none."""
    hook = {
        "type": "webhook",
        "url": "https://crm.example.com",
        "signing_secret": "wh_1234",
        "signature_header": "X-Sig",
    }
    headers = {"Authorization": "Bearer abc", "X-Api-Key": "{{CRM_KEY}}", "X-Source": "baton"}
    slack = {"type": "slack", "webhook_url": "https://hooks.slack.com/services/T0/B0/x"}
    body = {"topic": "billing", "author": "bot", "login": {"api_key": "k", "tokens": ["t"]}}
    policy = policy_of(rule(A, action={**hook, "headers": headers, "body_template": body}, also=[slack]))
    decision = take(policy, customer("alpha")).decision
    assert decision.action["signing_secret"] == "***"
    assert decision.action["headers"] == {"Authorization": "***", "X-Api-Key": "{{CRM_KEY}}", "X-Source": "baton"}
    assert decision.action["body_template"] == {
        "topic": "billing",
        "author": "bot",
        "login": {"api_key": "***", "tokens": ["***"]},
    }
    assert decision.also == ({"type": "slack", "webhook_url": "***"},)
    assert policy.rules[0].action.mapping()["signing_secret"] == "wh_1234"
