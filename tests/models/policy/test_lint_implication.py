"""What lint knows for certain of conditions: which hold whenever others do, and which can't hold at all."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts import LabelScore, ReasonCode, Scores, Sentiment, TriggerStatus
from models.policy.engine import Turn, decide
from models.policy.linting.implication import Reader, alternatives, implies
from models.policy.linting.terms import Found, TermList
from models.policy.state import NEW, ConversationState, Mood, Offer, Question, advance
from models.policy.triggers.check import Bound
from models.policy.triggers.combine import Condition
from models.policy.triggers.view import View
from models.text import fold, normalise
from tests.models.policy.builders import bot, customer, policy_of, rule

CUSTOM = {"own": None}


def explicit(threshold):
    """An explicit request at least so probable."""
    return {"explicit": {"threshold": threshold}}


def words(*terms, match="contains", **fields):
    """A keyword trigger."""
    return {"keyword": {"terms": list(terms), "match": match, **fields}}


def labels(threshold, *names, kind="intent"):
    """A trigger of labels."""
    return {kind: {"labels": list(names), "threshold": threshold}}


def field(**comparison):
    """A condition on the customer's tier."""
    return {"field": "customer.tier", **comparison}


def not_(condition):
    """A condition's opposite."""
    return {"not": condition}


GOLD, STREAK = field(equals="gold"), {"sentiment": {"streak": 3}}

CERTAIN = [
    ("a higher probability", explicit(0.8), explicit(0.6)),
    ("the same one", explicit(0.8), explicit(0.8)),
    ("a label among more", labels(0.8, "a"), labels(0.7, "a", "b")),
    ("labels each at their threshold", {"intent": {"labels": ["a", "b"], "thresholds": {"a": 0.9, "b": 0.8}}}, labels(0.8, "a", "b")),
    ("the bundle's threshold, whatever it is", {"intent": {"labels": ["a"]}}, {"intent": {"labels": ["a", "b"]}}),
    ("a longer streak", STREAK, {"sentiment": {"streak": 2}}),
    ("a streak without neutral messages", STREAK, {"sentiment": {"streak": 2, "include_neutral": True}}),
    ("a stricter window", {"sentiment": {"window": {"messages": 3, "below": -0.7}}}, {"sentiment": {"window": {"messages": 3, "below": -0.5}}}),
    ("one clause of several", {"sentiment": {"below": -0.7}}, {"sentiment": {"below": -0.6, "streak": 3}}),
    ("more low answers, lower ones", {"confidence": {"threshold": 0.4, "consecutive_low_turns": 3}}, {"confidence": {"threshold": 0.5, "consecutive_low_turns": 2}}),
    ("more alike, more often", {"repetition": {"max_retries": 3, "similarity": 0.9}}, {"repetition": {"max_retries": 2, "similarity": 0.8}}),
    ("a longer time", {"time": {"max_duration_seconds": 900}}, {"time": {"max_duration_seconds": 600, "max_messages": 5}}),
    ("both of two", {"all": [explicit(0.5), GOLD]}, explicit(0.5)),
    ("either of two, both certain", {"any": [explicit(0.7), labels(0.9, "a")]}, {"any": [labels(0.8, "a"), explicit(0.6)]}),
    ("the opposite of what is laxer", not_(explicit(0.6)), not_(explicit(0.8))),
    ("the opposite of either", not_({"any": [explicit(0.6), GOLD]}), not_(GOLD)),
    ("one value of some", GOLD, field(**{"in": ["gold", "silver"]})),
    ("a value is there", GOLD, field(exists=True)),
    ("no value is no such value", field(exists=False), field(not_in=["gold"])),
    ("another value", GOLD, not_(field(equals="silver"))),
    ("a larger number", field(above=5), field(at_least=5)),
    ("a number is not a word", field(at_least=5), not_(GOLD)),
    ("an offer was open, so it was made", {"turn": {"offer_pending": True}}, {"turn": {"offer_made": True}}),
    ("an offer was open, so it was not declined", {"turn": {"offer_pending": True}}, not_({"turn": {"offer_declined": True}})),
    ("the only one of some rules", {"turn": {"fired": ["x"]}}, {"turn": {"fired": ["x", "y"]}}),
    ("a lower confidence before", {"turn": {"after_confidence_below": 0.3}}, {"turn": {"after_confidence_below": 0.4}}),
    ("a surer refusal", {"turn": {"after_bot": {"labels": ["bot_cannot"], "threshold": 0.8}}}, {"turn": {"after_bot": {"labels": ["bot_cannot", "bot_fallback"], "threshold": 0.7}}}),
    ("what can't be", {"sentiment": {"below": -1}}, GOLD),
    ("a contradiction", {"all": [explicit(0.8), not_(explicit(0.6))]}, GOLD),
    ("a guideline, surer", {"guideline": {"text": "angry", "threshold": 0.9}}, {"guideline": {"text": "angry", "threshold": 0.8}}),
    ("more times, surer", {"dialogue": {"labels": ["insists"], "threshold": 0.7, "times": 3}}, {"dialogue": {"labels": ["insists"], "threshold": 0.5, "times": 2}}),
    ("a number beyond all floats", field(at_least=10**400), field(above=5)),
    ("an own label as intent and as topic", labels(0.6, "own"), labels(0.5, "own", kind="topic")),
    ("a part of the term", words("my refund now"), words("refund")),
    ("any case", words("REFUND"), words("refund")),
    ("a word in a phrase", words("get a refund now"), words("refund", match="word")),
    ("a word as a word", words("refund", match="word"), words("fund")),
    ("all that is said", words("refund please", match="exact"), words("refund", match="starts_with")),
    ("the beginning", words("refund please", match="starts_with"), words("refund", match="word")),
    ("a word of a script without blanks", words("我要退款"), words("退款", match="word")),
    ("the same pattern", words(r"ref\w+", match="regex"), words("x", r"ref\w+", match="regex")),
    ("all that is said, by a pattern", words("Refund 12", match="exact", case_sensitive=True), words(r"\d{2}", match="regex")),
    ("case that matters, then not", words("Refund", case_sensitive=True), words("refund")),
    ("a topic's words", {"topic": {"labels": ["a"], "use_model": False, "terms": ["my refund"]}}, words("refund")),
    ("a negated term is found too", words("agent", negations=True), words("agent")),
]  # fmt: skip

