"""What lint finds in a policy, and what it leaves alone."""

import time
import tomllib
from pathlib import Path

import pytest

from models.policy import linting
from models.policy.lint import SEVERITIES, Facts, lint
from models.policy.schema import Policy, default_policy, preset
from tests.models.policy.builders import policy_of, rule

# as the released bundle has them
FACTS = Facts(
    name="test-1",
    intents=("affirm", "deny", "request_human", "demand_refund", "billing_dispute", "thanks_bye"),
    topics=("demand_refund", "billing_dispute"),
    dialogue=("not_helped", "insists", "resolved", "bot_cannot"),
    languages=("en",),
    request_languages=("de", "en", "es"),
    scores=frozenset({"intents", "topics", "explicit", "sentiment", "frustration", "dialogue", "confidence", "custom"}),
    thresholds={"demand_refund": 0.45, "explicit": 0.56},
    ceilings={"confidence": 0.89, "intents.affirm": 0.7},
)
# what a policy needs so that lint has nothing to say of it
ASKS = rule({"explicit": {"threshold": 0.6}}, id="asks", priority=1000)
NET = rule({"confidence": {"threshold": 0.5, "consecutive_low_turns": 2}}, id="net", priority=0)


def whole(*rules, **fields):
    """A policy of some rules, with all that every policy needs."""
    return policy_of(ASKS, *rules, NET, **fields)


def said(policy, facts=FACTS):
    """What lint says, as code and rule."""
    return [(finding.code, finding.rule_id) for finding in lint(policy, facts)]


def only(policy, facts=FACTS):
    """The one thing that lint says."""
    (finding,) = lint(policy, facts)
    return finding


def words(*terms, **fields):
    """A keyword trigger."""
    return {"keyword": {"terms": list(terms), **fields}}


def topic(threshold, *labels):
    """A trigger of topics."""
    return {"topic": {"labels": list(labels), "threshold": threshold}}


def test_a_whole_policy_is_left_alone():
    """A policy with a request rule and a safety net has nothing to mend, with a bundle or without."""
    assert () == lint(whole(), FACTS)
    assert () == lint(whole())


def test_the_default_policy_has_neither_errors_nor_warnings():
    """What Baton ships passes its own lint: no error, no warning."""
    found = lint(default_policy(), FACTS_OF_THE_RELEASE())
    assert [] == [finding for finding in found if finding.severity != "advice"]


def FACTS_OF_THE_RELEASE():
    """The facts of the released bundle."""
    from models.bundle import DEFAULT_PATH, Bundle
    from models.facts import facts_of

    return facts_of(Bundle.load(DEFAULT_PATH).manifest)


@pytest.mark.parametrize("name", ["linktor", "scaibot"])
def test_presets_have_no_errors(name):
    """The policies of the other products work as they stand, whatever there is to say of them."""
    assert [] == [finding for finding in lint(preset(name), FACTS_OF_THE_RELEASE()) if finding.severity == "error"]


# rules that never decide

STREAK = {"sentiment": {"streak": 3}}
GOLD = {"field": "customer.tier", "equals": "gold"}

UNREACHABLE = [
    ("the same with a laxer threshold", rule(topic(0.4, "demand_refund"), id="a"), rule(topic(0.6, "demand_refund"), id="b")),
    ("a shorter streak", rule({"sentiment": {"streak": 2}}, id="a"), rule(STREAK, id="b")),
    ("a term of each", rule(words("cash back", "my money"), id="a"), rule(words("CASH BACK now", "get my money", match="exact"), id="b")),
    ("one more condition", rule(STREAK, id="a"), rule({"all": [STREAK, GOLD]}, id="b")),
    ("an offer before an offer", rule(STREAK, "offer", id="a"), rule(STREAK, "offer", id="b", message="Shall I?")),
    ("a handoff before an offer", rule(STREAK, id="a"), rule(STREAK, "offer", id="b")),
    ("an answer's, in the same phase", rule({"confidence": {"threshold": 0.4}}, id="a"), rule({"confidence": {"threshold": 0.3}}, id="b")),
    ("that looks at messages and answers", rule({"time": {"max_messages": 5}}, id="a"), rule({"time": {"max_messages": 9}}, id="b")),
    ("that asks for details first", rule(STREAK, id="a", collect=["customer.order"]), rule(STREAK, id="b")),
    ("a higher priority, further down", rule(STREAK, id="b", priority=1), rule({"sentiment": {"streak": 1}}, id="a", priority=2)),
]  # fmt: skip


