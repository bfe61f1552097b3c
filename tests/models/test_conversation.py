"""A conversation, message by message: the steps that the library, the command, serving and replay share."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models.bundle import Bundle
from models.contracts import Action, Decision, Message, Phase, ReasonCode, Role, Suppression
from models.conversation import Conversation, Played, score_request, wants_draft
from models.errors import InputError
from models.policy.engine import Turn, decide
from models.policy.schema import default_policy, parse_policy
from models.policy.state import NEW, advance
from models.scorer import Scorer, ScoreRequest
from models.text import MAX_CHARACTERS
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
