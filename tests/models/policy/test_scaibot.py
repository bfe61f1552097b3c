"""ScaiBot's rules as policies: every block of its page, imported, played through the engine, exported (rows S-01 to S-17)."""

import json

import pytest

from models.contracts import Action, Suppression
from models.errors import PolicyError
from models.policy.compat.scaibot import import_scaibot
from models.policy.compat.scaibot_export import export_scaibot
from models.policy.engine import Turn, decide
from models.policy.schema import preset
from models.policy.state import NEW
from tests.models.policy.builders import bot, customer, play, policy_of, ranked, report_of, rule, scored
from tests.support.scaibot_page import (
    ACTIONS,
    CONFIDENCE,
    EMAIL,
    EXPLICIT,
    INTENT,
    KEYWORD,
    QUEUE,
    SENTIMENT,
    SLACK,
    SORRY,
    TRIGGERS,
    WEBHOOK,
)


def block(text, **more):
    """A block of the page with more fields."""
    return {**json.loads(text), **more}


def policy_from(*rules, **known):
    """The policy of some rules."""
    return import_scaibot(json.dumps({"rules": list(rules)}), **known).policy()


def decided(policy, *steps):
    """The last of some decisions; a step is a message, or a message and its scores."""
    return play(policy, *steps)[-1].decision


def escalates(policy, *steps):
    """Whether the last of some steps escalates, and none before it."""
    *before, last = play(policy, *steps)
    assert all(outcome.decision.decision is Action.CONTINUE for outcome in before)
    return last.decision.decision is Action.ESCALATE


# triggers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I want a REFUND", True),
        ("refunds", True),
        ("a chargeback", True),
        ("there is a billing error here", True),
        ("billing", False),
        ("where is my order", False),
    ],
)
def test_keywords(text, expected):
    """S-03: a substring of the message, in any case."""
    assert expected == escalates(import_scaibot(KEYWORD).policy(), customer(text))


@pytest.mark.parametrize(
    ("mode", "keyword", "text", "expected"),
    [
        ("regex", r"refund(s|ed)?\b", "I was Refunded!", True),
        ("regex", "^refund$", "a refund", False),
        ("substring", "re.und", "refund", False),
        (None, "refund", "my refund", True),
    ],
)
def test_each_way_to_match(mode, keyword, text, expected):
    """S-03: substring, which is the default, and regex."""
    config = {"keywords": [keyword], **({"match_mode": mode} if mode else {})}
    policy = policy_from({"trigger_type": "keyword", "trigger_config": config})
    assert expected == escalates(policy, customer(text))


def test_a_keyword_needs_no_model():
    """S-03, S-14: a keyword escalates when every model failed."""
    outcome = decide(Turn(message=customer("refund"), scores=None), NEW, import_scaibot(KEYWORD).policy())
    assert Action.ESCALATE is outcome.decision.decision


@pytest.mark.parametrize(("probability", "expected"), [(0.6, True), (0.59, False), (0.99, True)])
def test_an_explicit_request(probability, expected):
    """S-04, X-16: at the default policy's threshold and above."""
    assert expected == escalates(import_scaibot(EXPLICIT).policy(), (customer("hm"), scored(explicit=probability)))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Can I talk to a person", "en"),
        ("a real human!", "en"),
        ("agent please", "en"),
        ("quiero hablar con una persona", "es"),
        ("Ich möchte mit einem Menschen sprechen", "de"),
        ("je veux parler à un humain", "fr"),
    ],
)
def test_phrases_of_an_explicit_request(text, language):
    """S-04: the page's phrasings and those of other languages, where no model can judge."""
    policy = import_scaibot(EXPLICIT).policy()
    assert escalates(policy, (customer(text), scored(language=language)))


@pytest.mark.parametrize("label", ["buying-intent", "cancellation-intent"])
@pytest.mark.parametrize(("probability", "expected"), [(0.7, True), (0.69, False)])
def test_intents_that_you_provide(label, probability, expected):
    """S-05, X-16: labels that nobody trained, at 0.7 and above."""
    scores = scored(custom=ranked({label: probability}))
    assert expected == escalates(import_scaibot(INTENT).policy(), (customer(), scores))


