"""Repetition: same question, fallbacks, loops (rows L-13 to L-16, M-02)."""

import pytest

from models.contracts import Action
from models.policy.state import MAX_QUESTIONS, return_to_bot
from models.policy.triggers.repetition import count_loops
from tests.models.policy.builders import bot, customer, play, policy_of, report_of, rule, scored

RETRIES = policy_of(rule({"repetition": {"max_retries": 3}}))
FALLBACKS = policy_of(rule({"repetition": {"max_fallbacks": 2}}))
LOOPS = policy_of(rule({"repetition": {"max_loops": 5}}))


def questions(*texts):
    """Messages of a customer, numbered."""
    return [customer(text, id=f"m-{n}") for n, text in enumerate(texts)]


def retries(outcome):
    """The report of the repeated question."""
    return report_of(outcome, "repetition.max_retries")


def test_the_same_question_the_third_time():
    """L-13, L-14: the current message counts; the third of the same words fires, the second does not."""
    asked = questions("Where is my order?", "where is my ORDER", "where is  my order!!")
    outcomes = play(RETRIES, *asked)
    assert [1, 2, 3] == [retries(outcome).value for outcome in outcomes]
    assert ["continue", "continue", "escalate"] == [outcome.decision.decision for outcome in outcomes]
    assert ["m-0", "m-1"] == retries(outcomes[2]).evidence["message_ids"]


@pytest.mark.parametrize(("similarity", "expected"), [(0.8599, 1), (0.86, 2), (0.8601, 2)])
def test_the_same_question_in_other_words(similarity, expected):
    """L-14: a similarity at or above 0.86 is the same question in other words."""
    first, second = questions("where is my order", "my parcel has not come")
    outcomes = play(RETRIES, first, (second, scored(repeats=(similarity,))))
    assert expected == retries(outcomes[1]).value


def test_similarity_aligns_with_the_remembered_questions():
    """L-14: each similarity belongs to the question at its place; glue in between takes no place."""
    one, glue, two, three = questions("where is my order", "thanks", "how do I pay", "when does it come")
    outcomes = play(RETRIES, one, glue, two, (three, scored(repeats=(0.9, 0.1))))
    assert ["m-0"] == retries(outcomes[3]).evidence["message_ids"]


@pytest.mark.parametrize(
    "label", ["affirm", "deny", "greeting", "thanks_bye", "provide_info", "express_frustration", "abusive_language"]
)
def test_glue_is_no_question(label):
    """L-14: yes, no, hello, thanks, details given and anger let off are never a repeated question."""
    message = customer("yes that is right")
    outcomes = play(RETRIES, *[(message, scored(intents={label: 0.9}))] * 4)
    assert [0, 0, 0, 0] == [retries(outcome).value for outcome in outcomes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("order", 0), ("order?!", 0), ("my order", 1), ("订单", 0), ("我的订单在哪里", 1), ("สวัสดีครับ", 1)],
)
def test_one_word_is_no_question(text, expected):
    """L-14: fewer than two words ask nothing; scripts without blanks count letters."""
    assert expected == retries(play(RETRIES, customer(text))[0]).value


def test_only_so_many_questions_are_remembered():
    """The state stays small however long a conversation gets."""
    state = play(RETRIES, *questions(*[f"question number {n}" for n in range(50)]))[-1].state
    assert (MAX_QUESTIONS, "m-49") == (len(state.questions), state.questions[-1].message_id)


@pytest.mark.parametrize(("n_fallbacks", "expected"), [(1, "continue"), (2, "escalate"), (3, "escalate")])
def test_the_bot_falls_back(n_fallbacks, expected):
    """L-15: the second fallback fires, whatever was said in between."""
    messages = [
        message
        for n in range(n_fallbacks)
        for message in (customer(id=f"m-{n}"), bot(id=f"b-{n}"), bot(id=f"f-{n}", fallback=True))
    ]
    policy = policy_of(rule({"repetition": {"max_fallbacks": 2}}))
    decisions = [outcome.decision for outcome in play(policy, *messages)]
    assert expected == next((d.decision for d in decisions if d.decision is Action.ESCALATE), "continue")
    if expected == "escalate":
        first = [d.decision for d in decisions].index(Action.ESCALATE)
        assert messages[first].id == "f-1"


