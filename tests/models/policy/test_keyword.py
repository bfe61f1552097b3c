"""Keywords: five ways to match, thousands of terms, Unicode folding, negations, linear time (rows L-02 to L-05, S-03, X-2)."""

import copy
import pickle
import time
import tracemalloc
import unicodedata

import pytest
import re2
from hypothesis import example, given
from hypothesis import strategies as st

from models.contracts import Action, Phase, TriggerStatus
from models.errors import PolicyError
from models.policy.schema import parse_policy
from models.policy.triggers.keyword import Keyword
from models.policy.triggers.matching import MAX_CHARACTERS, MAX_PATTERNS
from models.text import fold, is_unspaced, normalise
from tests.models.policy.builders import customer, policy_of, report_of, rule, scored, take

MARKS = {"Mn", "Mc", "Me"}
# letters that fold to others, to two, to one with their marks, to none alone; scripts without blanks; emoji of several parts
LETTERS = "aAbsSßẞiIİıJj\u030cǰkKeé\u0301ΣσςΐϊΪᾳαﬁＡ人工力がか\u3099हिंी_1½-.' \u00a0\u200d👍🏽👩"
WORDS = st.text(LETTERS, min_size=1, max_size=4).filter(fold)
MATCHES = ["exact", "contains", "starts_with", "word"]
LINKTOR = ["speak to human", "talk to agent", "real person", "manager", "supervisor", "complaint", "lawyer", "legal"]


def fires(text, **keyword):
    """Whether a keyword trigger fires on a text."""
    outcome = take(policy_of(rule({"keyword": keyword})), customer(text))
    return outcome.decision.decision is Action.ESCALATE


def seen(text, *, language=None, **keyword):
    """The report of a keyword trigger on a text in a language."""
    policy = policy_of(rule({"keyword": keyword}))
    return report_of(take(policy, customer(text), scored(language=language)), "keyword")


def first_held(text, terms, match, *, case_sensitive):
    """The evidence as the contract says it, found in the slowest and plainest way."""
    plain = normalise if case_sensitive else fold
    message, searched = normalise(text), plain(text)
    lengths = [len(unicodedata.normalize("NFKC", message[:end].casefold())) for end in range(len(message) + 1)]
    for term in terms:
        size = len(plain(term))
        for start in range(len(searched)):
            end = start + size
            if searched[start:end] == plain(term) and fits(match, searched, start, end):
                span = [start, end] if case_sensitive else unfolded(lengths, start, end)
                return {"term": term, "text": message[slice(*span)], "span": span}
    return {}


def unfolded(lengths, start, end):
    """The span of a text that a span of its folded form stands for, from the folded length of each beginning of the text."""
    last = next(length for length in lengths if length >= end)
    first = max(place for place, length in enumerate(lengths) if length <= start)
    return [first, max(place for place, length in enumerate(lengths) if length == last)]


def fits(match, text, start, end):
    """Whether a term that stands at a place may stand there."""
    if match == "exact":
        return (start, end) == (0, len(text))
    if match == "starts_with":
        return start == 0
    return match == "contains" or (begins_or_ends(text, start) and begins_or_ends(text, end))


def begins_or_ends(text, place):
    """Whether a word may begin or end at a place of a text."""
    around = text[max(0, place - 1) : place + 1] if 0 < place < len(text) else ""
    letters = [
        char for char in around if char.isalnum() or char in "_\u200c\u200d" or unicodedata.category(char) in MARKS
    ]
    return len(letters) < 2 or any(map(is_unspaced, letters))


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


@pytest.mark.parametrize("match", MATCHES)
@given(st.lists(WORDS, min_size=1, max_size=30), st.lists(WORDS, min_size=1, max_size=8).map("".join), st.booleans())
@example(["s", "ss", "ass"], "Maßß", False)
@example(["x", "ǰ"], "aJ\u030cx", False)
@example(["i", "i\u0307", "istanbul"], "İstanbul ISTANBUL", False)
@example(["b", "ab", "bab", "a", "aba", "abab", "babab"], "ababababa", False)
@example(["工", "人工", "人"], "转人工", True)
@example(["👍", "👍🏽"], "ok 👍🏽", True)
def test_the_first_term_in_the_policys_order_is_found(match, terms, text, case_sensitive):
    """L-03, L-05, X-2: whatever terms and text are, the evidence is that of looking for one term after the other."""
    found = seen(text, terms=terms, match=match, case_sensitive=case_sensitive)
    assert first_held(text, terms, match, case_sensitive=case_sensitive) == found.evidence