def test_new_labels_are_described_by_their_names():
    """S-05: an intent that no bundle knows becomes a label of the policy, described by its name, and a warning asks for more."""
    imported = import_scaibot(INTENT)
    assert {
        "buying-intent": {"description": "The customer has a buying intent"},
        "cancellation-intent": {"description": "The customer has a cancellation intent"},
    } == imported.document["labels"]
    assert [label.name for label in imported.policy().custom_labels] == ["buying-intent", "cancellation-intent"]
    assert 2 == len(imported.warnings)
    assert all("a few messages that mean it, as `examples`, would make it better" in one for one in imported.warnings)


@pytest.mark.parametrize(
    ("label", "expected"),
    [("upgrade_plan", "The customer has an upgrade plan"), ("VIP  escalation", "The customer has a VIP escalation")],
)
def test_a_description_reads_as_a_sentence(label, expected):
    """S-05: words, article and all."""
    imported = import_scaibot(json.dumps({"trigger_type": "intent", "trigger_config": {"intents": [label]}}))
    assert expected == imported.document["labels"][label]["description"]


def test_labels_that_the_bundle_knows_stay_the_bundles():
    """S-05: a known label is scored by the model that learned it, and becomes no label of the policy."""
    config = {"intents": ["report_bug", "buying-intent"], "threshold": 0.7}
    policy = policy_from({"trigger_type": "intent", "trigger_config": config}, known={"report_bug"})
    assert ["buying-intent"] == list(policy.labels)
    assert escalates(policy, (customer(), scored(intents={"report_bug": 0.7})))


def felt(*scores):
    """Customer messages of some sentiments."""
    return [(customer(id=f"m-{n}"), scored(sentiment=score)) for n, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((-0.9, -0.9), False),
        ((-0.7, -0.7, -0.7), True),
        ((-0.6, -0.6, -0.6), False),
        ((-1.0, -1.0, 0.1), True),
        ((-1.0, -0.5, -0.2), False),
        ((0.5, -0.7, -0.7, -0.7), True),
    ],
)
def test_sustained_sentiment(scores, expected):
    """S-06, S-16, X-4, X-16: the mean of the last three messages is below -0.6; one bad message, or two, is not enough."""
    assert expected == escalates(import_scaibot(SENTIMENT).policy(), *felt(*scores))


@pytest.mark.parametrize(("score", "expected"), [(-0.61, True), (-0.6, False)])
def test_a_window_of_one_message(score, expected):
    """S-06: a window of one message is the message's own sentiment."""
    config = {"threshold": -0.6, "window_messages": 1}
    assert expected == escalates(policy_from({"trigger_type": "sentiment", "trigger_config": config}), *felt(score))


def answers(*confidences):
    """Drafts of the bot with its own confidence, each to a question."""
    drafts = [bot(f"{n}", id=f"b-{n}", confidence=confidence) for n, confidence in enumerate(confidences)]
    return [step for n, draft in enumerate(drafts) for step in (customer(f"{n}", id=f"m-{n}"), draft)]


@pytest.mark.parametrize(
    ("confidences", "expected"),
    [((0.1,), False), ((0.49, 0.49), True), ((0.5, 0.5), False), ((0.1, 0.9, 0.1), False), ((0.9, 0.1, 0.1), True)],
)
def test_low_confidence(confidences, expected):
    """S-07, X-16: the second answer in a row below 0.5."""
    assert expected == escalates(import_scaibot(CONFIDENCE).policy(), *answers(*confidences))


def test_the_message_takes_the_place_of_the_answer():
    """S-07, S-12: after generation, the rule's message is what the customer reads."""
    decision = decided(policy_from(block(CONFIDENCE, message=SORRY)), *answers(0.1, 0.1))
    assert ("post", "low_confidence", SORRY) == (decision.phase, decision.reason.code, decision.text)


