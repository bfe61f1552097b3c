"""Linktor's settings as policies: every block of its page, imported, played through the engine, exported (rows L-02 to L-50)."""

import contextlib
import copy
import json
import time

import pytest

from models.contracts import Action
from models.errors import PolicyError
from models.policy.compat.linktor import import_linktor
from models.policy.compat.linktor_export import export_linktor
from models.policy.compat.literal import literals
from models.policy.engine import Turn, decide
from models.policy.schema import preset
from models.policy.state import NEW
from tests.models.policy.builders import bot, customer, play, policy_of, report_of, rule, scored, take
from tests.support.linktor_page import (
    AGENT,
    ASSIST,
    BEFORE,
    BLOCKS,
    CALLBACK,
    COMPLETE,
    CUSTOMER,
    INBOX,
    INTENT,
    KEYWORDS,
    OFFLINE,
    PRIORITY,
    QUEUE,
    REPETITION,
    ROUTING,
    SENTIMENT,
    SKILLS,
    SLA,
    SUMMARY,
    TAKEOVER,
    TIME,
    TOPICS,
    TRANSCRIPT,
    WEBHOOK,
    WEBHOOKS,
)

# what the preset is made of: no teams and no addresses of an example
PRESET = [
    KEYWORDS, INTENT, SENTIMENT, REPETITION, TOPICS, TIME, INBOX, BEFORE, QUEUE, OFFLINE, SUMMARY, TRANSCRIPT, CUSTOMER, PRIORITY,
    SLA, TAKEOVER, ASSIST,
]  # fmt: skip


def policy_from(text, **known):
    """The policy that a text gives, which must need no warning."""
    imported = import_linktor(text, **known)
    assert () == imported.warnings
    return imported.policy()


def triggers(**families):
    """The policy of some triggers."""
    return policy_from(json.dumps({"escalation": {"triggers": families}}))


def escalates(policy, *steps, **known):
    """Whether the last of some steps escalates; a step is a message, or a message and its scores."""
    *before, last = play(policy, *steps)
    assert all(outcome.decision.decision is Action.CONTINUE for outcome in before)
    return last.decision.decision is Action.ESCALATE


def reported(policy, name, rule_id, *steps):
    """The last report of a trigger."""
    return report_of(play(policy, *steps)[-1], name, rule_id)


# keywords


@pytest.mark.parametrize(
    "term",
    ["speak to human", "talk to agent", "real person", "manager", "supervisor", "complaint", "lawyer", "legal"],
)
def test_every_term_escalates(term):
    """L-02, L-03, L-04, L-05: any of the terms, anywhere and in any case, escalates; another message doesn't."""
    policy = policy_from(KEYWORDS)
    assert escalates(policy, customer(f"Please, {term.upper()}!"))
    assert not escalates(policy, customer("where is my order"))
    assert term == reported(policy, "keyword", "keywords", customer(f"so: {term}")).value


@pytest.mark.parametrize(
    ("match", "text", "expected"),
    [
        ("exact", "a manager", False),
        ("exact", "Manager", True),
        ("contains", "management", False),
        ("contains", "managers", True),
        ("startsWith", "manager please", True),
        ("startsWith", "the manager", False),
        (None, "the managers", True),
    ],
)
def test_each_way_to_match(match, text, expected):
    """L-05: exact, contains and startsWith; contains where nothing is said."""
    family = {"terms": ["manager"], **({"matchType": match} if match else {})}
    assert expected == escalates(triggers(keywords=family), customer(text))


@pytest.mark.parametrize(("sensitive", "expected"), [(True, False), (False, True)])
def test_case(sensitive, expected):
    """L-04: caseSensitive."""
    family = {"terms": ["Manager"], "caseSensitive": sensitive}
    assert expected == escalates(triggers(keywords=family), customer("a manager"))


# switches


@pytest.mark.parametrize(
    ("row", "family", "settings", "step"),
    [
        ("L-02", "keywords", {"terms": ["human"]}, customer("human")),
        ("L-06", "intent", {"intents": ["report_bug"]}, (customer(), scored(intents={"report_bug": 0.9}))),
        ("L-09", "sentiment", {"threshold": -0.6}, (customer(), scored(sentiment=-0.9))),
        ("L-13", "repetition", {"maxFallbacks": 1}, bot(fallback=True)),
        ("L-17", "topics", {"escalateTopics": ["a"]}, (customer(), scored(topics={"a": 0.9}))),
        ("L-20", "time", {"maxMessages": 0}, customer()),
    ],
)
def test_a_trigger_is_on_unless_it_is_switched_off(row, family, settings, step):
    """L-02, L-06, L-09, L-13, L-17, L-20: what is there is on; enabled: true changes nothing, enabled: false switches it off."""
    bare, on, off = (
        triggers(**{family: {**settings, **switch}}) for switch in ({}, {"enabled": True}, {"enabled": False})
    )
    assert [True, True, False] == [escalates(policy, step) for policy in (bare, on, off)], row
    assert (bare.fingerprint(), False) == (on.fingerprint(), off.rules[0].enabled)


