"""A conversation, message by message: the steps that the library, the command, serving and replay share."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings

from models.bundle import Bundle
from models.contracts import Action, Decision, Message, Phase, ReasonCode, Role, Scores, ScoreStatus, Suppression
from models.conversation import Conversation, Played, Prepared, next_request, prepare, score_request, wants_draft
from models.errors import InputError
from models.policy.engine import Turn, decide
from models.policy.schema import default_policy, parse_policy
from models.policy.state import NEW, advance, from_json, to_json
from models.scorer import Scorer, ScoreRequest
from models.text import MAX_CHARACTERS
from tests.models.policy.anything import any_policy, chances
from tests.support.tiny_bundle import build_tiny_bundle

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
QUIET = parse_policy("name: quiet\nrules: []\n", "quiet.yaml")
TWO_RULES = parse_policy(
    """
name: two-rules
messages: {escalate: One moment please., offer: "Shall I?"}
rules:
  - {id: lawyer, priority: 2, when: {keyword: {terms: [lawyer]}}, then: escalate}
  - {id: slow, priority: 1, when: {keyword: {terms: [slow]}}, then: offer}
""",
    "two-rules.yaml",
)


def said(number, role, text, **extra):
    """The n-th message of a conversation, a minute after the one before."""
    at = START + timedelta(minutes=number)
    return Message(id=f"m-{number}", role=role, text=text, at=at, **extra)


@pytest.fixture
def conversation(scorer):
    """A new conversation under two keyword rules."""
    return Conversation(scorer, TWO_RULES)


def test_an_agents_message_needs_no_scores():
    """What an agent says is recorded and never scored."""
    assert score_request(said(1, Role.AGENT, "hello"), NEW) is None


def test_a_customers_message_is_compared_with_earlier_questions(scorer):
    """The request carries the embeddings of the questions that the state remembers, in its order."""
    conversation = Conversation(scorer, QUIET)
    played = [conversation.take(said(n, Role.CUSTOMER, text)) for n, text in enumerate(["where is it", "is it lost"])]
    remembered = {question.message_id for question in conversation.state.questions}
    expected = tuple(entry.scores.embedding for entry in played if entry.message.id in remembered)
    request = score_request(said(2, Role.CUSTOMER, "where is it now"), conversation.state)
    assert request == ScoreRequest(role=Role.CUSTOMER, text="where is it now", earlier=expected)
    assert len(request.earlier) > 0


def test_a_draft_is_judged_against_the_last_question():
    """The request for a draft carries the customer's last message, the passages and the bot's own number."""
    state = advance(NEW, said(1, Role.CUSTOMER, "where is my parcel"), None)
    draft = said(2, Role.BOT, "On its way.", passages=("It left on Monday.",), confidence=0.7)
    assert score_request(draft, state) == ScoreRequest(
        role=Role.BOT,
        text="On its way.",
        question="where is my parcel",
        passages=("It left on Monday.",),
        confidence=0.7,
    )


def test_a_message_is_read_after_the_other_sides_last():
    """A customer's message comes with the bot's before it; a draft with the customer's last two."""
    said_so_far = [
        said(1, Role.CUSTOMER, "what is a ticket"),
        said(2, Role.BOT, "Ten pounds."),
        said(3, Role.CUSTOMER, "and for children?"),
    ]
    requests, state = [], NEW
    for message in [*said_so_far, said(4, Role.BOT, "Half price.")]:
        requests.append(score_request(message, state))
        state = advance(state, message, None)
    first, _, second, draft = requests
    assert (None, "Ten pounds.") == (first.before, second.before)
    assert ("and for children?", "what is a ticket") == (draft.question, draft.earlier_question)


def test_an_offers_answer_is_read_after_the_offer(conversation):
    """What the customer answers is read after the policy's text, not after a draft that nobody sent."""
    conversation.take(said(1, Role.BOT, "Have you tried to turn it off?"))
    conversation.take(said(2, Role.CUSTOMER, "this is slow"))
    assert "Shall I?" == score_request(said(3, Role.CUSTOMER, "go on then"), conversation.state).before


def test_blank_passages_are_no_passages():
    """Passages of which normalising leaves nothing are dropped; of the others the first three are read."""
    passages = ("", " \n", "\u200b", "one", "two", "three", "four")
    draft = said(1, Role.BOT, "On its way.", passages=passages, confidence=0.7)
    assert score_request(draft, NEW).passages == ("one", "two", "three")
    assert score_request(replace(draft, passages=passages[:3]), NEW).passages == ()