# the rule as a whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            EMAIL,
            {
                "type": "email",
                "to": "support@example.com",
                "subject_template": "[ScaiBot escalation] {{bot_name}} – {{trigger_name}}",
                "include_transcript": True,
                "include_link": True,
            },
            id="S-08",
        ),
        pytest.param(
            WEBHOOK,
            {
                "type": "webhook",
                "url": "https://your-crm.example.com/escalations",
                "method": "POST",
                "headers": {"X-Source": "scaibot"},
                "signing_secret": "wh_secret_...",
                "signature_header": "X-ScaiBot-Signature",
            },
            id="S-09",
        ),
        pytest.param(
            SLACK,
            {
                "type": "slack",
                "webhook_url": "https://hooks.slack.com/services/...",
                "channel_override": "#support-escalations",
            },
            id="S-10",
        ),
        pytest.param(QUEUE, {"type": "queue", "topic": "human-review", "priority": 5}, id="S-11"),
    ],
)
def test_trigger_action_and_message(text, expected):
    """S-01, S-08 to S-12 (parsed, kept and told; carried out with the handoff): every field stands in the decision."""
    whole = {**json.loads(KEYWORD), **json.loads(text), "message": "Hold on."}
    policy = policy_from(whole)
    assert policy.rules[0].action.mapping() == expected
    decision = decided(policy, customer("a refund"))
    # the decision shows no secret that was written out
    shown = {name: "***" if name in {"signing_secret", "webhook_url"} else value for name, value in expected.items()}
    assert ("escalate", "Hold on.", shown) == (decision.decision, decision.text, decision.action)


@pytest.mark.parametrize("text", ACTIONS.values(), ids=ACTIONS)
def test_an_action_alone_is_the_policys(text):
    """S-01: a block with only an action is what every rule without one does, and a warning says so."""
    imported = import_scaibot(KEYWORD + text)
    assert (
        "rules[1]: an action without a trigger; it is taken for every rule that has none of its own"
        in imported.warnings
    )
    policy = imported.policy()
    assert policy.action.shown() == decided(policy, customer("a refund")).action
    assert policy.action.type in {"email", "webhook", "slack", "queue"}


def test_a_trigger_alone_has_the_policys_action():
    """S-01: a block with only a trigger is a rule that puts the conversation into the inbox."""
    assert {"type": "inbox"} == decided(import_scaibot(KEYWORD).policy(), customer("a refund")).action


def test_a_second_action_alone_is_named():
    """S-01: only one action can be the policy's."""
    imported = import_scaibot(EMAIL + SLACK)
    assert "email" == imported.policy().action.type
    assert "rules[1]: another action without a trigger; the policy has one, so this is left out" in imported.warnings


def test_the_highest_priority_decides():
    """S-02: the highest priority first, whatever the order of the text."""
    policy = policy_from(block(KEYWORD, priority=10, message="low"), block(EXPLICIT, priority=900, message="high"))
    assert "high" == decided(policy, (customer("a refund"), scored(explicit=0.9))).text


def test_ties_are_decided_in_the_order_of_creation():
    """S-02: of equal priorities, and of none, the rule that stands first."""
    for more in ({}, {"priority": 7}):
        policy = policy_from(block(KEYWORD, message="first", **more), block(EXPLICIT, message="second", **more))
        decision = decided(policy, (customer("a refund"), scored(explicit=0.9)))
        assert ("first", ["keyword", "explicit"]) == (decision.text, [reason.rule_id for reason in decision.reasons])


def test_all_triggers_are_reported():
    """S-14, X-7: whichever rule decides, what the others saw is in the decision."""
    decision = decided(policy_from(block(KEYWORD), block(EXPLICIT)), (customer("a refund"), scored(explicit=0.2)))
    assert ["keyword", "explicit"] == [report.name for report in decision.triggers]