@pytest.mark.parametrize("rules", [row[1:] for row in UNREACHABLE], ids=[row[0] for row in UNREACHABLE])
def test_a_rule_behind_one_that_always_fires_first_never_decides(rules):
    """A rule before it holds whenever it does and decides, so this one never does, and lint names both."""
    found = [finding for finding in lint(whole(*rules), FACTS) if finding.code == "unreachable"]
    assert [("error", "b")] == [(finding.severity, finding.rule_id) for finding in found]
    assert "`a` (priority" in found[0].message
    assert "never decides" in found[0].message


def test_two_rules_together_can_leave_nothing_over():
    """A rule is unreachable too if one rule catches one half of it and another the other half."""
    caught = rule({"any": [words("cash back now"), topic(0.9, "demand_refund")]}, id="b", priority=1)
    policy = whole(rule(words("cash back"), id="a1"), rule(topic(0.5, "demand_refund"), id="a2"), caught)
    (finding,) = [one for one in lint(policy, FACTS) if one.code == "unreachable"]
    assert ("b", True) == (
        finding.rule_id,
        "`a1` (priority 500) and `a2` (priority 500) come before it" in finding.message,
    )


REACHABLE = [
    ("a stricter one before it", rule(STREAK, id="a"), rule({"sentiment": {"streak": 2}}, id="b")),
    ("an offer before a handoff", rule(STREAK, "offer", id="a"), rule(STREAK, id="b")),
    ("one that waits", rule(STREAK, id="a", timing={"mode": "after_wait", "wait_seconds": 60}), rule(STREAK, id="b")),
    ("one that may offer instead", rule(STREAK, id="a", timing={"mode": "sla_aware", "when_late": "offer"}), rule(STREAK, id="b")),
    ("one that is switched off", rule(STREAK, id="a", enabled=False), rule(STREAK, id="b")),
    ("a lower priority", rule(STREAK, id="a", priority=1), rule(STREAK, id="b", priority=2, then="offer")),
    ("in another phase", rule({"time": {"max_messages": 9}}, id="b", priority=2), rule({"all": [{"time": {"max_messages": 5}}, STREAK]}, id="a", priority=3)),
    ("a part of it is free", rule(words("cash back"), id="a"), rule(words("my cash back", "bank fee"), id="b")),
    ("the other field", rule({"field": "channel", "equals": "web"}, id="a"), rule({"field": "language", "equals": "web"}, id="b")),
]  # fmt: skip


@pytest.mark.parametrize("rules", [row[1:] for row in REACHABLE], ids=[row[0] for row in REACHABLE])
def test_a_rule_that_may_decide_is_left_alone(rules):
    """Where some message could reach a rule, lint doesn't call it unreachable."""
    assert [] == [rule_id for code, rule_id in said(whole(*rules)) if code == "unreachable"]


def test_a_rule_that_is_remembered_is_of_use_though_it_never_decides():
    """A rule that others remember may stand behind one that decides instead of it; a lazy policy never looks at it."""
    rules = (
        rule(STREAK, id="a"), rule(STREAK, id="b"),
        rule({"all": [{"turn": {"fired": ["b"]}}, GOLD]}, id="c"),
    )  # fmt: skip
    assert [] == said(whole(*rules))
    assert [("unreachable", "b")] == said(whole(*rules, evaluation="lazy"))