@pytest.mark.parametrize(("n_times", "expected"), [(4, "continue"), (5, "escalate")])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_conversation_goes_in_a_circle(length, n_times, expected):
    """L-16: a cycle of one to three exchanges of intent and answer that comes five times in a row."""
    steps = []
    for n in range(length * n_times):
        steps.append((customer(f"text {n}", id=f"m-{n}"), scored(intents={f"intent-{n % length}": 0.9})))
        steps.append(bot(f"answer {n % length}", id=f"b-{n}"))
    found = report_of(play(LOOPS, *steps)[-1], "repetition.max_loops")
    assert (n_times, length) == (found.value, found.evidence["cycle_length"])
    assert expected == play(LOOPS, *steps)[-1].decision.decision


@pytest.mark.parametrize(
    ("exchanges", "expected"),
    [
        ("", (0, 0)),
        ("a", (0, 0)),
        ("ab", (0, 0)),
        ("aa", (2, 1)),
        ("abab", (2, 2)),
        ("abcabc", (2, 3)),
        ("abcdabcd", (0, 0)),
        ("xaaaa", (4, 1)),
        ("aab", (0, 0)),
    ],
)
def test_loops_are_counted_at_the_end(exchanges, expected):
    """L-16: only what repeats right up to now is a loop, and once is none."""
    assert expected == count_loops(tuple(exchanges))


def test_counters_restart_with_an_epoch():
    """After a return to the bot nothing is counted from before."""
    state = play(FALLBACKS, customer(), bot(fallback=True))[-1].state
    outcome = play(FALLBACKS, bot(fallback=True), state=return_to_bot(state))[-1]
    assert (1, Action.CONTINUE) == (report_of(outcome, "repetition.max_fallbacks").value, outcome.decision.decision)


@pytest.mark.parametrize(
    "repetition", [{}, {"similarity": 0.5}, {"max_retries": 1}, {"max_loops": 1}, {"max_fallbacks": 0}]
)
def test_a_count_that_makes_no_sense_is_refused(repetition):
    """A trigger that counts nothing, or fires always, is an error."""
    with pytest.raises(ValueError, match=r"nothing to count|greater than or equal"):
        policy_of(rule({"repetition": repetition}))


def test_what_the_bot_repeats_is_no_question():
    """What the bot repeats is no repeated question of the customer."""
    outcomes = play(RETRIES, *[bot("Where is my order?", id=f"b-{n}") for n in range(4)])
    assert {Action.CONTINUE} == {outcome.decision.decision for outcome in outcomes}


@pytest.mark.parametrize(("probability", "expected"), [(0.4999, 1), (0.5, 0)])
def test_glue_is_what_is_more_likely_so_than_not(probability, expected):
    """L-14: the best intent makes a message glue at a probability of one half."""
    outcome = play(RETRIES, (customer("order number twelve"), scored(intents={"provide_info": probability})))[0]
    assert expected == retries(outcome).value


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Where is my order 1001?", "Where is my order 2002?", 1),
        ("Where is my order 1001?", "and where is order 1001 now", 2),
        ("Where is my order 1001?", "where is my order then", 2),
        ("Where is my order?", "Where is my order 2002?", 2),
        ("Where is my order 1001?", "I ask for the 2nd time where 1001 is", 2),
        ("order 1001 of 3 May", "order 2002 of 3 May", 1),
        ("Where is my order 1001?", "where is my order 1001", 2),
    ],
)
def test_other_numbers_are_another_question(first, second, expected):
    """L-14: however similar, questions that name different numbers are different ones."""
    one, two = questions(first, second)
    assert expected == retries(play(RETRIES, one, (two, scored(repeats=(0.99,))))[1]).value