def test_later_messages_still_arrive():
    """S-13: after an escalation messages are evaluated and reported, and decide nothing."""
    first, second = play(import_scaibot(KEYWORD).policy(), customer("a refund"), customer("a refund", id="m-2"))
    assert (Action.ESCALATE, Suppression.HANDOFF_PENDING) == (first.decision.decision, second.decision.suppressed)
    assert "fired" == report_of(second, "keyword", "keyword").status


# how rules are written


@pytest.mark.parametrize(
    "text",
    [
        KEYWORD + EXPLICIT,
        f"[{KEYWORD}, {EXPLICIT}]",
        f'{{"rules": [{KEYWORD}, {EXPLICIT}]}}',
        f"```json\n{KEYWORD}```\nor\n```json\n{EXPLICIT}```",
        f"{KEYWORD}, // comment\n{EXPLICIT};",
    ],
)
def test_rules_stand_alone_in_a_list_or_one_after_the_other(text):
    """S-01: every way to write two rules gives the same policy."""
    assert policy_from(block(KEYWORD), block(EXPLICIT)) == import_scaibot(text).policy()


def test_rules_have_ids():
    """S-01: a rule is called by its id, else its name, else its trigger; a name that is no id is kept as a note."""
    policy = policy_from(
        block(KEYWORD, id="k-1", name="Billing words"),
        block(EXPLICIT, name="asks for a person"),
        block(SENTIMENT, name="angry"),
        block(CONFIDENCE),
        block(CONFIDENCE),
        block(KEYWORD, id=7),
        block(KEYWORD, name="on_error"),
    )
    assert [
        ("k-1", "Billing words"),
        ("asks_for_a_person", "asks for a person"),
        ("angry", ""),
        ("confidence", ""),
        ("confidence_2", ""),
        ("7", ""),
        ("on_error_2", ""),
    ] == [(rule.id, rule.note) for rule in policy.rules]


def test_a_rule_can_be_switched_off():
    """S-01: enabled: false."""
    assert not escalates(policy_from(block(KEYWORD, enabled=False)), customer("a refund"))