# intent, sentiment, topics


@pytest.mark.parametrize("label", ["request_human", "express_frustration", "demand_refund", "report_bug"])
@pytest.mark.parametrize(("probability", "expected"), [(0.8, True), (0.79, False), (0.81, True)])
def test_an_intent_escalates_at_its_threshold(label, probability, expected):
    """L-06, L-07, L-08, X-16: each label at 0.8 and above, not below."""
    assert expected == escalates(policy_from(INTENT), (customer(), scored(intents={label: probability})))


def test_another_intent_does_not_escalate():
    """L-07: a label that isn't listed is none of its business."""
    assert not escalates(policy_from(INTENT), (customer(), scored(intents={"order_status": 0.99})))


@pytest.mark.parametrize(("threshold", "expected"), [({}, 0.8), ({"confidenceThreshold": 0.65}, 0.65)])
def test_the_threshold_of_an_intent(threshold, expected):
    """L-08, X-1: 0.8 where nothing is said."""
    policy = triggers(intent={"intents": ["report_bug"], **threshold})
    assert expected == reported(policy, "intent", "intent", (customer(), scored(intents={"report_bug": 0.1}))).threshold


@pytest.mark.parametrize(("score", "expected"), [(-0.6, False), (-0.601, True), (-0.59, False), (-1.0, True)])
def test_sentiment_escalates_below_its_threshold(score, expected):
    """L-09, L-10, X-16: one message below -0.6 is enough, -0.6 itself isn't."""
    assert expected == escalates(policy_from(SENTIMENT), (customer(), scored(sentiment=score)))


def moods(*labels):
    """Customer messages of some moods, none of them below -0.6."""
    return [(customer(id=f"m-{n}"), scored(mood=label)) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("labels", "include_neutral", "expected"),
    [
        (("negative", "negative"), False, False),
        (("negative", "negative", "negative"), False, True),
        (("negative", "neutral", "negative"), False, False),
        (("negative", "neutral", "negative"), True, True),
        (("negative", "negative", "positive"), True, False),
    ],
)
def test_consecutive_negatives(labels, include_neutral, expected):
    """L-11, L-12, X-4: or after 3 negative messages in a row; a neutral one breaks the row, or counts if it says so."""
    policy = triggers(sentiment={"threshold": -0.6, "consecutiveNegative": 3, "includeNeutral": include_neutral})
    assert expected == escalates(policy, *moods(*labels))


def test_either_clause_of_sentiment_is_enough():
    """L-10, L-11: the page's block escalates on the third negative message although none is below its threshold."""
    assert escalates(policy_from(SENTIMENT), *moods("negative", "negative", "negative"))


@pytest.mark.parametrize("label", ["billing_dispute", "account_cancellation", "security_incident", "harassment_report"])
@pytest.mark.parametrize(("probability", "expected"), [(0.8, True), (0.79, False)])
def test_a_topic_escalates(label, probability, expected):
    """L-17, L-18, L-19: each topic by the model, at 0.8 and above."""
    assert expected == escalates(policy_from(TOPICS), (customer(), scored(topics={label: probability})))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("This is a Billing Dispute!", True), ("a billing question", False), ("billing disputes", False)],
)
def test_topics_without_a_model(text, expected):
    """L-19: without the model the labels' own words are looked for, which a warning says."""
    imported = import_linktor(TOPICS.replace("useAIClassification: true", "useAIClassification: false"))
    assert (
        "escalation.triggers.topics.useAIClassification: without it these words are looked for: billing dispute, account "
        "cancellation, security incident, harassment report",
    ) == imported.warnings
    steps = (customer(text), scored(topics={"billing_dispute": 0.99}))
    assert expected == escalates(imported.policy(), steps)


# repetition and time


def asked(times):
    """The same question, so many times."""
    return [customer("where is my parcel", id=f"m-{n}") for n in range(times)]


@pytest.mark.parametrize(("times", "expected"), [(2, False), (3, True)])
def test_the_same_question(times, expected):
    """L-13, L-14, X-16: the third time that the same question is asked."""
    assert expected == escalates(policy_from(REPETITION), *asked(times))


def lost(times):
    """A bot that doesn't understand, so many times."""
    return [step for n in range(times) for step in (customer(f"{n}", id=f"m-{n}"), bot(fallback=True, id=f"b-{n}"))]


@pytest.mark.parametrize(("times", "expected"), [(1, False), (2, True)])
def test_fallbacks(times, expected):
    """L-15, X-16: the second time that the bot falls back."""
    assert expected == escalates(policy_from(REPETITION), *lost(times))


@pytest.mark.parametrize(("times", "expected"), [(4, False), (5, True)])
def test_loops(times, expected):
    """L-16, X-16, X-20: the fifth time that the same exchange comes in a row."""
    steps = []
    for n in range(times):
        question = (customer(f"{n} is it", id=f"m-{n}"), scored(intents={"order_status": 0.9}))
        steps += [question, bot("Please wait.", id=f"b-{n}")]
    assert expected == escalates(policy_from(REPETITION), *steps)