NEVER = [
    ("a contradiction", {"all": [GOLD, {"not": GOLD}]}, "contradict each other"),
    ("two values at once", {"all": [GOLD, {"field": "customer.tier", "in": ["silver", "none"]}]}, "contradict each other"),
    ("a number too small and too large", {"all": [{"field": "context.n", "below": 2}, {"field": "context.n", "at_least": 2}]}, "contradict"),
    ("a rule that is off", {"turn": {"fired": ["off"]}}, "it waits for `off`, which is switched off"),
    ("a model's failure that does nothing", {"turn": {"fired": ["on_error"]}}, "`on_error: continue`"),
    ("an offer that nobody makes", {"turn": {"offer_declined": True}}, "nothing in this policy offers one"),
]  # fmt: skip


@pytest.mark.parametrize(("when", "expected"), [row[1:] for row in NEVER], ids=[row[0] for row in NEVER])
def test_a_rule_that_can_never_hold_is_an_error(when, expected):
    """Conditions that contradict each other, or wait for what never comes, never fire."""
    finding = only(whole(rule(when), rule(STREAK, id="off", enabled=False), on_error="continue"))
    assert ("unreachable", "error", "r") == (finding.code, finding.severity, finding.rule_id)
    assert expected in finding.message


def test_offers_of_other_kinds_count_too():
    """A policy offers a person when a model fails, or when the queue is long, without a rule that says `offer`."""
    waits = rule({"turn": {"offer_declined": True}}, id="b")
    sla = rule(STREAK, id="a", timing={"mode": "sla_aware", "when_late": "offer"})
    assert [] == said(whole(waits))
    assert [] == said(whole(waits, sla, on_error="continue"))


def test_a_policy_that_is_switched_off_never_decides():
    """`enabled: false` is named once, not rule by rule."""
    finding = only(whole(rule(STREAK), enabled=False))
    assert ("unreachable", "warning", None) == (finding.code, finding.severity, finding.rule_id)


# terms

SHADOWED = [
    ("contains, in longer words", ["cash back", "cash backs now"], "contains", "cash backs now"),
    ("contains, whatever comes first", ["my cash back", "cash back"], "contains", "my cash back"),
    ("folded alike", ["Straße zahlt", "STRASSE ZAHLT"], "exact", "STRASSE ZAHLT"),
    ("word within a phrase", ["chargebacks", "my chargebacks please"], "word", "my chargebacks please"),
    ("beginning", ["chargebacks", "chargebacks please"], "starts_with", "chargebacks please"),
    ("the same pattern", [r"charge\w+", r"charge\w+"], "regex", r"charge\w+"),
]


@pytest.mark.parametrize(
    ("terms", "match", "expected"), [row[1:] for row in SHADOWED], ids=[row[0] for row in SHADOWED]
)
def test_a_term_that_another_of_its_list_catches_adds_nothing(terms, match, expected):
    """Of two terms of which one is found wherever the other is, the narrower one is named."""
    finding = only(whole(rule(words(*terms, match=match))))
    assert ("shadowed_term", "warning", "r") == (finding.code, finding.severity, finding.rule_id)
    assert f"the term {expected!r} adds nothing" in finding.message


@pytest.mark.parametrize(
    ("terms", "match"),
    [
        (["chargebacks", "chargebacks2"], "word"),
        (["one way", "way one"], "contains"),
        (["chargebacks", "chargebacks now"], "exact"),
    ],
    ids=["another word", "other words", "another message"],
)
def test_terms_that_are_found_apart_are_left_alone(terms, match):
    """Terms that some message holds without the other are both of use."""
    assert [] == said(whole(rule(words(*terms, match=match))))


def test_a_term_that_an_earlier_rule_catches_never_decides():
    """A term is named with the rule that fires first; the rest of its rule is of use."""
    policy = whole(rule(words("cash back"), id="a"), rule(words("bank fee", "my cash back"), id="b"))
    finding = only(policy)
    assert ("shadowed_term", "b") == (finding.code, finding.rule_id)
    assert finding.message.startswith("the term 'my cash back' never decides: `a` before this rule fires")


INNOCENT = [
    ("inside a word", "hack", "contains", "hackathon"),
    ("a job of that name", "agent", "word", "travel agent"),
    ("another sense", "human", "starts_with", "human resources"),
    ("not what it says", "legal", "contains", "illegally parked"),
    ("a thing of that name", "Manager", "contains", "password manager"),
    ("a pattern that is a word", r"(?i)\boperator\b", "regex", "tour operator"),
    ("in another language", "Anwalt", "contains", "anwaltskosten versichert"),
    ("in a script without blanks", "人", "contains", "人気の商品"),
]