@pytest.mark.parametrize("match", MATCHES)
def test_twenty_thousand_terms_are_looked_for(match):
    """L-03: the last of 20,000 terms is found as the first is, and the first in the policy's order wins."""
    terms = [f"term {n:05}" for n in range(20_000)]
    keyword = {"terms": terms, "match": match}
    assert ["term 19999", "term 00000", None] == [
        seen(text, **keyword).value for text in ("TERM 19999", "term 00000", "my term")
    ]
    if match in {"contains", "word"}:
        assert seen("term 19999, term 00007", **keyword).value == "term 00007"


@given(
    st.lists(
        st.sampled_from(
            ["an?", r"\bag", "a.*t", "[eiou]n", r"\d+", "(?i)S", "ß", "İ", "^x", "n$", "(a|b)+c", "人.", ""]
        )
    ),
    st.text("aAgeniotxsSßİibc人工1 ", min_size=1, max_size=20).filter(normalise),
    st.booleans(),
)
def test_patterns_are_found_in_the_policys_order(patterns, text, case_sensitive):
    """S-03, X-2: of many patterns the first that matches is the evidence, where it matches first."""
    patterns = [*(pattern for pattern in patterns if pattern), "z"]
    options = re2.Options()
    options.case_sensitive = case_sensitive
    matches = ((pattern, re2.compile(pattern, options).search(normalise(text))) for pattern in patterns)
    expected = next(((pattern, list(match.span())) for pattern, match in matches if match), (None, None))
    found = seen(text, terms=patterns, match="regex", case_sensitive=case_sensitive)
    assert expected == (found.value, found.evidence.get("span"))


def test_patterns_too_long_for_one_filter_are_tried_one_by_one():
    """S-03: where the words of all patterns need too much memory together, the patterns are found all the same."""
    patterns = [f"{n:03} {'x' * 480} (yes|no)" for n in range(MAX_PATTERNS)]
    assert ["999", None] == [
        value and value[:3]
        for value in (
            seen(f"so 999 {'X' * 480} No", terms=patterns, match="regex").value,
            seen("so 999", terms=patterns, match="regex").value,
        )
    ]


@pytest.mark.parametrize("match", ["contains", "word"])
def test_terms_within_terms_need_little_memory(match):
    """Hundreds of terms that all match everywhere neither slow a message down nor fill the memory."""
    policy = policy_of(rule({"keyword": {"terms": ["a" * size for size in range(500, 0, -1)], "match": match}}))
    message = customer(f"{'a' * 7000} {'a' * 500}")
    tracemalloc.start()
    found = report_of(take(policy, message), "keyword")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {"contains": [0, 500], "word": [7001, 7501]}[match] == found.evidence["span"]
    assert peak < 2 << 20


@pytest.mark.parametrize("match", MATCHES)
@given(st.text("ab ", min_size=1, max_size=40).filter(normalise))
def test_terms_within_terms_are_found_in_order(match, text):
    """L-05: where terms end with many other terms the evidence is the same."""
    terms = ["a" * size for size in range(12, 1, -1)] + ["ba", "a", "ab"]
    assert first_held(text, terms, match, case_sensitive=False) == seen(text, terms=terms, match=match).evidence


def test_terms_are_compiled_once():
    """Reading a policy compiles the terms, deciding uses them."""
    policy = policy_of(rule({"keyword": {"terms": ["a"]}}))
    (check,) = policy.program[Phase.PRE][0].checks
    assert policy.rules[0].when.keyword.matcher is check.matcher


def test_a_copy_with_other_terms_looks_for_those():
    """What is compiled belongs to its terms: a changed copy doesn't keep it."""
    keyword = Keyword(terms=["alpha"]).model_copy(update={"terms": ("beta",)})
    policy = policy_of(rule({"keyword": keyword}))
    assert Action.ESCALATE is take(policy, customer("beta")).decision.decision