def test_a_bot_that_speaks_first_has_no_question():
    """Before any customer message the question is absent."""
    assert score_request(said(1, Role.BOT, "Hi, how can I help?"), NEW).question is None


@pytest.mark.parametrize(
    ("decision", "suppressed", "expected"),
    [
        (Action.CONTINUE, None, True),
        (Action.OFFER, None, False),
        (Action.ESCALATE, None, False),
        (Action.CONTINUE, Suppression.HANDOFF_PENDING, False),
        (Action.CONTINUE, Suppression.HUMAN_IN_CONTROL, False),
    ],
)
def test_a_draft_matters_only_while_the_bot_goes_on(decision, suppressed, expected):
    """After an offer, an escalation or with a person in charge the bot's draft is not scored."""
    pre = Decision(phase=Phase.PRE, decision=decision, suppressed=suppressed)
    assert wants_draft(pre) is expected


def test_taking_a_message_is_score_then_decide(scorer, conversation):
    """What a conversation gives is exactly the scorer's scores and the engine's decision and state."""
    message = said(1, Role.CUSTOMER, "my lawyer says this is slow")
    scores = scorer.score([ScoreRequest(role=Role.CUSTOMER, text=message.text)])[0]
    expected = decide(Turn(message=message, scores=scores), NEW, TWO_RULES)
    assert conversation.take(message) == Played(message, scores, expected.decision)
    assert conversation.state == expected.state


def test_the_first_rule_by_priority_decides(conversation):
    """A message that two rules fire on is escalated by the higher, and both are reported."""
    decision = conversation.take(said(1, Role.CUSTOMER, "my lawyer says this is slow")).decision
    assert (decision.decision, decision.reason.rule_id) == (Action.ESCALATE, "lawyer")
    assert [reason.rule_id for reason in decision.reasons] == ["lawyer", "slow"]
    assert decision.text == "One moment please."


def test_a_conversation_remembers(conversation):
    """The second message is decided in the light of the first: after an escalation nothing is decided again."""
    conversation.take(said(1, Role.CUSTOMER, "my lawyer will call you"))
    second = conversation.take(said(2, Role.CUSTOMER, "my lawyer is waiting")).decision
    assert (second.decision, second.suppressed) == (Action.CONTINUE, Suppression.HANDOFF_PENDING)


def test_an_agent_takes_the_conversation(conversation):
    """Once an agent has spoken the bot is muted."""
    played = conversation.take(said(1, Role.AGENT, "Hello, this is Ana."))
    assert (played.scores, played.decision.suppressed) == (None, Suppression.HUMAN_IN_CONTROL)
    later = conversation.take(said(2, Role.CUSTOMER, "my lawyer says hi")).decision
    assert later.suppressed is Suppression.HUMAN_IN_CONTROL


def test_strange_texts_are_taken(conversation):
    """Only emoji, one dot, a lone surrogate beside a letter, or as many characters as there may be stop nobody."""
    texts = ["😡" * 300, ".", "a\ud83d", "x" * MAX_CHARACTERS]
    played = [conversation.take(said(number, Role.CUSTOMER, text)) for number, text in enumerate(texts)]
    assert [Action.CONTINUE] * len(texts) == [entry.decision.decision for entry in played]


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.BOT])
@pytest.mark.parametrize("text", ["", "   ", "\t\n", "\ud83d", "\u0000", "\u200b\ufeff"])
def test_a_text_of_nothing_is_refused(role, text):
    """A text of which normalising leaves nothing is refused, with what was expected and what to do."""
    with pytest.raises(InputError) as caught:
        score_request(said(1, role, text), NEW)
    assert str(caught.value) == (
        f"message 'm-1' of the {role.value} has no visible character; expected 1 to 8192 characters, "
        "send only messages that say something"
    )


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.BOT])
def test_a_text_that_is_too_long_is_refused(role):
    """One character more than a message may have is refused, with how many there were; blanks count."""
    expected = f"message 'm-1' of the {role.value} has 8193 characters; expected at most 8192, shorten it"
    for text in ("x" * (MAX_CHARACTERS + 1), "x" + " " * MAX_CHARACTERS):
        with pytest.raises(InputError) as caught:
            score_request(said(1, role, text), NEW)
        assert expected == str(caught.value)


def test_what_an_agent_says_is_never_refused():
    """What isn't scored needs no text that could be."""
    for text in ("", "x" * (MAX_CHARACTERS + 1)):
        assert score_request(said(1, Role.AGENT, text), NEW) is None