@pytest.mark.parametrize(("term", "match", "phrase"), [row[1:] for row in INNOCENT], ids=[row[0] for row in INNOCENT])
def test_a_term_that_innocent_messages_hold_is_named(term, match, phrase):
    """A term that misfires is named with a phrase on which its own matching does."""
    found = [one for one in lint(whole(rule(words(term, match=match))), FACTS) if one.code == "innocent_term"]
    assert [("warning", "r")] == [(one.severity, one.rule_id) for one in found]
    assert phrase in found[0].message


@pytest.mark.parametrize(
    "when",
    [
        words("agent", match="exact"),
        words("speak to an agent"),
        words("travel agent"),
        {"all": [words("lawyer"), {"not": words("discount", match="word")}]},
        {"not": words("agent")},
    ],
    ids=[
        "the whole message",
        "a longer phrase",
        "the innocent phrase itself",
        "a guard against it",
        "where it must not be",
    ],
)
def test_a_term_that_is_guarded_is_left_alone(when):
    """A term that doesn't misfire as it is matched, or of which the rule leaves the innocent phrases out, is fine."""
    assert [] == [finding for finding in lint(whole(rule(when)), FACTS) if finding.code == "innocent_term"]


def test_a_whole_word_is_only_advised_where_it_helps():
    """`match: word` mends what is found inside words, and nothing else; where it mends a part only, the rest is named."""
    inside = only(whole(rule(words("hell"))))
    anywhere = only(whole(rule(words("supervisor"))))
    partly = only(whole(rule(words("agent"))))
    assert (True, False) == ("`match: word`, " in inside.message, "`match: word`" in anywhere.message)
    assert "use `match: word` (which still finds 'travel agent'), a longer phrase" in partly.message


def test_a_short_term_is_found_inside_words():
    """A term of three letters or fewer, found anywhere, is named; as a word, or in a script without blanks, it is fine."""
    assert [("innocent_term", "r")] == said(whole(rule(words("orc"))))
    assert [] == said(whole(rule(words("orc", match="word"))))
    assert [] == said(whole(rule(words("退款"))))


def test_every_innocent_phrase_holds_a_term_of_its_own():
    """The list of innocent phrases has none that can't be found, and no term without a phrase."""
    text = (Path(linting.__file__).parent / "innocent.toml").read_text("utf-8")
    languages = tomllib.loads(text)
    entries = [entry for language in languages.values() for entry in language]
    folded = [
        ([term.casefold() for term in entry["terms"]], [phrase.casefold() for phrase in entry["phrases"]])
        for entry in entries
    ]
    assert 13 == len(languages)
    assert [] == [
        phrase for terms, phrases in folded for phrase in phrases if not any(term in phrase for term in terms)
    ]
    assert [] == [term for terms, phrases in folded for term in terms if not any(term in phrase for phrase in phrases)]


# what is missing, and in which order rules stand


def test_a_policy_without_rules_never_escalates():
    """No rule, or none that is switched on, is a warning."""
    assert [("no_default", None)] == said(policy_of())
    assert [("no_default", None)] == said(policy_of(rule(STREAK, enabled=False)))


def test_a_policy_that_only_offers_is_named():
    """Where every rule offers, a customer who says nothing gets nobody."""
    assert ("no_default", None) in said(policy_of(rule({"explicit": {}}, "offer"), NET | {"then": "offer"}))


def test_an_offer_that_no_label_accepts_is_named():
    """Labels by which nobody can accept or decline an offer are named."""
    policy = whole(rule(STREAK, "offer"), offer={"accept_labels": ["afirm"], "decline_labels": ["deny", "nope"]})
    accept, decline = lint(policy, FACTS)
    assert "did you mean `affirm`?" in accept.message
    assert "only the short answers of the phrase lists are understood" in accept.message
    assert "'nope'" in decline.message
    assert {("unknown_label", "warning")} == {(one.code, one.severity) for one in (accept, decline)}