@pytest.mark.parametrize(("seconds", "expected"), [(900, False), (900.5, True), (60, False)])
def test_a_long_conversation(seconds, expected):
    """L-20, L-21, X-16: over 900 seconds since the customer's first message."""
    assert expected == escalates(policy_from(TIME), customer(), customer("well", seconds=seconds))


@pytest.mark.parametrize(("messages", "expected"), [(20, False), (21, True)])
def test_many_messages(messages, expected):
    """L-22, X-16: over 20 messages."""
    assert expected == escalates(policy_from(TIME), *[customer(f"{n}", id=f"m-{n}") for n in range(messages)])


@pytest.mark.parametrize(("answers", "expected"), [(9, False), (10, True)])
def test_many_answers(answers, expected):
    """L-23, X-16: the bot has responded 10 times."""
    assert expected == escalates(policy_from(TIME), *[bot(f"{n}", id=f"b-{n}") for n in range(answers)])


# what an escalation says


ACTIONS = [
    pytest.param(
        INBOX,
        {"type": "inbox", "inbox_id": "inbox_support", "priority": "normal", "tags": ["escalated", "bot-handoff"]},
        id="L-24",
    ),
    pytest.param(
        AGENT,
        {
            "type": "agent",
            "assignment": {
                "strategy": "round_robin",
                "team_id": "team_billing",
                "skills": ["billing", "refunds"],
                "fallback_inbox": "inbox_general",
            },
        },
        id="L-25 to L-29",
    ),
    pytest.param(
        WEBHOOK,
        {
            "type": "webhook",
            "url": "https://your-crm.com/api/tickets",
            "method": "POST",
            "headers": {"Authorization": "Bearer {{CRM_TOKEN}}"},
            "body_template": {
                "customerId": "{{contact.id}}",
                "conversationId": "{{conversation.id}}",
                "transcript": "{{conversation.transcript}}",
                "reason": "{{escalation.reason}}",
            },
        },
        id="L-30, L-31",
    ),
    pytest.param(
        CALLBACK,
        {
            "type": "callback",
            "collect_phone": True,
            "collect_preferred_time": True,
            "available_slots": "business_hours",
            "confirmation_message": "We'll call you back within 2 hours.",
        },
        id="L-32",
    ),
]


@pytest.mark.parametrize(("text", "expected"), ACTIONS)
def test_the_action_arrives_with_the_decision(text, expected):
    """L-24 to L-32 (parsed, kept and told; carried out with the handoff): every field stands in decision.action."""
    outcome = take(policy_from(KEYWORDS + text), customer("a manager"))
    assert expected == outcome.decision.action


@pytest.mark.parametrize("strategy", ["round_robin", "least_busy", "skills", "specific"])
def test_each_strategy_parsed_and_kept(strategy):
    """L-25, L-26 (parsed and kept): the four strategies; a specific one names its agent."""
    text = AGENT.replace("strategy: 'round_robin'", f"strategy: '{strategy}'").replace("null", "'agent_7'")
    assert (strategy, "agent_7") == (
        (assignment := policy_from(text).action.assignment).strategy,
        assignment.agent_id,
    )


def test_what_the_customer_reads_first():
    """L-33: preEscalation is the text of the decision that escalates, and is kept as a stage of the handoff."""
    policy = policy_from(KEYWORDS + BEFORE)
    text = "I'm going to connect you with one of our support specialists who can better assist you."
    assert text == take(policy, customer("a manager")).decision.text == policy.messages.pre_escalation


def kept(policy, name):
    """A section of a policy, as its document has it."""
    return policy.model_dump(mode="json", by_alias=True, exclude_none=True)[name]