@pytest.mark.parametrize("match", [*MATCHES, "regex"])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda keyword: pickle.loads(pickle.dumps(keyword))])
def test_keywords_can_be_copied_and_pickled(match, copied):
    """A copy or pickle of compiled terms is the same keyword."""
    keyword = Keyword(terms=[f"term {n}" for n in range(10)], match=match, negations=["no"])
    assert keyword == copied(keyword)
    assert copied(keyword).matcher.terms == keyword.matcher.terms


@pytest.mark.parametrize(
    ("terms", "match", "why"),
    [
        (["x" * 501], "contains", "at most 500 characters"),
        (["x"] * 20_001, "contains", "at most 20000 items"),
        (["x" * 400] * (MAX_CHARACTERS // 400 + 1), "contains", "1000400 characters, expected at most 1000000"),
        ([f"x{n}" for n in range(MAX_PATTERNS + 1)], "regex", "1001 patterns, expected at most 1000"),
    ],
)
def test_too_many_terms_are_refused(terms, match, why):
    """L-03: what terms may be in all is bounded, and the refusal says how many there were."""
    with pytest.raises(ValueError, match=why):
        Keyword(terms=terms, match=match)


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


NEGATED = [
    ("en", "agent", "I don't need an agent", "dont need an agent"),
    ("en", "agent", "no need for an agent", "no need for an agent"),
    ("en", "AGENT", "Please: I do not want to talk to an agent!", "not want to talk to an agent"),
    ("en", "human", "no human required, lol. just the wifi password", "no human"),
    ("en", "lawyer", "Relax, a lawyer is not needed", "lawyer is not needed"),
    ("en", "travel agent", "I don't want a travel agent", "dont want a travel agent"),
    ("es", "agente", "No necesito un agente, gracias", "no necesito un agente"),
    ("fr", "conseiller", "je n'ai pas besoin d'un conseiller", "pas besoin d un conseiller"),
    ("de", "mitarbeiter", "kein Mitarbeiter nötig", "kein mitarbeiter"),
    ("de", "mitarbeiter", "Ein Mitarbeiter ist nicht nötig", "mitarbeiter ist nicht notig"),
    ("it", "operatore", "non ho bisogno di un operatore", "non ho bisogno di un operatore"),
    ("pt", "atendente", "não preciso de um atendente", "nao preciso de um atendente"),
    ("nl", "medewerker", "medewerker niet nodig", "medewerker niet nodig"),
    ("pl", "konsultant", "nie chcę konsultanta", "nie chce konsultanta"),
    ("tr", "temsilci", "Temsilciye gerek yok", "temsilciye gerek yok"),
    ("ar", "موظف", "لا أريد موظف", "لا اريد موظف"),
    ("hi", "agent", "agent nahi chahiye", "agent nahi"),
    ("ja", "スタッフ", "スタッフ対応は不要です。", "スタッフ対応は不要"),
    ("zh", "人工", "不用转人工，你告诉我", "不用转人工"),
]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("language", "term", "text", "negated"), NEGATED)
def test_a_negated_term_does_not_fire(told, language, term, text, negated):
    """X-2: with `negations` a term that the message negates doesn't fire, and the evidence says what negates it.

    Also where nobody knows the message's language.
    """
    assert fires(text, terms=[term])
    found = seen(text, terms=[term], negations=True, language=language if told else None)
    assert (TriggerStatus.EVALUATED, None, term) == (found.status, found.value, found.evidence["term"])
    assert negated in found.evidence["negated"]


@pytest.mark.parametrize(
    ("language", "term", "text"),
    [
        ("en", "agent", "I need an agent"),
        ("en", "agent", "not a bot, an agent"),
        ("en", "agent", "why won't you give me an agent"),
        ("en", "agent", "Why can't I just have an agent?"),
        ("en", "agent", "no. agent."),
        ("en", "refund", "I didn't get my refund"),
        ("en", "no refund", "you gave me no refund"),
        ("en", "not working", "it is not working"),
        ("de", "menschen", "ich will mit einem Menschen und nicht mit einem Bot reden"),
        ("pl", "człowiekiem", "chcę gadać z człowiekiem a nie z automatem"),
        ("pl", "agenta", "proszę agenta na czat"),
        ("zh", "不满意", "我很不满意"),
        ("sv", "agent", "jag vill prata med en agent"),
    ],
)
def test_a_term_that_is_not_negated_fires(language, term, text):
    """X-2: another clause's negation, a question, a complaint and a term that is a negation itself hold nothing back."""
    found = seen(text, terms=[term], negations=True, language=language)
    assert (TriggerStatus.FIRED, term) == (found.status, found.value)
    assert "negated" not in found.evidence


def test_the_first_term_that_is_not_negated_is_the_evidence():
    """X-2: a negated term doesn't hide the next one, nor the same term further on."""
    both = seen("I don't need an agent. A manager!", terms=["agent", "manager"], negations=True, language="en")
    again = seen("no agent needed... wait, agent please", terms=["agent"], negations=True, language="en")
    assert ("manager", [25, 30]) == (both.value, again.evidence["span"])


@pytest.mark.parametrize("match", ["contains", "word", "regex"])
@pytest.mark.parametrize(
    ("text", "negation"),
    [
        ("Anything BUT lawyers", "anything but"),
        ("non-lawyer", "non-"),
        ("turbut lawyer", None),
        ("anything but a lawyer", None),
        ("lawyer, anything but", None),
        ("I don't need a lawyer", None),
    ],
)
def test_listed_phrases_negate_what_follows_them(match, text, negation):
    """X-2: listed phrases negate a term right after them, as whole words, and nothing else does."""
    term = "lawyers?" if match == "regex" else "lawyer"
    if match == "word":
        text = text.replace("lawyers", "lawyer")
    found = seen(text, terms=[term], match=match, negations=["anything but", "non-", "but"], language="en")
    assert negation == found.evidence.get("negated")
    assert (found.status is TriggerStatus.FIRED) is (negation is None)


def test_listed_phrases_mind_case_as_the_terms_do():
    """X-2, L-04: a case-sensitive keyword has case-sensitive negations."""
    keyword = {"terms": ["lawyer"], "negations": ["No"], "case_sensitive": True}
    assert [False, True] == [fires(text, **keyword) for text in ("No lawyer", "no lawyer")]


def test_a_negation_of_nothing_is_refused():
    """X-2: a phrase that normalises to nothing would negate everything."""
    with pytest.raises(ValueError, match=r"the negation .* is empty once normalised"):
        Keyword(terms=["agent"], negations=["\u200b "])


def test_without_negations_the_fingerprint_is_as_before():
    """A policy that says nothing of negations keeps its fingerprint."""
    document = policy_of(rule({"keyword": {"terms": ["a"]}})).model_dump(exclude_defaults=True)
    assert "negations" not in document["rules"][0]["when"]["keyword"]


@given(
    st.text(LETTERS + "noagent,不", max_size=40).filter(normalise),
    st.lists(WORDS, min_size=1, max_size=4),
    st.booleans(),
)
def test_negations_never_fail(text, terms, told):
    """X-2: on odd texts the guard holds a term back or lets it pass, and changes nothing else."""
    plain = seen(text, terms=terms)
    guarded = seen(text, terms=terms, negations=True, language="en" if told else None)
    assert (plain.status is TriggerStatus.FIRED) == bool(guarded.evidence)


@pytest.mark.parametrize("unit", ["not agent ", "dont talk to agent ", "agent ", "agent nicht, ", "agent,", "n'agent "])
def test_the_work_for_negations_grows_with_the_message(unit):
    """X-2: sixteen times the text takes about sixteen times as long, not its square, on texts made to be slow."""
    policy = policy_of(rule({"keyword": {"terms": ["agent"], "negations": True}}))

    def seconds(size):
        message = customer((unit * size)[:size])
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            take(policy, message)
            taken.append(time.perf_counter() - start)
        return min(taken)

    assert seconds(8000) / seconds(500) < 48