def test_without_a_safety_net_bad_answers_pass():
    """S-15: a policy without a confidence rule is told so, and one whose confidence rule isn't the last for answers."""
    slow = rule({"time": {"max_bot_responses": 10}}, id="slow", priority=0)
    assert [("no_safety_net", None)] == said(policy_of(ASKS))
    assert [("no_safety_net", "net")] == said(policy_of(ASKS, NET | {"priority": 1}, slow))
    assert [] == said(policy_of(ASKS, NET, rule(STREAK, id="s", priority=0)))


def test_cheap_rules_come_first_where_it_pays():
    """S-14: in a lazy policy a keyword rule behind one that needs a model is named; a full policy runs every model anyway."""
    rules = (rule(topic(0.5, "demand_refund"), id="model"), rule(words("chargeback"), id="cheap"))
    asks = rule({"explicit": {"use_model": False, "threshold": 0.5}}, id="asks", priority=1000)
    assert [("expensive_first", "cheap")] == said(policy_of(asks, *rules, NET, evaluation="lazy"))
    assert [] == said(policy_of(asks, *rules, NET, evaluation="full"))
    assert [] == said(policy_of(asks, *rules[::-1], NET, evaluation="lazy"))


def test_nothing_but_a_handoff_comes_before_a_clear_request():
    """X-06: a rule that offers before the explicit one is a warning; one that escalates, or excludes it, is none."""
    asks = ASKS | {"priority": 100}
    assert [("explicit_outvoted", "r")] == said(policy_of(rule(STREAK, "offer"), asks, NET))
    assert [] == said(policy_of(rule(STREAK), asks, NET))
    unclear = {"all": [STREAK, {"not": {"explicit": {"threshold": 0.5}}}]}
    assert [] == said(policy_of(rule(unclear, "offer"), asks, NET))


def test_half_a_request_may_offer_before_a_clear_one():
    """X-06: a rule that is itself about requests may offer first: "agent?"."""
    bare = rule(words("agent", match="exact"), "offer", reason="explicit_request")
    assert [] == said(policy_of(bare, ASKS | {"priority": 100}, NET))


def test_a_policy_that_hears_no_request_is_told_so():
    """X-06: a policy without a rule for explicit requests is advised to have one; an intent will do."""
    wants = rule({"intent": {"labels": ["request_human"], "threshold": 0.8}})
    assert [("explicit_outvoted", None)] == said(policy_of(rule(STREAK), NET))
    assert [] == said(policy_of(wants, NET))


def test_who_asks_need_not_wait():
    """A rule for explicit requests that waits is named."""
    asks = ASKS | {"timing": {"mode": "after_wait", "wait_seconds": 60}}
    assert [("explicit_outvoted", "asks")] == said(policy_of(asks, NET))


MOODY = [
    ("one message", {"sentiment": {"below": -0.6}}, "escalate", ["single_sentiment"]),
    ("a streak of one", {"sentiment": {"streak": 1}}, "escalate", ["single_sentiment"]),
    ("one message of some customers", {"all": [{"sentiment": {"below": -0.6}}, GOLD]}, "escalate", ["single_sentiment"]),
    ("one message, in two ways", {"all": [{"sentiment": {"below": -0.6}}, {"frustration": {"at_least": 0.8}}]}, "escalate", ["single_sentiment"]),
    ("one message, or several", {"sentiment": {"below": -0.6, "streak": 3}}, "escalate", ["single_sentiment"]),
    ("an offer on one message", {"sentiment": {"below": -0.6}}, "offer", []),
    ("with something else", {"all": [{"sentiment": {"below": -0.6}}, {"turn": {"after_fallback": True}}]}, "escalate", []),
    ("with a label at the bundle's threshold", {"all": [{"sentiment": {"below": -0.6}}, {"intent": {"labels": ["deny"]}}]}, "escalate", []),
    ("a streak", STREAK, "escalate", []),
    ("a window", {"sentiment": {"window": {"messages": 3, "below": -0.6}}}, "escalate", []),
    ("a mild window", {"sentiment": {"window": {"messages": 3, "below": -0.3}}}, "escalate", ["mild_sentiment"]),
    ("a mild offer", {"sentiment": {"below": -0.1}}, "offer", ["mild_sentiment"]),
]  # fmt: skip