@pytest.mark.parametrize(
    ("text", "section", "expected"),
    [
        pytest.param(
            BEFORE,
            "messages",
            {
                "collecting_info": "Before I transfer you, could you briefly describe the issue?",
                "transferring": "Transferring you now. Please hold...",
            },
            id="L-33",
        ),
        pytest.param(
            QUEUE,
            "messages",
            {
                "in_queue": "You're now in queue. An agent will be with you shortly.",
                "queue_position": "You're number {{position}} in queue. Estimated wait: {{wait_time}}.",
                "agent_assigned": "Great news! {{agent.name}} is joining the conversation.",
            },
            id="L-34",
        ),
        pytest.param(
            OFFLINE,
            "messages",
            {
                "agents_offline": "Our team is currently offline. We'll get back to you when we reopen.",
                "leave_message": "Please leave a message and we'll respond as soon as possible.",
                "confirmation_offline": "Thanks! We've received your message and will respond within 24 hours.",
            },
            id="L-35",
        ),
        pytest.param(
            SUMMARY,
            "brief",
            {
                "summary": True,
                "summary_prompt": "Summarize this conversation in 2-3 sentences for the support agent, highlighting the main "
                "issue and any relevant details.",
                "max_summary_characters": 500,
            },
            id="L-36",
        ),
        pytest.param(
            TRANSCRIPT,
            "brief",
            {"transcript": True, "transcript_limit": 50, "highlight_key_messages": True, "include_metadata": True},
            id="L-37",
        ),
        pytest.param(
            CUSTOMER,
            "brief",
            {
                "customer_profile": True,
                "conversation_history": True,
                "purchase_history": True,
                "custom_fields": ["tier", "account_manager"],
            },
            id="L-38",
        ),
        pytest.param(
            ROUTING,
            "routing",
            {
                "rules": [
                    {
                        "when": {"topic": "billing", "customer_tier": "enterprise"},
                        "action": {
                            "type": "agent",
                            "assignment": {
                                "strategy": "least_busy",
                                "team_id": "team_enterprise_billing",
                                "skills": [],
                            },
                            "priority": "high",
                            "tags": [],
                        },
                    },
                    {
                        "when": {"topic": "technical", "product_category": "software"},
                        "action": {"type": "inbox", "inbox_id": "inbox_tech_support", "tags": []},
                    },
                ],
                "default": {"type": "inbox", "inbox_id": "inbox_general", "tags": []},
            },
            id="L-39",
        ),
        pytest.param(
            SKILLS,
            "routing",
            {
                "rules": [],
                "skills": {
                    "enabled": True,
                    "required_skills": "{{detected_topic}}",
                    "preferred_language": "{{customer.language}}",
                    "fallback_behavior": "queue_any",
                },
            },
            id="L-40",
        ),
        pytest.param(
            PRIORITY,
            "priority",
            {
                "rules": [
                    {"when": {"customer_tier": "enterprise"}, "priority": "high"},
                    {"when": {"sentiment": {"below": -0.8}}, "priority": "urgent"},
                    {"when": {"wait_seconds": {"above": 300.0}}, "priority": "high"},
                ],
                "default": "normal",
            },
            id="L-41",
        ),
        pytest.param(
            SLA,
            "sla",
            {
                "urgent": {"first_response_seconds": 60, "resolution_seconds": 3600},
                "high": {"first_response_seconds": 300, "resolution_seconds": 14400},
                "normal": {"first_response_seconds": 900, "resolution_seconds": 86400},
                "low": {"first_response_seconds": 3600, "resolution_seconds": 172800},
            },
            id="L-42",
        ),
        pytest.param(
            TAKEOVER,
            "takeover",
            {
                "bot_behavior": "pause",
                "assist": {"suggest_responses": True, "provide_context": True, "answer_internal_queries": True},
                "return_to_bot": {
                    "enabled": True,
                    "trigger": "agent_close",
                    "confirm_with_customer": True,
                    "timeout_seconds": 1800,
                },
            },
            id="L-43, L-44, L-45",
        ),
        pytest.param(
            ASSIST,
            "assist",
            {
                "enabled": True,
                "suggested_responses": True,
                "knowledge_search": True,
                "sentiment_indicator": True,
                "customer_insights": True,
                "next_best_action": True,
            },
            id="L-46",
        ),
        pytest.param(
            WEBHOOKS,
            "notify",
            {
                "on_escalation": "https://your-api.com/hooks/escalation",
                "on_agent_assigned": "https://your-api.com/hooks/assigned",
                "on_resolved": "https://your-api.com/hooks/resolved",
            },
            id="L-49",
        ),
    ],
)
def test_a_section_parsed_kept_and_exported_again(text, section, expected):
    """L-33 to L-49: every value is in the policy and, exported, comes back as the same policy (acted on with the handoff)."""
    policy = policy_from(text)
    found = kept(policy, section)
    assert expected == {name: found[name] for name in expected}
    exported, warnings = export_linktor(policy)
    assert () == warnings
    assert expected == {name: kept(policy_from(json.dumps(exported)), section)[name] for name in expected}


@pytest.mark.parametrize(
    ("section", "old", "new", "expected"),
    [
        ("takeover", "botBehavior: 'pause'", "botBehavior: 'exit'", {"bot_behavior": "exit"}),
        ("takeover", "suggestResponses: true", "suggestResponses: false", {"assist": {"suggest_responses": False, "provide_context": True, "answer_internal_queries": True}}),
        ("takeover", "'agent_close'", "'manual'", {"return_to_bot": {"enabled": True, "trigger": "manual", "confirm_with_customer": True, "timeout_seconds": 1800}}),
        ("takeover", "'agent_close'", "'timeout'", {"return_to_bot": {"enabled": True, "trigger": "timeout", "confirm_with_customer": True, "timeout_seconds": 1800}}),
        ("assist", "knowledgeSearch: true", "knowledgeSearch: false", {"knowledge_search": False}),
        ("assist", "enabled: true", "enabled: false", {"enabled": False}),
    ],
)  # fmt: skip
def test_switches_of_takeover_parsed_and_kept(section, old, new, expected):
    """L-43 to L-46 (parsed and kept): other values than the page's are kept too."""
    text = {"takeover": TAKEOVER, "assist": ASSIST}[section]
    found = kept(policy_from(text.replace(old, new, 1)), section)
    assert expected == {name: found[name] for name in expected}


# the whole


