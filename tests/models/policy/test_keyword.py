"""Keywords: five ways to match, Unicode folding, and patterns in linear time (rows L-02 to L-05, S-03)."""

import time

import pytest

from models.contracts import Action, TriggerStatus
from models.errors import PolicyError
from models.policy.schema import parse_policy
from tests.models.policy.builders import customer, policy_of, report_of, rule, take

LINKTOR = ["speak to human", "talk to agent", "real person", "manager", "supervisor", "complaint", "lawyer", "legal"]


def fires(text, **keyword):
    """Whether a keyword trigger fires on a text."""
    outcome = take(policy_of(rule({"keyword": keyword})), customer(text))
    return outcome.decision.decision is Action.ESCALATE


@pytest.mark.parametrize(
    ("match", "text", "expected"),
    [
        ("exact", "human", True),
        ("exact", "  Human ", True),
        ("exact", "human please", False),
        ("contains", "a superhuman effort", True),
        ("contains", "a person", False),
        ("starts_with", "human, now", True),
        ("starts_with", "a human", False),
        ("word", "a human!", True),
        ("word", "a superhuman", False),
        ("word", "humans", False),
        ("regex", "a human", True),
        ("regex", "a person", False),
    ],
)
def test_each_way_to_match(match, text, expected):
    """L-05, S-03: exact, contains, starts_with, word and regex match what their names say."""
    assert expected == fires(text, terms=["human"], match=match)


@pytest.mark.parametrize("term", LINKTOR)
def test_every_term_of_the_list_is_looked_for(term):
    """L-03: any of the listed terms fires."""
    assert fires(f"please, {term.upper()}.", terms=LINKTOR)


def test_a_rule_can_be_switched_off():
    """L-02: a disabled keyword rule is neither evaluated nor reported."""
    outcome = take(policy_of(rule({"keyword": {"terms": ["human"]}}, enabled=False)), customer("human"))
    assert ((), Action.CONTINUE) == (outcome.decision.triggers, outcome.decision.decision)


def test_case_matters_only_if_asked_for():
    """L-04: case is ignored by default and kept with case_sensitive, in patterns too."""
    assert [True, False, True, False] == [
        fires("A HUMAN", terms=["human"]),
        fires("A HUMAN", terms=["human"], case_sensitive=True),
        fires("A HUMAN", terms=["hu.an"], match="regex"),
        fires("A HUMAN", terms=["hu.an"], match="regex", case_sensitive=True),
    ]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("straße", "in der STRASSE"),
        ("strasse", "in der Straße"),
        ("café", "un cafe\u0301 svp"),
        ("ＡＧＥＮＴ", "an agent"),
        ("ΣΊΣΥΦΟΣ", "ο σίσυφος"),
        ("fi", "ﬁnd me"),
    ],
)
def test_texts_are_folded_as_unicode_says(term, text):
    """Case, width, ligatures and composed accents make no difference."""
    assert fires(text, terms=[term])


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("über", "reden wir über das", True),
        ("über", "überall", False),
        ("ser", "qué será", False),
        ("агент", "нужен агент!", True),
        ("агент", "агентство", False),
        ("हिंदी", "मुझे हिंदी चाहिए", True),
        ("हिंद", "मुझे हिंदी चाहिए", False),
        ("人工", "我要转人工客服", True),
        ("สวัสดี", "ครับสวัสดีครับ", True),
        ("order_id", "my order_id is", True),
        ("order", "my order_id is", False),
        ("c++", "I write c++ code", True),
    ],
)
def test_words_end_where_they_end_in_their_script(term, text, expected):
    """Word boundaries know letters and vowel marks of every script, and that some scripts write no blanks."""
    assert expected == fires(text, terms=[term], match="word")


def test_the_evidence_says_what_was_found_where():
    """The report names the term and the span of the text that matched, also where folding changes its length."""
    policy = policy_of(rule({"keyword": {"terms": ["lawyer", "anwalt"], "match": "word"}}))
    found = report_of(take(policy, customer("In der Straße wohnt mein ANWALT.")), "keyword")
    assert (TriggerStatus.FIRED, "anwalt", "word", None) == (found.status, found.value, found.operator, found.margin)
    assert {"term": "anwalt", "text": "ANWALT", "span": [25, 31]} == found.evidence


def test_a_keyword_needs_no_model():
    """S-03, S-14: a keyword fires when scoring failed."""
    policy = policy_of(rule({"keyword": {"terms": ["lawyer"]}}), on_error="continue")
    assert Action.ESCALATE is take(policy, customer("my lawyer"), None).decision.decision


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "(a?){50}a{50}"])
def test_a_catastrophic_pattern_takes_linear_time(pattern):
    """A pattern that would hang a backtracking engine answers at once on the longest message."""
    policy = policy_of(rule({"keyword": {"terms": [pattern], "match": "regex"}}))
    message = customer("a" * 8191 + "!")
    start = time.perf_counter()
    take(policy, message)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("pattern", "why"),
    [("(", "missing )"), (r"(a)\1", "invalid escape sequence"), ("(?=a)", "perl operator"), ("a{2000}", "repetition")],
)
def test_an_invalid_pattern_is_refused_when_the_policy_is_read(pattern, why):
    """A pattern that RE2 can't read is a policy error that names the line and what is missing."""
    text = f"name: p\nrules:\n  - id: r\n    when: {{keyword: {{match: regex, terms: ['{pattern}']}}}}\n    then: escalate\n"
    with pytest.raises(
        PolicyError, match=r"p.yaml, line 4: rules\[0\].when.keyword: the pattern .* is no RE2 pattern"
    ) as error:
        parse_policy(text, "p.yaml")
    assert why in str(error.value)


def test_a_pattern_that_needs_too_much_memory_is_refused():
    """The automaton's memory is bounded."""
    with pytest.raises(ValueError, match="pattern too large"):
        policy_of(rule({"keyword": {"terms": [r"(\pL{50}){20}"], "match": "regex"}}))


def test_a_term_of_nothing_is_refused():
    """A term that normalises to nothing would be in every message."""
    with pytest.raises(ValueError, match="empty once normalised"):
        policy_of(rule({"keyword": {"terms": ["\u200b "]}}))