UNCERTAIN = [
    ("a lower probability", explicit(0.6), explicit(0.8)),
    ("by phrases alone", {"explicit": {"threshold": 0.8, "use_model": False}}, explicit(0.6)),
    ("a label of another trigger", labels(0.8, "a"), labels(0.5, "a", kind="topic")),
    ("the bundle's threshold or one of ours", {"intent": {"labels": ["a"]}}, labels(0.1, "a")),
    ("none of more labels", not_(labels(0.8, "a", "b")), not_(labels(0.9, "a"))),
    ("a window of another length", {"sentiment": {"window": {"messages": 3, "below": -0.7}}}, {"sentiment": {"window": {"messages": 2, "below": -0.5}}}),
    ("fewer low answers, lower ones", {"confidence": {"threshold": 0.4, "consecutive_low_turns": 1}}, {"confidence": {"threshold": 0.5, "consecutive_low_turns": 2}}),
    ("a streak with neutral messages", {"sentiment": {"streak": 3, "include_neutral": True}}, {"sentiment": {"streak": 3}}),
    ("either of two", {"any": [explicit(0.7), GOLD]}, explicit(0.6)),
    ("the opposite of what is stricter", not_(explicit(0.8)), not_(explicit(0.6))),
    ("what isn't below may not be known", GOLD, not_({"sentiment": {"below": -0.5}})),
    ("one of some values", field(**{"in": ["gold", "silver"]}), GOLD),
    ("not a value, or none", not_(GOLD), field(exists=True)),
    ("1 and true", field(equals=1), field(equals=True)),
    ("another field", {"field": "customer.a", "equals": 1}, {"field": "customer.b", "equals": 1}),
    ("an offer was made", {"turn": {"offer_made": True}}, {"turn": {"offer_pending": True}}),
    ("a term in longer words", words("refund"), words("refund", match="word")),
    ("letters around a term", words("refund please"), words("refund", match="word")),
    ("somewhere, not at the beginning", words("refund now"), words("refund", match="starts_with")),
    ("the beginning is not all", words("refund", match="starts_with"), words("refund", match="exact")),
    ("case that matters afterwards", words("Refund"), words("Refund", case_sensitive=True)),
    ("a capital that folds with a mark", words("J", case_sensitive=True), words("j")),
    ("a pattern that ignores case", words(r"a+", match="regex"), words(r"a+", match="regex", case_sensitive=True)),
    ("a term that may be negated", words("agent"), words("agent", negations=True)),
    ("once, not several times", {"dialogue": {"labels": ["insists"], "threshold": 0.5}}, {"dialogue": {"labels": ["insists"], "threshold": 0.5, "times": 2}}),
    ("several times by another label", {"dialogue": {"labels": ["insists", "not_helped"], "threshold": 0.5, "times": 2}}, {"dialogue": {"labels": ["insists"], "threshold": 0.5, "times": 2}}),
    ("fewer times, surer", {"dialogue": {"labels": ["insists"], "threshold": 0.7, "times": 2}}, {"dialogue": {"labels": ["insists"], "threshold": 0.5, "times": 3}}),
    ("more times, less sure", {"dialogue": {"labels": ["insists"], "threshold": 0.5, "times": 3}}, {"dialogue": {"labels": ["insists"], "threshold": 0.7, "times": 2}}),
    ("different negations", words("agent", negations=["no"]), words("agent", negations=True)),
]  # fmt: skip