@pytest.mark.parametrize(("when", "then", "expected"), [row[1:] for row in MOODY], ids=[row[0] for row in MOODY])
def test_the_sentiment_of_one_message_is_not_trusted(when, then, expected):
    """S-16: a handoff on one message's sentiment, and a threshold that calm messages reach, are named."""
    assert expected == [code for code, _ in said(whole(rule(when, then)))]


# labels, thresholds, languages

UNKNOWN = [
    ("a slip", {"intent": {"labels": ["demand_refnd"], "threshold": 0.5}}, "did you mean `demand_refund`?"),
    ("an intent as a topic", topic(0.5, "affirm"), "name it in an `intent` trigger"),
    ("nothing like it", topic(0.5, "weather"), "describe it in `labels`"),
    ("of a dialogue", {"dialogue": {"labels": ["insist"], "threshold": 0.5}}, "did you mean `insists`?"),
    (
        "of the bot's message",
        {"turn": {"after_bot": {"labels": ["bot_sings"], "threshold": 0.5}}},
        "no dialogue 'bot_sings'",
    ),
]


@pytest.mark.parametrize(("when", "expected"), [row[1:] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN])
def test_a_label_that_nobody_scores_is_an_error(when, expected):
    """A label that neither the bundle nor the policy knows is named, with the nearest one; without a bundle nobody knows."""
    finding = only(whole(rule(when)))
    assert ("unknown_label", "error", "r") == (finding.code, finding.severity, finding.rule_id)
    assert expected in finding.message
    assert [] == said(whole(rule(when)), None)


def test_a_label_of_the_policys_own_is_known():
    """S-05: what `labels` describes may be named in intents and topics; what no rule names is advised against."""
    own = {"add_driver": {"examples": [f"add driver number {n} to my policy" for n in range(5)]}}
    assert [] == said(whole(rule(topic(0.5, "add_driver")), labels=own))
    assert [("unused_label", None)] == said(whole(labels=own))


def test_a_label_that_few_examples_show_is_advised_against():
    """S-05: with a description alone, or few examples, a label is found far worse than with five of the customers' own."""
    for own in ({"description": "wants to add a driver"}, {"examples": ["add my son"]}):
        finding = only(whole(rule(topic(0.5, "add_driver")), labels={"add_driver": own}))
        assert ("thin_label", "advice", None) == (finding.code, finding.severity, finding.rule_id)


def test_a_label_that_hides_the_bundles_own_is_named():
    """S-05: a label of the bundle's name is scored by its description, not by the head that was trained for it."""
    own = {"demand_refund": {"examples": [f"give me my {n} pounds back" for n in range(5)]}}
    finding = only(whole(rule(topic(0.5, "demand_refund")), labels=own))
    assert ("hidden_label", "warning", None) == (finding.code, finding.severity, finding.rule_id)


def test_labels_that_settle_nothing_are_named():
    """A rule that waits is disarmed by labels that must exist."""
    waits = rule(STREAK, timing={"mode": "after_wait", "wait_seconds": 60})
    assert [("unknown_label", None)] == said(whole(waits, resolution={"dialogue": ["solved"]}))
    assert [] == said(whole(resolution={"dialogue": ["solved"]}))


def test_scores_that_the_bundle_lacks_are_named():
    """A trigger that waits for a score which this bundle doesn't have never fires."""
    bare = Facts(name="bare-1", intents=FACTS.intents, topics=(), dialogue=FACTS.dialogue, languages=("en",))
    own = {"add_driver": {"description": "wants to add a driver"}}
    assert [("no_score", "r")] == said(whole(rule({"risk": {"threshold": 0.5}})))
    assert [("no_score", "r")] == said(whole(rule({"guideline": {"text": "angry about billing"}})), bare)
    assert ("no_score", None) in said(whole(rule(topic(0.5, "add_driver")), labels=own), bare)