def test_a_refused_message_leaves_the_conversation_as_it_was(conversation):
    """After a refusal the next message is decided as if nothing had been said."""
    conversation.take(said(1, Role.CUSTOMER, "hello there"))
    before = conversation.state
    with pytest.raises(InputError, match="no visible character"):
        conversation.take(said(2, Role.CUSTOMER, "\u200b"))
    assert before == conversation.state
    assert Action.ESCALATE is conversation.take(said(3, Role.CUSTOMER, "my lawyer")).decision.decision


def test_weights_that_are_no_numbers_do_not_stop_the_conversation(tmp_path):
    """A graph that gives NaN is a failing model: no scores, and the policy decides without them."""
    scorer = Scorer(Bundle.load(build_tiny_bundle(tmp_path / "odd", fill=float("nan"))))
    played = Conversation(scorer, TWO_RULES).take(said(1, Role.CUSTOMER, "my lawyer will call"))
    assert (None, Action.ESCALATE) == (played.scores, played.decision.decision)


def test_a_failing_model_does_not_stop_the_conversation(broken_folder):
    """Without scores the rules that need no model still decide, and else the policy's `on_error` does."""
    policy = parse_policy(
        """
name: needs-a-model
on_error: offer
rules:
  - {id: lawyer, priority: 2, when: {keyword: {terms: [lawyer]}}, then: escalate}
  - {id: legal, priority: 1, when: {topic: {labels: [legal_threat], threshold: 0.5}}, then: escalate}
""",
        "needs-a-model.yaml",
    )
    scorer = Scorer(Bundle.load(broken_folder))
    texts = ("every human makes mistakes", "every human has a lawyer")
    played = [Conversation(scorer, policy).take(said(1, Role.CUSTOMER, text)) for text in texts]
    assert [entry.scores for entry in played] == [None, None]
    assert [entry.decision.decision for entry in played] == [Action.OFFER, Action.ESCALATE]
    assert [entry.decision.reason.code for entry in played] == [ReasonCode.ERROR, ReasonCode.POLICY]


def test_two_conversations_are_strangers(scorer):
    """What one customer said is nothing to another, though they share scorer and policy."""
    first, second = Conversation(scorer, TWO_RULES), Conversation(scorer, TWO_RULES)
    first.take(said(1, Role.CUSTOMER, "my lawyer will call"))
    assert second.state == NEW
    assert second.take(said(1, Role.CUSTOMER, "hello there")).decision.suppressed is None


def test_the_same_conversation_is_decided_the_same(scorer):
    """Played twice, a conversation gives the same scores, decisions and state."""
    messages = [
        said(1, Role.CUSTOMER, "where is my parcel"),
        said(2, Role.BOT, "On its way.", passages=("It left on Monday.",)),
        said(3, Role.CUSTOMER, "it is not! where is it?"),
        said(4, Role.BOT, "I didn't understand.", fallback=True),
        said(5, Role.CUSTOMER, "where is my parcel"),
    ]
    runs = [Conversation(scorer, default_policy()) for _ in range(2)]
    played = [[run.take(message) for message in messages] for run in runs]
    assert played[0] == played[1]
    assert runs[0].state == runs[1].state


def test_facts_of_the_customer_reach_the_rules(scorer):
    """Tier, channel and the caller's own facts are the conversation's, for every message of it."""
    policy = parse_policy(
        """
name: facts
rules:
  - id: vip
    when: {all: [{context: {field: customer.tier, equals: enterprise}}, {context: {field: channel, equals: web}}]}
    then: escalate
""",
        "facts.yaml",
    )
    message = said(1, Role.CUSTOMER, "hello there")
    vip = Conversation(scorer, policy, customer={"tier": "enterprise"}, channel="web").take(message)
    other = Conversation(scorer, policy, customer={"tier": "free"}, channel="web").take(message)
    assert (vip.decision.decision, other.decision.decision) == (Action.ESCALATE, Action.CONTINUE)


def test_a_message_is_not_changed(conversation):
    """The message comes back as it was given."""
    message = said(1, Role.CUSTOMER, "  ﬁne\u200b ")
    assert conversation.take(message).message == replace(message)


# lazy: step by step

LAZY = """
name: lazy
evaluation: lazy
on_error: offer
rules:
  - {id: lawyer, priority: 9, when: {keyword: {terms: [lawyer]}}, then: escalate}
  - {id: sure, priority: 5, when: {topic: {labels: [legal_threat], threshold: 0.0}}, then: escalate}
  - {id: low, priority: 1, when: {confidence: {threshold: 1.0}}, then: offer}
"""
ANYTHING = (
    ("where is my parcel", "it is not! where is it?", "where is my parcel", "thanks, that worked", "yes", "ok"),
    ("Which order is it?", "I didn't understand.", "On its way."),
)