def test_the_complete_example():
    """L-50: the whole call to the SDK, import and client around it, is read; a partial policy is valid and plays."""
    policy = policy_from(COMPLETE)
    assert ["keywords", "sentiment", "repetition"] == [rule.id for rule in policy.rules]
    outcome = take(policy, customer("your agent please"))
    assert ("escalate", "I'll connect you with a specialist.", {"type": "inbox", "inbox_id": "inbox_support", "priority": "normal"}) == (
        outcome.decision.decision, outcome.decision.text, outcome.decision.action,
    )  # fmt: skip
    assert escalates(policy, (customer(), scored(sentiment=-0.61)))
    assert escalates(policy, *moods("negative", "negative", "negative"))
    assert escalates(policy, *lost(2))
    assert not escalates(policy, customer("where is my order"))
    assert ("assist", "{{agent.name}} has joined the conversation.") == (
        policy.takeover.bot_behavior,
        policy.messages.agent_assigned,
    )


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_comes_back_as_the_same_policy(name):
    """L-02 to L-50: what was imported and is exported again is the same policy; nothing is lost and nothing warned of."""
    policy = policy_from(BLOCKS[name])
    exported, warnings = export_linktor(policy)
    assert () == warnings
    assert policy.fingerprint() == policy_from(json.dumps(exported)).fingerprint()


def test_the_preset_is_what_the_examples_give():
    """L-02 to L-46, X-1, X-3: the preset is the import of the page's examples, together."""
    assert policy_from("\n".join(PRESET)).fingerprint() == preset("linktor").fingerprint()


def test_linktor_never_offers():
    """L-06 to L-23: every rule escalates, at one priority, and a model that fails changes nothing."""
    policy = preset("linktor")
    assert {("escalate", 500)} == {(rule.then, rule.priority) for rule in policy.rules}
    assert "continue" == decide(Turn(message=customer(), scores=None), NEW, policy).decision.decision


def test_settings_alone_and_in_escalation_are_the_same():
    """L-50: with or without `escalation` around it, in JSON or as a literal, with a name of its own."""
    inner = '{"triggers": {"keywords": {"terms": ["human"]}}}'
    policies = [
        policy_from(text, name="mine")
        for text in (inner, f'{{"escalation": {inner}}}', "{triggers: {keywords: {terms: ['human',],},},}; // mine")
    ]
    assert {f"mine@{policies[0].fingerprint()[:8]}"} == {policy.label for policy in policies}


@pytest.mark.parametrize(
    "text",
    [
        "async function main() {\n  const id = 'bot_1';\n  await client.bots.update(id, { escalation: { action: { type: 'inbox' } } });\n}",
        "export default { escalation: { action: { type: 'inbox' } } };",
        "const c = new Linktor({ apiKey: key })\nc.bots.update('{', /* { */ {escalation: {action: {type: `inbox`}}})",
        "```ts\n{ escalation: { action: { type: 'inbox' } } }\n```",
        '{"escalation": {"action": {"type": "\\u0069nbox"}}}',
        "Here's what we've got: {escalation: {action: {type: 'inbox'}}}. It's all.",
    ],
)
def test_settings_are_found_in_code(text):
    """L-50: the object is found among imports, calls, comments, functions and fences."""
    assert policy_from("{escalation: {action: {type: 'inbox'}}}") == policy_from(text)


def test_a_text_in_backticks_is_read_as_javascript_reads_it():
    """L-33: escapes mean the same in backticks as in quotes; a line may end there, unless a backslash joins it to the next."""
    text = '{escalation: {messages: {transferring: `a\\nb \\u00e9 "c"\td\\`\r\ne\\\nf`}}}'
    assert 'a\nb \u00e9 "c"\td`\nef' == policy_from(text).messages.transferring