def cases(table):
    """The conditions of a table, each with its name."""
    return pytest.mark.parametrize(("one", "other"), [row[1:] for row in table], ids=[row[0] for row in table])


READER = Reader(CUSTOM)


@cases(CERTAIN)
def test_what_is_certain_is_known(one, other):
    """Where one condition holds the other does, and lint knows it."""
    assert implies(Condition.model_validate(one), Condition.model_validate(other), READER)


@cases(UNCERTAIN)
def test_what_is_not_certain_is_not_claimed(one, other):
    """Where the other condition may fail, nothing is claimed."""
    assert not implies(Condition.model_validate(one), Condition.model_validate(other), READER)


def test_a_bundles_thresholds_count_where_it_is_known():
    """A threshold that the policy leaves to the bundle is the bundle's, and 0.8 where it has none."""
    known = Reader({}, {"a": 0.3})
    own, bundles = Condition.model_validate(labels(0.5, "a")), Condition.model_validate({"intent": {"labels": ["a"]}})
    fallback = Condition.model_validate({"intent": {"labels": ["b"]}})
    assert implies(own, bundles, known)
    assert not implies(bundles, own, known)
    assert implies(fallback, Condition.model_validate(labels(0.8, "b")), known)
    assert not implies(fallback, Condition.model_validate(labels(0.81, "b")), known)


def test_what_is_too_tangled_is_not_claimed():
    """A condition that can come true in too many ways proves nothing, in little time."""
    many = [words(*(f"t{place}x{number}" for number in range(200))) for place in range(3)]
    tangled = Condition.model_validate({"all": many})
    assert alternatives(READER.read(tangled)) is None
    assert not implies(tangled, Condition.model_validate(GOLD), READER)
    assert implies(Condition.model_validate(GOLD), Condition.model_validate({"any": [GOLD, {"all": many}]}), READER)


# terms and texts of few letters, some of which fold in odd ways, so that they meet often

LETTERS = "abJ ßj\u030cİ退।"
terms = st.text(LETTERS, min_size=1, max_size=4).filter(normalise)
matches = st.sampled_from(["exact", "contains", "starts_with", "word"])
# one term, and a part of it
pairs = terms.flatmap(
    lambda term: st.tuples(
        st.just(term), st.integers(0, len(term) - 1).map(lambda start: term[start:]) | st.just(term[:1])
    )
).filter(lambda pair: normalise(pair[1]))
two_found = st.builds(
    lambda pair, one, other: (Found(pair[0], *one), Found(pair[1], *other)),
    pairs,
    st.tuples(matches, st.booleans()),
    st.tuples(matches, st.booleans()),
)


def is_found(one, text):
    """Whether a term is found in a text, by the trigger itself."""
    condition = Condition.model_validate(words(one.term, match=one.match, case_sensitive=one.case_sensitive))
    (check,) = condition.keyword.checks("r", Bound())
    return check.look(view_of(customer(text), None, NEW)).status is TriggerStatus.FIRED


def view_of(message, scores, before, **known):
    """A message as triggers see it."""
    after = advance(before, message, scores)
    fields = {"customer": {}, "channel": None, "context": {}, **known}
    return View(message, scores, before=before, after=after, **fields)