def policy_from(text):
    """A policy as somebody writes it."""
    return parse_policy(text, "policy.yaml")


def test_a_lazy_policy_scores_nothing_where_a_keyword_decides(scorer):
    """S-14: the message's scores say that nobody needed them, and language and phrase are there."""
    played = Conversation(scorer, policy_from(LAZY)).take(said(1, Role.CUSTOMER, "my lawyer will call you tomorrow"))
    assert ("escalate", "lawyer") == (played.decision.decision, played.decision.reason.rule_id)
    assert (None, None, ScoreStatus.SKIPPED) == (
        played.scores.explicit,
        played.scores.embedding,
        played.scores.status["explicit"],
    )
    assert "en" == played.scores.language.code


def test_a_lazy_policy_scores_what_its_rules_need(scorer):
    """S-14: where no keyword decides the graph runs, and the scores are those of any other run."""
    message = said(1, Role.CUSTOMER, "where is my parcel")
    played = Conversation(scorer, policy_from(LAZY)).take(message)
    whole = scorer.score([ScoreRequest(role=Role.CUSTOMER, text=message.text)])[0]
    assert ("sure", whole) == (played.decision.reason.rule_id, played.scores)
    draft = Conversation(scorer, policy_from(LAZY)).take(said(1, Role.BOT, "On its way."))
    assert (True, ScoreStatus.SKIPPED) == (draft.scores.confidence is not None, draft.scores.status["dialogue"])
    assert "low" == draft.decision.reason.rule_id


def test_a_lazy_policy_minds_no_model_that_it_does_not_ask(broken_folder):
    """S-14: a graph that would fail doesn't matter where a keyword decides; where a rule asks it, ``on_error`` counts."""
    scorer = Scorer(Bundle.load(broken_folder))
    texts = ("every human has a lawyer", "every human makes mistakes")
    sure, failed = (Conversation(scorer, policy_from(LAZY)).take(said(1, Role.CUSTOMER, text)) for text in texts)
    assert ("lawyer", "on_error") == (sure.decision.reason.rule_id, failed.decision.reason.rule_id)
    assert ((), None) == (sure.decision.degraded, failed.scores)


@pytest.mark.parametrize("text", ["\u200b", "x" * (MAX_CHARACTERS + 1)])
def test_a_lazy_policy_refuses_the_same_texts(scorer, text):
    """What no model should judge is refused before anything is looked at, and the conversation stays as it was."""
    conversation = Conversation(scorer, policy_from(LAZY))
    with pytest.raises(InputError):
        conversation.take(said(1, Role.CUSTOMER, text))
    assert NEW == conversation.state


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """A scorer on a bundle that can score custom labels."""
    return Scorer(Bundle.load(build_tiny_bundle(tmp_path_factory.mktemp("bundles") / "custom", custom=True)))


@settings(max_examples=40)
@given(chances)
def test_lazy_and_full_agree_on_real_scores(knowing, chance):
    """S-14, X-07: any policy decides any conversation alike, message by message, whether it is scored at once or step by step."""
    policy = any_policy(chance)
    state, kwargs = NEW, {"customer": {"tier": "vip"}, "channel": "web"}
    for number in range(chance.randint(1, 4)):
        role = chance.choice((Role.CUSTOMER, Role.CUSTOMER, Role.BOT))
        extra = {"passages": chance.choice(((), ("It left on Monday.",))), "confidence": chance.choice((None, 0.4))}
        text = chance.choice(ANYTHING[role is Role.BOT])
        message = said(number, role, text, **(extra if role is Role.BOT else {}))
        full, lazy = (
            Conversation(knowing, policy.model_copy(update={"evaluation": evaluation}), state=state, **kwargs)
            for evaluation in ("full", "lazy")
        )
        expected, found = full.take(message).decision, lazy.take(message).decision
        for name in ("decision", "reason", "text", "action", "collect"):
            assert getattr(expected, name) == getattr(found, name)
        state = full.state


def test_next_request_ends():
    """A full policy is asked once for everything; with scores, or for an agent's message, there is nothing left to ask."""
    turn = Turn(message=said(1, Role.CUSTOMER, "hello there"), scores=None)
    request = next_request(turn, NEW, Prepared(TWO_RULES))
    assert ("hello there", None) == (request.text, request.heads)
    assert next_request(replace(turn, scores=Scores()), NEW, Prepared(TWO_RULES)) is None
    for policy in (TWO_RULES, policy_from(LAZY)):
        assert next_request(Turn(message=said(1, Role.AGENT, "Hi."), scores=None), NEW, Prepared(policy)) is None