def test_unknown_fields_are_named():
    """Whatever nobody documents is named and left out, never dropped silently."""
    text = """{ name: 'x', escalation: { trigers: {}, triggers: { keywords: { terms: ['a'], fuzzy: 1 }, mood: {} },
      action: { type: 'inbox', colour: 'red' }, messages: { hello: 'a' }, handoff: { pages: 2 }, sla: { medium: {} },
      routing: { mode: 'x', rules: [{ conditions: {}, action: { type: 'inbox' }, weight: 1 }] },
      agentAssist: { features: { magic: true } }, agentTakeover: { returnToBot: { timeout: 5 } }, webhooks: { onOpen: 'a' } } }"""
    imported = import_linktor(text)
    named = [warning.partition(": ")[0] for warning in imported.warnings]
    assert {
        "name", "escalation.trigers", "escalation.triggers.keywords.fuzzy", "escalation.triggers.mood", "escalation.action.colour",
        "escalation.messages.hello", "escalation.handoff.pages", "escalation.sla.medium", "escalation.routing.mode",
        "escalation.routing.rules[0].weight", "escalation.agentAssist.features.magic",
        "escalation.agentTakeover.returnToBot.timeout", "escalation.webhooks.onOpen",
    } == set(named)  # fmt: skip
    assert all("unknown here, so it is left out" in warning for warning in imported.warnings)
    assert ["keywords"] == [rule.id for rule in imported.policy().rules]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("triggers: {keywords: {terms: 'human'}}", "linktor: escalation.triggers.keywords.terms: found 'human'"),
        ("triggers: {keywords: {terms: ['a', 3]}}", "escalation.triggers.keywords.terms[1]: found 3"),
        ("triggers: {keywords: {terms: ['a'], matchType: 'fuzzy'}}", "escalation.triggers.keywords.matchType: found 'fuzzy'; expected one of exact, contains, startsWith"),
        ("triggers: {keywords: {terms: ['a'], caseSensitive: 'no'}}", "escalation.triggers.keywords.caseSensitive: found 'no'"),
        ("triggers: {keywords: {terms: ['a'], enabled: 1}}", "escalation.triggers.keywords.enabled: found 1; expected true or false"),
        ("triggers: {keywords: ['a']}", "escalation.triggers.keywords: found a list; expected an object"),
        ("triggers: {intent: {intents: ['a'], confidenceThreshold: 80}}", "escalation.triggers.intent.confidenceThreshold: found 80; expected less than or equal to 1"),
        ("triggers: {sentiment: {threshold: -6}}", "escalation.triggers.sentiment.threshold: found -6; expected greater than or equal to -1"),
        ("triggers: {sentiment: {consecutiveNegative: '3'}}", "escalation.triggers.sentiment.consecutiveNegative: found '3'; expected a valid integer"),
        ("triggers: {repetition: {maxRetries: 2.5}}", "escalation.triggers.repetition.maxRetries: found 2.5"),
        ("triggers: {topics: {escalateTopics: 'a'}}", "escalation.triggers.topics.escalateTopics: found 'a'"),
        ("triggers: {topics: {escalateTopics: ['a'], useAIClassification: 1}}", "escalation.triggers.topics.useAIClassification: found 1; expected true or false"),
        ("triggers: {time: {maxDuration: '15m'}}", "escalation.triggers.time.maxDuration: found '15m'"),
        ("action: {inboxId: 'a'}", "escalation.action.type: a field is missing; add it"),
        ("action: {type: 'sms'}", "escalation.action.type: found 'sms'; expected one of inbox, agent, webhook, callback"),
        ("action: {type: 'inbox', priority: 'soon'}", "escalation.action.priority: priority 'soon', expected one of urgent"),
        ("action: {type: 'agent', assignment: {strategy: 'specific'}}", "escalation.action.assignment: the strategy `specific` needs an agent"),
        ("action: {type: 'webhook', webhook: {url: 'x', method: 'GET'}}", "escalation.action.webhook.method: found 'GET'"),
        ("action: {type: 'webhook', webhook: {url: 'https://a.b', bodyTemplate: {a: '{{contact.ID}}'}}}", "escalation.action.webhook.bodyTemplate: unknown variable {{contact.ID}}"),
        ("messages: {queuePosition: '{{postion}}'}", "escalation.messages.queuePosition: unknown variable {{postion}}"),
        ("messages: {inQueue: 3}", "escalation.messages.inQueue: found 3"),
        ("handoff: {maxSummaryLength: 'long'}", "escalation.handoff.maxSummaryLength: found 'long'"),
        ("routing: {rules: [{action: {type: 'inbox'}}]}", "escalation.routing.rules[0]: no conditions or no action"),
        ("routing: {rules: [{conditions: {topic: {not: 'a'}}, action: {type: 'inbox'}}]}", "escalation.routing.rules[0].conditions.topic: expected a text"),
        ("routing: {rules: {}}", "escalation.routing.rules: found a dict; expected a list of objects"),
        ("priority: {rules: [{condition: {sentiment: {lt: 'low'}}, priority: 'high'}]}", "escalation.priority.rules[0].condition.sentiment.lt: found 'low'"),
        ("priority: {rules: [{condition: {sentiment: {gt: 0.5}}, priority: 'high'}]}", "escalation.priority.rules[0].condition.sentiment.lt: a field is missing"),
        ("priority: {rules: [{priority: 'high'}]}", "escalation.priority.rules[0]: expected `condition` or `default: true`"),
        ("sla: {urgent: {firstResponse: 'soon'}}", "escalation.sla.urgent.firstResponse: found 'soon'"),
        ("agentTakeover: {botBehavior: 'sleep'}", "escalation.agentTakeover.botBehavior: found 'sleep'"),
        ("agentTakeover: {returnToBot: {trigger: 'never'}}", "escalation.agentTakeover.returnToBot.trigger: found 'never'"),
        ("webhooks: {onResolved: 'ftp://a'}", "escalation.webhooks.onResolved: found 'ftp://a'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_path(settings, expected):
    """A value of a wrong type or out of range says where it stands in Linktor's words, what was found and what was expected."""
    with pytest.raises(PolicyError) as error:
        import_linktor(f"{{escalation: {{{settings}}}}}")
    assert expected in str(error.value)
    assert error.value.problems


@pytest.mark.parametrize("piece", ["/*", "\\'", "'\\", '"', "`", "`\\", "{}", "{a:1}", "((", "//", "'\n"])
def test_a_hostile_text_takes_linear_time(piece):
    """Quotes and comments that are never closed, however many, are read once."""
    start = time.perf_counter()
    with contextlib.suppress(PolicyError):
        import_linktor((piece * 200_000)[:200_000])
    assert time.perf_counter() - start < 3


def test_every_wrong_value_is_told_at_once():
    """Several wrong values are several lines and several problems, each with its field."""
    with pytest.raises(PolicyError) as error:
        import_linktor(
            "{triggers: {sentiment: {threshold: -6}, time: {maxMessages: -1}}, handoff: {transcriptLimit: 0}}"
        )
    fields = {problem.field for problem in error.value.problems}
    assert 3 == len(str(error.value).splitlines())
    assert {
        "escalation.triggers.sentiment.threshold",
        "escalation.triggers.time.maxMessages",
        "escalation.handoff.transcriptLimit",
    } == fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "linktor: found no settings; expected an object {escalation: {...}}"),
        ("hello", "linktor: found no settings"),
        ("{apiKey: 'x'}", "linktor: found no settings"),
        ("{escalation: 3}", "linktor: escalation: found 3; expected an object"),
        ("{escalation: {\n  action: {type: INBOX}\n}}", "linktor, line 2: "),
        ("{escalation: {\n\n  messages: {inQueue: 'a' + 'b'}}}", "linktor, line 3: "),
        ("{escalation: {messages: {inQueue: `${a}`}}}", "linktor, line 1: "),
        ("{escalation: {\n action: {type: 'inbox'}", "linktor, line 1: `{` is never closed"),
        ("{escalation: {action: ]}}", "linktor, line 1: `]` closes nothing"),
        ("{escalation: {a: 'b}}", "linktor, line 1: ' is never closed"),
        ("{escalation: {}}\n{escalation: {a: b}}", "linktor, line 2: "),
        ("{escalation: {a: 1, a: 2}}", "'a' stands twice in one object"),
        ('{"escalation": {"a": 1, "a": 2}}', "'a' stands twice in one object"),
        ("{escalation: {triggers: {time: {maxDuration: Infinity}}}}", "Infinity is no number"),
        ("{escalation: " + "[" * 30 + "]" * 30 + "}", "nested deeper than 20"),
        ("{escalation: {a: '\\ud800'}}", "half a character"),
        ("{}" * 1001, "1001 objects, expected at most 1000"),
        (" " * 200_001, "200001 characters, expected at most 200000"),
    ],
)
def test_what_is_no_literal_is_refused(text, expected):
    """What can't be read without running it, or not at all, is refused with its line."""
    with pytest.raises(PolicyError) as error:
        import_linktor(text)
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ("triggers: {keywords: {enabled: true}}", "escalation.triggers.keywords: says nothing to look for, so it is left out"),
        ("triggers: {intent: {intents: []}}", "escalation.triggers.intent: says nothing to look for"),
        ("triggers: {sentiment: {enabled: true}}", "escalation.triggers.sentiment: says nothing to look for"),
        ("triggers: {repetition: {}}", "escalation.triggers.repetition: says nothing to look for"),
        ("triggers: {topics: {}}", "escalation.triggers.topics: says nothing to look for"),
        ("triggers: {time: {}}", "escalation.triggers.time: says nothing to look for"),
        ("triggers: {sentiment: {threshold: -0.5, includeNeutral: true}}", "escalation.triggers.sentiment.includeNeutral: is about consecutiveNegative"),
        ("messages: {preEscalation: 'Help for {{bot_name}}'}", "escalation.messages.preEscalation: has variables"),
        ("action: {type: 'webhook', webhook: {url: 'https://a.b', headers: {Authorization: 'Bearer abc'}}}", "escalation.action.webhook.headers.Authorization: a secret is written out here"),
        ("routing: {rules: [{conditions: {topic: 'a'}, action: {type: 'inbox'}}]}", "escalation.routing.rules: no rule without conditions"),
        ("routing: {rules: [{conditions: {}, action: {type: 'inbox'}}, {conditions: {topic: 'a'}, action: {type: 'inbox'}}]}", "escalation.routing.rules[1]: stands after the rule without conditions"),
        ("routing: {rules: [{conditions: {region: 'EU'}, action: {type: 'inbox'}}, {conditions: {}, action: {type: 'inbox'}}]}", "escalation.routing.rules[0].conditions.region: taken for customer.region"),
        ("priority: {rules: [{condition: {customerTier: 'a'}, priority: 'high'}]}", "escalation.priority.rules: no default"),
        ("priority: {rules: [{default: true, priority: 'low'}, {default: true, priority: 'high'}]}", "escalation.priority.rules[1]: stands after the default"),
    ],
)  # fmt: skip
def test_what_is_read_otherwise_is_said(settings, warning):
    """What is left out or understood in one of several ways is a warning that names it; the rest is a policy."""
    imported = import_linktor(f"{{escalation: {{{settings}}}}}")
    (found,) = imported.warnings
    assert found.startswith(warning)
    assert imported.policy().name == "linktor"