REACH = [
    ("above the ceiling", {"intent": {"labels": ["affirm"], "threshold": 0.75}}, "error", "0.70 at most"),
    ("one", {"explicit": {"threshold": 1.0}}, "warning", "threshold 1"),
    ("nought", {"frustration": {"at_least": 0.0}}, "error", "every message reaches"),
    ("below the least", {"sentiment": {"window": {"messages": 3, "below": -1.0}}}, "error", "nothing is below -1"),
    ("no confidence is below nought", {"confidence": {"threshold": 0.0}}, "error", "nothing is below 0"),
    ("above the best answer's", {"confidence": {"threshold": 0.95}}, "error", "0.89 at most"),
    ("above the best answer's, remembered", {"turn": {"after_confidence_below": 0.9}}, "error", "0.89 at most"),
]


@pytest.mark.parametrize(("when", "severity", "expected"), [row[1:] for row in REACH], ids=[row[0] for row in REACH])
def test_a_threshold_that_nothing_or_everything_reaches_is_named(when, severity, expected):
    """A threshold beyond what the bundle's calibration can give, or at the very end of the scale, is named."""
    # whatever else there is to say of such a rule: never firing, it is unreachable too
    (finding,) = [one for one in lint(whole(rule(when)), FACTS) if one.code == "unreachable_threshold"]
    assert (severity, "r") == (finding.severity, finding.rule_id)
    assert expected in finding.message


def test_a_threshold_within_reach_is_left_alone():
    """Up to the ceiling a threshold can be reached."""
    within = rule({"intent": {"labels": ["affirm"], "threshold": 0.7}})
    assert [] == said(policy_of(ASKS, within, NET | {"when": {"confidence": {"threshold": 0.85}}}))


def test_models_that_do_not_read_the_policys_language_are_named():
    """A policy in German whose rules need scores is told that the models read English; what needs none still works."""
    german = {"locale": "de", "messages": {"escalate": "Einen Moment.", "offer": "Soll ich?"}}
    finding = only(whole(rule(STREAK), **german))
    assert ("english_only", "warning") == (finding.code, finding.severity)
    assert "read en only, so `r`, `net` see no scores" in finding.message
    assert [("no_safety_net", None)] == said(policy_of(ASKS, rule(words("Widerruf")), **german))


def test_languages_that_nobody_hears_are_named():
    """A locale beyond the thirteen is a warning, a text in one is advice; a country's code is set right."""
    swedish = whole(locale="sv", messages={"escalate": "Ett ögonblick.", "offer": "Ska jag?"})
    texts = whole(messages={"escalate": {"en": "One moment.", "jp": "少々お待ちください。", "sv": "Ett ögonblick."}})
    assert ("untested_locale", None) in said(swedish, None)
    japanese, other = lint(texts)
    assert ("untested_locale", "advice", True) == (
        japanese.code,
        japanese.severity,
        "was `ja` meant?" in japanese.message,
    )
    assert "`sv`" in other.message


def test_texts_that_lack_the_policys_own_language_are_named():
    """Who writes in a language without texts should read the policy's own, not any."""
    policy = whole(
        rule(STREAK, message={"fr": "Un instant."}),
        rule(words("chargeback"), id="plain", message="Moment."),
        locale="de-AT",
        messages={"escalate": {"en": "One moment."}, "offer": {"de": "Soll ich?"}, "in_queue": {"es": "Un momento."}},
    )
    found = [(one.rule_id, one.message.split(" isn't")[0]) for one in lint(policy) if one.code == "missing_text"]
    assert [(None, "`messages.escalate`"), (None, "`messages.in_queue`"), ("r", "its message")] == found