@settings(max_examples=300)
@given(two_found, terms, terms)
def test_a_term_that_is_caught_is_never_found_alone(two, before, after):
    """Whatever stands around a term, and however it is written: where it is found, what catches it is found."""
    one, other = two
    if not TermList((other.term,), other.match, other.case_sensitive).catches(one):
        return
    for text in (
        one.term,
        one.term.upper(),
        before + one.term,
        one.term + after,
        before + one.term + after,
        fold(one.term) + after,
    ):
        if normalise(text) and is_found(one, text):
            assert is_found(other, text)


# random conditions over few names and numbers, and random messages for them

numbers = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])
signed = st.sampled_from([-1.0, -0.6, -0.2, 0.4])
counts = st.integers(2, 4)
names = st.lists(st.sampled_from(["a", "b", "own"]), min_size=1, max_size=2)
values = st.sampled_from([1, 2, 2.5, True, "gold"])


def part(name, **fields):
    """A trigger with random fields."""
    return st.fixed_dictionaries({name: st.fixed_dictionaries(fields)})


kinds = (
    part("explicit", threshold=numbers, use_model=st.booleans()),
    part("intent", labels=names, threshold=numbers),
    part("topic", labels=names, threshold=numbers, terms=st.lists(terms, min_size=1, max_size=2)),
    part("dialogue", labels=st.just(["insists"]), threshold=numbers),
    part("sentiment", below=signed, streak=counts, include_neutral=st.booleans()),
    part("sentiment", window=st.fixed_dictionaries({"messages": counts, "below": signed})),
    part("frustration", at_least=numbers),
    part("confidence", threshold=numbers, consecutive_low_turns=st.integers(1, 3)),
    part("repetition", max_retries=counts, similarity=st.sampled_from([0.2, 0.5, 0.8]), max_fallbacks=counts, max_loops=counts),
    part("time", max_duration_seconds=numbers, max_messages=counts, max_bot_responses=counts),
    part("risk", threshold=numbers),
    part("keyword", terms=st.lists(terms, min_size=1, max_size=3), match=st.sampled_from(["contains", "word", "exact", "starts_with"])),
    part("turn", after_confidence_below=numbers),
    part("turn", fired=st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2)),
    part("turn", after_bot=st.fixed_dictionaries({"labels": st.just(["bot_cannot"]), "threshold": numbers})),
    st.sampled_from([{"turn": {name: True}} for name in ("offer_pending", "offer_declined", "offer_made", "after_fallback")]),
    st.sampled_from(["equals", "in", "not_in", "at_least", "above", "at_most", "below", "exists"]).flatmap(
        lambda name: st.builds(
            lambda one, two: field(**{name: {"in": [one, two], "not_in": [one], "exists": one == 1, "equals": one}.get(name, 2)}),
            values,
            values,
        )
    ),
)  # fmt: skip
conditions = st.recursive(
    st.one_of(kinds),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(not_, inner),
    ),
    max_leaves=3,
).map(Condition.model_validate)


def ranked(rng, *names):
    """Probabilities of some labels, or of none."""
    known = [
        LabelScore(label=name, probability=rng.choice((0.0, 0.3, 0.5, 0.9, 1.0)))
        for name in names
        if rng.random() < 0.8
    ]
    return tuple(known) if rng.random() < 0.8 else None


def some(rng, *values):
    """One of some values, or nothing."""
    return rng.choice(values) if rng.random() < 0.8 else None