def test_the_default_of_routing_is_the_action_where_none_is_given():
    """L-39: where no rule is without conditions, the action of the settings is the default."""
    text = "{action: {type: 'inbox', inboxId: 'mine'}, routing: {rules: [{conditions: {topic: 'a'}, action: {type: 'inbox'}}]}}"
    assert "mine" == import_linktor(text).policy().routing.default.inbox_id


def test_several_objects_are_read_as_one():
    """L-50: pieces of one configuration add up; what two of them say differently is named, and the later one holds."""
    imported = import_linktor(INBOX + KEYWORDS + TIME + CALLBACK)
    assert ("escalation.action: stands here twice with different values; the later one holds",) == imported.warnings
    assert ("callback", ["keywords", "time"]) == (
        imported.policy().action.type,
        [rule.id for rule in imported.policy().rules],
    )


JUNK = [None, True, 0, -1, 2.5, 10**20, "", "x", "{{a}}", "}}", [], ["x"], [None], {}, {"x": 1}, [{"x": 1}]]


def variants(data):
    """Every object that differs from an object or a list in one value, at any depth."""
    for place in data if isinstance(data, dict) else range(len(data)):
        for junk in JUNK:
            changed = copy.copy(data)
            changed[place] = junk
            yield changed
        if isinstance(data[place], dict | list):
            for inner in variants(data[place]):
                changed = copy.copy(data)
                changed[place] = inner
                yield changed