def test_unknown_fields_are_named():
    """Whatever nobody documents is named and left out, never dropped silently."""
    rules = [
        block(KEYWORD, colour="red"),
        {"trigger_type": "explicit", "trigger_config": {"locale": "en"}},
        {"trigger_type": "keyword", "trigger_config": {"keywords": ["a"], "fuzzy": 1}, **json.loads(EMAIL)},
        {**json.loads(KEYWORD), "action_type": "scaiqueue", "action_config": {"topic": "a", "ttl": 5}},
    ]
    imported = import_scaibot(json.dumps({"rules": rules, "version": 2}))
    assert (
        "rules[0].colour: unknown here, so it is left out",
        "rules[1].trigger_config.locale: unknown here, so it is left out",
        "rules[2].trigger_config.fuzzy: unknown here, so it is left out",
        "rules[3].action_config.ttl: unknown here, so it is left out",
        "version: unknown here, so it is left out",
    ) == imported.warnings
    assert 4 == len(imported.policy().rules)


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (
            '{"trigger_type": "intent", "trigger_config": {"intents": ["report_bug"]}}',
            ["rules[0].trigger_config.threshold: missing; 0.7, as in ScaiBot's documents, is taken"],
        ),
        (
            '{"trigger_type": "sentiment"}',
            [
                "rules[0].trigger_config.threshold: missing; -0.6, as in ScaiBot's documents, is taken",
                "rules[0].trigger_config.window_messages: missing; 3, as in ScaiBot's documents, is taken",
            ],
        ),
        (
            '{"trigger_type": "confidence", "trigger_config": {"threshold": 0.4}}',
            ["rules[0].trigger_config.consecutive_low_turns: missing; 2, as in ScaiBot's documents, is taken"],
        ),
        (
            WEBHOOK.replace('"X-Source": "scaibot"', '"X-Api-Key": "abc", "X-Auth": "{{CRM_TOKEN}}"'),
            [
                "rules[0].action_config.signing_secret: a secret is written out here; put it into the secret store and write {{ITS_NAME}}",
                "rules[0].action_config.headers.X-Api-Key: a secret is written out here; put it into the secret store and write {{ITS_NAME}}",
                "rules[0]: an action without a trigger; it is taken for every rule that has none of its own",
            ],
        ),
        (
            SLACK.replace("https://hooks.slack.com/services/...", "{{SLACK_URL}}"),
            ["rules[0]: an action without a trigger; it is taken for every rule that has none of its own"],
        ),
        (
            '[{"trigger_type": "explicit", "priority": 9}, {"trigger_type": "explicit"}]',
            ["rules explicit_2: no priority, so it is 500"],
        ),
    ],
)
def test_what_is_supposed_is_said(text, warnings):
    """S-05 to S-07, S-09, S-10: what a rule doesn't say and what isn't safe is a warning; the rest is a policy."""
    imported = import_scaibot(text, known={"report_bug"})
    assert warnings == list(imported.warnings)
    assert imported.policy().name == "scaibot"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "scaibot: found no rules; expected an object with `trigger_type`"),
        ("{}", "scaibot: rules[0]: neither trigger nor action"),
        ("[3]", "scaibot: rules[0]: found 3; expected an object with `trigger_type`"),
        ('{"rules": {}}', "scaibot: rules: found a dict; expected a list of objects"),
        ('{"trigger_type": "mood"}', "rules[0].trigger_type: found 'mood'; expected one of keyword, explicit, intent, sentiment, confidence"),
        ('{"trigger_type": "keyword"}', "rules[0].trigger_config.keywords: a field is missing; add it"),
        ('{"trigger_type": "keyword", "trigger_config": {"keywords": "a"}}', "rules[0].trigger_config.keywords: found 'a'"),
        ('{"trigger_type": "keyword", "trigger_config": {"keywords": ["("], "match_mode": "regex"}}', "rules[0].trigger_config: the pattern '(' is no RE2 pattern"),
        ('{"trigger_type": "keyword", "trigger_config": {"keywords": ["a"], "match_mode": "word"}}', "rules[0].trigger_config.match_mode: found 'word'; expected one of substring, regex"),
        ('{"trigger_type": "intent", "trigger_config": {"intents": ["a"], "threshold": 70}}', "rules[0].trigger_config.threshold: found 70; expected less than or equal to 1"),
        ('{"trigger_type": "intent", "trigger_config": {"threshold": 0.7}}', "rules[0].trigger_config.intents: a field is missing"),
        ('{"trigger_type": "sentiment", "trigger_config": {"threshold": -6, "window_messages": 3}}', "rules[0].trigger_config.threshold: found -6"),
        ('{"trigger_type": "sentiment", "trigger_config": {"threshold": -0.6, "window_messages": 0}}', "rules[0].trigger_config.window_messages: found 0"),
        ('{"trigger_type": "confidence", "trigger_config": {"threshold": 0.5, "consecutive_low_turns": "2"}}', "rules[0].trigger_config.consecutive_low_turns: found '2'"),
        ('{"trigger_type": "explicit", "priority": 1001}', "rules[0].priority: found 1001; expected a whole number from 0 to 1000"),
        ('{"trigger_type": "explicit", "priority": "high"}', "rules[0].priority: found 'high'"),
        ('{"trigger_type": "explicit", "message": 3}', "rules[0].message: found 3; expected a text"),
        ('{"action_type": "sms"}', "rules[0].action_type: found 'sms'; expected one of email, webhook, slack, scaiqueue"),
        ('{"action_type": "email"}', "rules[0].action_config: a field is missing; add it"),
        ('{"action_type": "email", "action_config": {"to": "nobody"}}', "rules[0].action_config.to: found 'nobody'"),
        ('{"action_type": "email", "action_config": {"to": "a@b.c", "subject_template": "{botname}"}}', "rules[0].action_config.subject_template: unknown variable {{botname}}"),
        ('{"action_type": "webhook", "action_config": {"url": "crm"}}', "rules[0].action_config.url: found 'crm'"),
        ('{"action_type": "slack", "action_config": {}}', "rules[0].action_config.webhook_url: a field is missing"),
        ('{"action_type": "scaiqueue", "action_config": {"topic": "a", "priority": "first"}}', "rules[0].action_config.priority"),
        ('{"trigger_type": "explicit",\n "message": hello}', "scaibot, line 2: "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_path(text, expected):
    """A value of a wrong type or out of range says where it stands in ScaiBot's words, what was found and what was expected."""
    with pytest.raises(PolicyError) as error:
        import_scaibot(text)
    assert expected in str(error.value)


JUNK = [None, True, 0, -1, 2.5, 10**20, "", "x", "{{a}}", "{a}", [], ["x"], [None], {}, {"x": 1}]


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
def test_any_value_is_read_or_refused(trigger, action):
    """Whatever stands in a field, it is refused with its path, or gives a policy that comes back when it is exported."""
    whole = {
        "trigger_config": {},
        **json.loads(trigger),
        **json.loads(action),
        "message": "Hi",
        "priority": 9,
        "id": "a",
        "name": "b",
    }
    places = [(whole, name) for name in whole] + [
        (config, name) for config in (whole["trigger_config"], whole["action_config"]) for name in config
    ]
    refusals = []
    for part, name in places:
        for junk in JUNK:
            kept, part[name] = part[name], junk
            try:
                policy = policy_from(whole)
            except PolicyError as error:
                refusals.append(str(error))
            else:
                exported, warnings = export_scaibot(policy)
                assert ((), policy.fingerprint()) == (warnings, policy_from(*exported["rules"]).fingerprint())
            part[name] = kept
    assert refusals
    assert all(one.startswith("scaibot: rules[0]") for one in refusals)


# the preset, and back again


def test_the_preset_is_what_the_examples_give():
    """S-01 to S-07, S-14, S-15, X-1, X-3: the preset is the import of the page's triggers in the order that it advises."""
    rules = [
        block(KEYWORD, priority=900),
        block(EXPLICIT, priority=800),
        block(INTENT, priority=500),
        block(SENTIMENT, priority=400),
        block(CONFIDENCE, priority=100, message=SORRY),
        block(QUEUE),
    ]
    assert policy_from(*rules).fingerprint() == preset("scaibot").fingerprint()


def test_the_preset_plays_cheap_rules_first_and_the_safety_net_last():
    """S-14, S-15: a keyword decides before an intent does, and low confidence where nothing else did."""
    policy = preset("scaibot")
    both = (customer("a refund"), scored(custom=ranked({"buying-intent": 0.9, "cancellation-intent": 0.1})))
    assert ("keyword", {"type": "queue", "topic": "human-review", "priority": 5}) == (
        (first := decided(policy, both)).reason.rule_id,
        first.action,
    )
    assert SORRY == decided(policy, *answers(0.1, 0.1)).text
    order = [rule.id for rule in sorted(policy.rules, key=lambda rule: -rule.priority)]
    assert ["keyword", "explicit", "intent", "sentiment", "confidence"] == order


def test_scaibot_never_offers():
    """S-01: every rule escalates, and a model that fails changes nothing."""
    policy = preset("scaibot")
    assert {"escalate"} == {rule.then for rule in policy.rules}
    assert "continue" == decide(Turn(message=customer(), scores=None), NEW, policy).decision.decision


@pytest.mark.parametrize(
    "text",
    [*TRIGGERS.values(), *ACTIONS.values(), "".join([*TRIGGERS.values(), *ACTIONS.values()])],
    ids=[*TRIGGERS, *ACTIONS, "all"],
)
def test_every_block_comes_back_as_the_same_policy(text):
    """S-01 to S-11: what was imported and is exported again is the same policy, in the same words."""
    policy = import_scaibot(text).policy()
    exported, warnings = export_scaibot(policy)
    assert () == warnings
    assert policy.fingerprint() == policy_from(*exported["rules"]).fingerprint()
    for given in exported["rules"]:
        said = {name: value for name, value in given.items() if name != "id"}
        assert said in [json.loads(one) for one in (*TRIGGERS.values(), *ACTIONS.values())]


def test_a_whole_rule_comes_back():
    """S-01, S-02: ids, names, priorities, switches and messages are exported too."""
    rules = [
        block(KEYWORD, id="k", name="Words", priority=9, enabled=False, message="Hi", **json.loads(QUEUE)),
        block(CONFIDENCE, id="c", priority=1),
    ]
    exported, warnings = export_scaibot(policy_from(*rules))
    assert ((), {"rules": rules}) == (warnings, exported)


def test_known_labels_come_back():
    """S-05: an intent of the bundle's own is exported as any other."""
    policy = import_scaibot(INTENT, known={"buying-intent", "cancellation-intent"}).policy()
    exported, warnings = export_scaibot(policy)
    assert ((), json.loads(INTENT)["trigger_config"]) == (warnings, exported["rules"][0]["trigger_config"])


def test_an_id_with_a_colon_hides_nothing_of_another_rule():
    """S-17: what is said of the rule `a:b` doesn't stand for what is lost of the rule `a`."""
    policy = policy_of(
        rule({"time": {"max_messages": 3}}, id="a:b"),
        rule({"keyword": {"terms": ["x"], "case_sensitive": True}}, id="a"),
        on_error="continue",
    )
    named = {warning.partition(": ")[0] for warning in export_scaibot(policy)[1]}
    assert {"rules.a:b", "rules.a.when.keyword.case_sensitive"} <= named


def test_what_scaibot_cannot_say_is_named():
    """A rule, a field or a section without a place in ScaiBot's rules is named in a warning."""
    policy = policy_of(
        rule({"explicit": {"threshold": 0.9}}, id="asks"),
        rule({"keyword": {"terms": ["a"], "match": "word"}}, id="word"),
        rule({"keyword": {"terms": ["a"], "case_sensitive": True}}, id="cased", message={"de": "Hallo", "en": "Hi"}),
        rule({"intent": {"labels": ["new"]}}, "offer", id="offers"),
        rule({"intent": {"labels": ["new"]}}, id="new", action={"type": "callback"}),
        rule({"sentiment": {"streak": 3}}, id="streak"),
        rule({"sentiment": {"below": -0.5, "streak": 3}}, id="both", collect=["customer.email"]),
        rule({"time": {"max_messages": 3}}, id="time"),
        rule({"all": [{"explicit": {"threshold": 0.5}}]}, id="all"),
        rule({"explicit": {"threshold": 0.6}}, id="mails", action={"type": "email", "to": "a@b.c", "subject_template": "{{contact.id}}"}),
        labels={"new": {"examples": ["a b", "c d"]}},
        messages={"escalate": "Wait."},
        sla={"low": {"first_response_seconds": 10}},
        on_error="continue",
    )  # fmt: skip
    exported, warnings = export_scaibot(policy)
    assert ["asks", "cased", "new", "both", "mails"] == [given["id"] for given in exported["rules"]]
    assert {"Wait.", "Hi"} == {given["message"] for given in exported["rules"]}
    named = {warning.partition(": ")[0] for warning in warnings}
    assert {
        "rules.asks.when.explicit.threshold", "rules.asks.message", "rules.word", "rules.cased.when.keyword.case_sensitive",
        "rules.cased.message", "rules.offers", "rules.new.action", "rules.new.when.intent.threshold", "rules.new.message",
        "rules.streak", "rules.both.when.sentiment.streak", "rules.both.collect", "rules.both.message", "rules.time", "rules.all",
        "rules.mails.message", "rules.mails.action.subject_template", "labels.new.description", "labels.new.examples",
        "messages.escalate", "sla.low.first_response_seconds",
    } == named  # fmt: skip


@pytest.mark.parametrize("name", ["default", "linktor", "scaibot"])
def test_every_preset_can_be_exported(name):
    """Exporting never fails, and what comes out is a policy again."""
    exported, warnings = export_scaibot(preset(name))
    again = policy_from(*exported["rules"], name=name)
    assert bool(warnings) == (again.fingerprint() != preset(name).fingerprint())