# custom labels and thresholds of the bundle

OWN = """
name: own
labels:
  refunds: {examples: [i want my money back, refund my order]}
  sure: {description: The customer wants a refund, threshold: 0.0}
rules:
  - {id: refunds, priority: 9, when: {intent: {labels: [refunds]}}, then: offer}
  - {id: sure, priority: 5, when: {topic: {labels: [sure]}}, then: escalate}
  - {id: angry, priority: 1, when: {guideline: {text: The customer is angry about billing}}, then: escalate}
"""


def test_a_policys_labels_are_compiled_once_and_scored_with_every_message(knowing):
    """S-05: labels and guidelines get a probability each, and the thresholds that the bundle recommends for their kind."""
    conversation = Conversation(knowing, policy_from(OWN))
    first = conversation.take(said(1, Role.CUSTOMER, "where is my parcel"))
    named = {label.name for label in policy_from(OWN).custom_labels}
    assert named == {entry.label for entry in first.scores.custom}
    assert 3 == len(named)
    thresholds = {report.rule_id: report.threshold for report in first.decision.triggers}
    assert {"refunds": 0.4, "sure": 0.0, "angry": 0.4} == thresholds
    assert "own" == first.decision.policy.partition("@")[0]
    assert policy_from(OWN).label == first.decision.policy


def test_a_bundle_that_cannot_score_them_says_so(scorer):
    """S-05: a bundle without custom labels leaves them unknown; nothing fires on them and nothing fails."""
    played = Conversation(scorer, policy_from(OWN)).take(said(1, Role.CUSTOMER, "i want my money back"))
    assert (Action.CONTINUE, (), ScoreStatus.NOT_AVAILABLE) == (
        played.decision.decision,
        played.decision.degraded,
        played.scores.status["custom"],
    )
    assert {"not_available"} == {report.status for report in played.decision.triggers}


def test_a_policy_without_labels_compiles_none(scorer):
    """What nobody asks for costs nothing; the bundle's thresholds are bound all the same."""
    assert prepare(TWO_RULES, scorer).labels is None
    assert TWO_RULES.label == prepare(TWO_RULES, scorer).policy.label


# questions and waits


def test_after_a_question_the_bots_draft_does_not_matter():
    """A-10: where the bot says what the policy asks, its own draft is neither scored nor counted."""
    assert not wants_draft(Decision(phase=Phase.PRE, decision=Action.CONTINUE, text="Which order?"))


def test_a_conversation_asks_and_then_hands_off(scorer):
    """A-10, A-05: details first, then the handoff; a rule that waits hands off when its time has come."""
    policy = policy_from(
        """
name: asking
resolution: {threshold: 1.0}
rules:
  - {id: lawyer, priority: 2, when: {keyword: {terms: [lawyer]}}, then: escalate, collect: [context.case]}
  - {id: slow, when: {keyword: {terms: [slow]}}, then: escalate, timing: {mode: after_wait, wait_seconds: 90}}
"""
    )
    conversation = Conversation(scorer, policy)
    asked = conversation.take(said(1, Role.CUSTOMER, "my lawyer will call")).decision
    assert (("context.case",), "continue") == (asked.collect, asked.decision)
    assert Action.ESCALATE is conversation.take(said(2, Role.CUSTOMER, "case 4711")).decision.decision
    known = Conversation(scorer, policy, context={"case": 4711})
    assert Action.ESCALATE is known.take(said(1, Role.CUSTOMER, "my lawyer will call")).decision.decision
    waiting = Conversation(scorer, policy)
    first, second, third = (
        waiting.take(said(n, Role.CUSTOMER, text)).decision
        for n, text in enumerate(("so slow", "and still slow", "hello?"))
    )
    assert ["continue", "continue", "escalate"] == [first.decision, second.decision, third.decision]
    assert START + timedelta(seconds=90) == first.recheck_at == second.recheck_at


def test_a_recorded_conversation_is_decided_again_bit_for_bit(scorer):
    """What was played is decided again from messages and scores alone, the state stored before every message."""
    conversation = Conversation(scorer, default_policy())
    texts = ("where is my parcel", "it is not! where is it?", "get me a human", "hello?")
    played = [conversation.take(said(n, Role.CUSTOMER, text)) for n, text in enumerate(texts)]
    state, policy = NEW, prepare(default_policy(), scorer).policy
    for entry in played:
        before = from_json(json.loads(json.dumps(to_json(state))))
        outcome = decide(Turn(message=entry.message, scores=entry.scores), before, policy)
        assert entry.decision == outcome.decision
        state = outcome.state
    assert conversation.state == state