@pytest.mark.parametrize("name", [name for name in BLOCKS if name != "complete"])
def test_any_value_is_read_or_refused(name):
    """Whatever stands in a field, it is refused with its path, or gives a policy that comes back when it is exported."""
    (literal,) = literals(BLOCKS[name], "page")
    refusals = []
    for settings in variants(literal.value()["escalation"]):
        try:
            policy = import_linktor(json.dumps({"escalation": settings})).policy()
        except PolicyError as error:
            refusals.append(str(error))
            continue
        exported, warnings = export_linktor(policy)
        assert ((), policy.fingerprint()) == (warnings, import_linktor(json.dumps(exported)).policy().fingerprint())
    assert refusals
    assert all(one.startswith("linktor: escalation") for one in refusals)


# export


def test_what_linktor_cannot_say_is_named():
    """A rule, a field or a section without a place in Linktor's settings is named in a warning."""
    policy = policy_of(
        rule({"explicit": {"threshold": 0.5}}, id="asks"),
        rule({"keyword": {"terms": ["a"], "match": "word"}}, id="word"),
        rule({"keyword": {"terms": ["a"]}}, id="first", priority=700, message="Hi", action={"type": "slack", "webhook_url": "https://a.b"}),
        rule({"keyword": {"terms": ["b"]}}, id="second"),
        rule({"intent": {"labels": ["a"], "threshold": 0.5}}, "offer", id="offers"),
        rule({"sentiment": {"window": {"messages": 3, "below": -0.6}}}, id="window"),
        rule({"time": {"max_messages": 3}}, id="time", timing={"mode": "after_wait", "wait_seconds": 60}),
        rule({"topic": {"labels": ["a"], "use_model": False, "terms": ["x"]}}, id="terms"),
        on_error="continue",
        action={"type": "email", "to": "a@b.c"},
        messages={"escalate": {"de": "Moment", "en": "Wait"}, "takeover": "Hi, {{agent.name}} here"},
        routing={"rules": [{"when": {"context.a": 1}, "action": {"type": "inbox"}}], "default": {"type": "queue", "topic": "t"}},
        sla={"at_risk_ratio": 0.5},
        takeover={"return_to_bot": {"timeout_seconds": 60}},
    )  # fmt: skip
    exported, warnings = export_linktor(policy)
    assert {"keywords": {"enabled": True, "terms": ["a"], "caseSensitive": False, "matchType": "contains"}, "time": {"enabled": True, "maxMessages": 3}} == exported["escalation"]["triggers"]  # fmt: skip
    assert "Wait" == exported["escalation"]["messages"]["preEscalation"]
    named = {warning.partition(": ")[0] for warning in warnings}
    assert {
        "rules.asks", "rules.word", "rules.second", "rules.offers", "rules.window", "rules.terms", "rules.first.id",
        "rules.first.priority", "rules.first.message", "rules.first.action", "rules.time.timing.mode",
        "rules.time.timing.wait_seconds", "action", "messages.escalate", "messages.takeover", "messages.pre_escalation", "routing",
        "routing.rules[0]", "routing.default", "sla.at_risk_ratio", "takeover.return_to_bot.timeout_seconds",
    } == named  # fmt: skip
    assert "sla.at_risk_ratio: Linktor can't say 0.5; it would be 0.8" in warnings


@pytest.mark.parametrize("name", ["default", "linktor", "scaibot"])
def test_every_preset_can_be_exported(name):
    """Exporting never fails, and what comes out is a policy again, under which nothing is said that wasn't."""
    exported, warnings = export_linktor(preset(name))
    again = import_linktor(json.dumps(exported), name).policy()
    assert bool(warnings) == (again.fingerprint() != preset(name).fingerprint())