def random_view(rng):
    """A message in a conversation, with some scores missing."""
    text = "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 8))) + rng.choice(["", "a", "want a human"])
    mood = some(rng, Sentiment(score=-0.8, label="negative"), Sentiment(score=0.1, label="neutral"))
    unit = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    scores = Scores(
        intents=ranked(rng, "a", "b"), topics=ranked(rng, "a", "b"), custom=ranked(rng, "own"), dialogue=ranked(rng, "insists"),
        explicit=some(rng, *unit), declined_phrase=rng.choice((None, None, "no agent")), sentiment=mood, frustration=some(rng, *unit),
        confidence=some(rng, *unit), risk=some(rng, *unit), repeats=tuple(rng.choice(unit) for _ in range(3)),
    )  # fmt: skip
    moods = [Mood(score, label) for score, label in ((-0.9, "negative"), (-0.1, "neutral"), (0.7, "positive"))]
    before = ConversationState(
        n_messages=rng.randint(0, 5), n_bot_responses=rng.randint(0, 5), n_fallbacks=rng.randint(0, 4),
        started_at=customer().at, last_answer_fallback=rng.random() < 0.5, last_answer_confidence=some(rng, *unit),
        last_bot_dialogue=some(rng, (("bot_cannot", 0.6),), (("bot_cannot", 0.9),), ()),
        moods=tuple(rng.choice(moods) for _ in range(rng.randint(0, 4))),
        confidences=tuple(rng.choice(unit) for _ in range(rng.randint(0, 4))),
        exchanges=tuple(rng.choice(["ee", "f"]) for _ in range(rng.randint(0, 6))),
        questions=tuple(Question(f"q{place}", f"k{place}") for place in range(3)),
        fired=tuple(name for name in "xy" if rng.random() < 0.5),
        offer=some(rng, *(Offer(status, "o", ReasonCode.POLICY) for status in ("pending", "accepted", "declined", "lapsed"))),
    )  # fmt: skip
    speak = rng.choice([customer, bot])
    known = {"customer": {"tier": rng.choice([None, 0, 1, 2, 2.5, 3, True, False, "gold", "silver", []])}}
    return view_of(
        speak(text, seconds=rng.choice([0, 0.3, 5])), rng.choice([scores, scores, scores, None]), before, **known
    )


def truth(condition, view):
    """Whether a condition holds, as the engine finds it: true, false or unknown."""
    checks = []
    expression = condition.compile("r", checks, Bound(CUSTOM, {}))
    statuses = {TriggerStatus.FIRED: True, TriggerStatus.EVALUATED: False}
    return expression.holds([statuses.get(check.look(view).status) for check in checks])


# two conditions at random, or two of one kind, which more often have to do with each other
alike = st.sampled_from(kinds).flatmap(lambda kind: st.tuples(kind, kind))
wrapped = st.sampled_from([lambda leaf: leaf, not_])
two_conditions = st.tuples(conditions, conditions) | st.builds(
    lambda two, wrap: tuple(Condition.model_validate(wrap(leaf)) for leaf in two), alike, wrapped
)
PROVED = []


@settings(max_examples=300)
@given(two_conditions, st.integers(0, 10**9))
def test_no_message_refutes_what_is_claimed(two, seed):
    """Whenever lint says that one condition implies another, no message makes the first hold and the second not."""
    one, other = two
    joined = [
        (one, other),
        (Condition(all=(one, other)), other),
        (one, Condition(any=(one, other))),
        (Condition(not_=Condition(any=(one, other))), Condition(not_=other)),
    ]
    rng = random.Random(seed)
    views = [random_view(rng) for _ in range(15)]
    for left, right in joined:
        if implies(left, right, READER):
            held = [truth(right, view) for view in views if truth(left, view) is True]
            PROVED.append(len(held))
            assert all(value is True for value in held)


def test_enough_was_claimed_to_mean_something():
    """The search above met thousands of claims, and messages on which they mattered."""
    assert len(PROVED) > 500
    assert sum(PROVED) > 1500


@given(st.lists(conditions, min_size=2, max_size=4), st.integers(0, 10**9))
def test_a_rule_that_is_called_unreachable_never_decides(found, seed):
    """X-07: rules that lint calls unreachable decide nothing, in no state and on no message."""
    from models.policy.lint import lint

    rng = random.Random(seed)
    rules = []
    for place, condition in enumerate(found):
        document = rule(
            condition.model_dump(mode="json", by_alias=True, exclude_none=True),
            rng.choice(["escalate", "offer"]),
            id="xyzw"[place],
            priority=rng.randint(1, 2),
        )
        try:
            policy_of(*rules, document)
        except ValueError:  # its triggers are never looked at together, or it remembers a rule that isn't there
            continue
        rules.append(document)
    policy = policy_of(*rules, labels={"own": {"description": "own"}})
    dead = {finding.rule_id for finding in lint(policy) if finding.code == "unreachable"}
    if not dead:
        return
    for _ in range(20):
        view = random_view(rng)
        turn = Turn(message=view.message, scores=view.scores, customer=view.customer)
        reason = decide(turn, view.before, policy, explain=False).decision.reason
        # an offer that was open is accepted in the name of its rule, which is none of these
        assert reason is None or reason.rule_id not in dead