ENGLISH = [
    ("a handoff", rule(STREAK), {"on_error": "continue"}, ["escalate"]),
    ("a handoff with a text of its own", rule(STREAK, message="Moment."), {"on_error": "continue"}, []),
    ("an offer, and who accepts it", rule(STREAK, "offer", message="Soll ich?"), {"on_error": "continue"}, ["escalate"]),
    ("a model that failed", rule(STREAK, message="Moment."), {"on_error": "offer"}, ["offer"]),
    ("details that are asked for", rule(STREAK, message="Moment.", collect=["customer.order"]), {"on_error": "continue"}, ["collecting_info"]),
    ("a call back", rule(STREAK, message="Moment.", timing={"mode": "sla_aware"}), {"on_error": "continue"}, ["callback"]),
    ("an English policy", rule(STREAK), {"locale": "en-GB"}, []),
    ("a text that is written", rule(STREAK), {"on_error": "continue", "messages": {"escalate": "Moment."}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("one", "fields", "expected"), [row[1:] for row in ENGLISH], ids=[row[0] for row in ENGLISH])
def test_english_defaults_of_other_policies_are_named(one, fields, expected):
    """A policy in another language that leaves a message to its default lets its customers read English."""
    found = [
        finding for finding in lint(policy_of(one, **{"locale": "de", **fields})) if finding.code == "missing_text"
    ]
    assert [f"`messages.{name}`" for name in expected] == [finding.message.split(" isn't")[0] for finding in found]


# as a whole


def test_errors_come_first_and_each_thing_is_said_once():
    """Findings are sorted by severity, then by the order of the rules, and none is said twice."""
    policy = policy_of(
        rule(words("legal", "human", "legal"), id="late", priority=1),
        rule(topic(0.5, "nothing"), id="early"),
        rule({"sentiment": {"below": -0.6}}, id="mood"),
    )
    found = lint(policy, FACTS)
    severities = [SEVERITIES.index(finding.severity) for finding in found]
    assert severities == sorted(severities)
    assert len(found) == len(set(found))
    assert ["late", "late", "late", "mood"] == [finding.rule_id for finding in found if finding.severity == "warning"]


def test_every_message_says_what_to_do():
    """Whatever lint says ends with what mends it: after what was found and why it matters."""
    policies = [
        preset("linktor"),
        preset("scaibot"),
        policy_of(),
        whole(locale="sv"),
        *(whole(*row[1:]) for row in UNREACHABLE),
    ]
    messages = {finding.message for policy in policies for finding in lint(policy, FACTS)}
    assert len(messages) > 10
    assert [] == [message for message in messages if ";" not in message]


def test_lint_changes_nothing():
    """A policy that was looked at is the same policy."""
    before = default_policy().fingerprint()
    lint(default_policy(), FACTS)
    assert before == default_policy().fingerprint()


def test_long_lists_that_must_not_be_there_take_no_long_time():
    """Each term of a list under `not` is compared with each of another one: too many of them are not looked through."""
    terms = words(*(f"t{number:04}x" for number in range(5000)), match="word")
    started = time.monotonic()
    found = lint(
        policy_of(ASKS, rule({"not": terms}, id="a", priority=2), rule({"not": terms}, id="b", priority=1), NET)
    )
    assert ["too_large"] == [finding.code for finding in found]
    assert time.monotonic() - started < 5


def test_long_lists_take_no_long_time():
    """Thousands of terms in many rules are looked through in seconds, or not at all, and then lint says so."""
    rules = [
        rule(words(*(f"w{place}t{number:03}x" for number in range(400))), id=f"r{place}", priority=place)
        for place in range(150)
    ]
    started = time.monotonic()
    found = lint(policy_of(ASKS, *rules, NET))
    assert ["too_large"] == [finding.code for finding in found]
    assert time.monotonic() - started < 30


def test_no_end_of_the_same_is_cut_short():
    """Ten findings of a kind for one rule are enough; the rest is counted."""
    found = lint(whole(rule(words("cash back", *(f"cash back {number}" for number in range(50))))), FACTS)
    assert 11 == len(found)
    assert "40 more" in found[-1].message
    assert {("shadowed_term", "warning", "r")} == {(one.code, one.severity, one.rule_id) for one in found}


def test_a_document_of_any_age_is_looked_at():
    """Lint reads a policy that was copied, sent and read again."""
    policy = Policy.model_validate_json(default_policy().model_dump_json(by_alias=True, exclude_none=True))
    assert lint(default_policy(), FACTS) == lint(policy, FACTS)
