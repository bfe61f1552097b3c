"""The state: a pure reducer, bounded, and the same after a trip through JSON."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts import ReasonCode
from models.errors import InputError
from models.policy.state import (
    MAX_CONFIDENCES,
    MAX_EXCHANGES,
    MAX_MOODS,
    NEW,
    Armed,
    Collecting,
    ConversationState,
    Mood,
    Offer,
    Question,
    advance,
    from_json,
    return_to_bot,
    to_json,
)
from tests.models.policy.builders import START, agent, bot, customer, scored

FULL = ConversationState(
    epoch=3,
    control="pending_handoff",
    started_at=START,
    n_messages=7,
    n_bot_responses=3,
    n_fallbacks=1,
    last_customer_text="where is it? 😀",
    earlier_customer_text="hello?",
    last_bot_text="Which one? 🙂",
    last_bot_dialogue=(("bot_asks_details", 0.9), ("bot_cannot", 0.1)),
    last_intent="order_status",
    last_answer_fallback=True,
    last_answer_confidence=0.25,
    questions=(Question("m-1", "k1", bytes(range(256))), Question("m-2", "k2")),
    moods=(Mood(-0.7, "negative"), Mood(0.1, "neutral")),
    confidences=(0.3, 0.9),
    exchanges=("order_status:abc",),
    offer=Offer("declined", "offer", ReasonCode.TOPIC),
    fired=("offer", "other"),
    dialogues=((("not_helped", 0.8), ("resolved", 0.1)), (("insists", 0.2),)),
    armed=(Armed("slow", START, "m-2"),),
    collecting=Collecting("asks", ReasonCode.POLICY, START),
)


@pytest.mark.parametrize("state", [NEW, FULL])
def test_json_keeps_everything(state):
    """What comes back from JSON text equals what went in."""
    assert state == from_json(json.loads(json.dumps(to_json(state))))


def test_json_says_its_version_and_holds_base64():
    """The JSON names its version; embeddings are base64."""
    data = to_json(FULL)
    assert (3, bytes(range(256))) == (data["version"], base64.b64decode(data["questions"][0][2]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 4}, "version 4, expected 3"),
        ({"version": 0}, "version 0, expected 3"),
        ({"version": None}, "version None, expected 3"),
        ({"control": "cat"}, "control 'cat'"),
        ({"started_at": "yesterday"}, "not a conversation state"),
        ({"questions": [["m"]]}, "not a conversation state"),
        ({"offer": {"status": "pending"}}, "not a conversation state"),
    ],
)
def test_other_json_is_refused(change, message):
    """Another version or a broken state is an error that says so, not a fresh start."""
    with pytest.raises(InputError, match=message):
        from_json(to_json(FULL) | change)


def test_a_state_of_the_former_version_is_read():
    """A conversation that a release before this one left open goes on: what that one didn't keep is unknown, the rest there."""
    data = to_json(FULL) | {"version": 1}
    for name in ("earlier_customer_text", "last_bot_text", "last_bot_dialogue", "armed", "collecting", "dialogues"):
        del data[name]
    unknown = {"earlier_customer_text": None, "last_bot_text": None, "last_bot_dialogue": None}
    assert replace(FULL, armed=(), collecting=None, dialogues=(), **unknown) == from_json(data)
    assert 3 == to_json(from_json(data))["version"]


def test_a_missing_field_is_refused():
    """A state that lost a field is not read as if it were zero."""
    data = to_json(FULL)
    del data["n_fallbacks"]
    with pytest.raises(InputError, match="n_fallbacks"):
        from_json(data)


def test_what_the_next_message_may_look_at():
    """The last customer text, intent and answer are remembered; questions carry their embeddings."""
    scores = scored(intents={"order_status": 0.9}, embedding=b"\x01\x02")
    state = advance(
        advance(NEW, customer("Where is it?"), scores), bot(fallback=True, confidence=0.4), scored(confidence=0.2)
    )
    assert ("Where is it?", "order_status", True, 0.2) == (
        state.last_customer_text, state.last_intent, state.last_answer_fallback, state.last_answer_confidence,
    )  # fmt: skip
    assert b"\x01\x02" == state.questions[0].embedding


def test_the_last_messages_of_both_sides_are_remembered():
    """A message is read with what was said before: the bot's last message, and the customer's last two; a person's ends it."""
    said = [
        (customer("Hello?"), (None, "Hello?", None)),
        (bot("Which order?"), (None, "Hello?", "Which order?")),
        (customer("4711"), ("Hello?", "4711", "Which order?")),
        (agent(), ("Hello?", "4711", None)),
        (bot("On its way."), ("Hello?", "4711", "On its way.")),
        (customer("still nothing"), ("4711", "still nothing", "On its way.")),
    ]
    state, found = NEW, []
    for message, _ in said:
        state = advance(state, message, None)
        found.append((state.earlier_customer_text, state.last_customer_text, state.last_bot_text))
    assert [expected for _, expected in said] == found


def test_the_state_stays_small():
    """Everything that is remembered is bounded."""
    state = NEW
    for n in range(100):
        state = advance(state, customer(f"question number {n}", id=f"m-{n}"), scored(mood="negative"))
        state = advance(state, bot(f"answer {n}", id=f"b-{n}"), scored(confidence=0.1))
    assert (MAX_MOODS, MAX_CONFIDENCES, MAX_EXCHANGES) == (
        len(state.moods),
        len(state.confidences),
        len(state.exchanges),
    )
    assert 200 == state.n_messages


def test_a_return_to_the_bot_keeps_nothing_but_the_count():
    """All counters restart with an epoch."""
    assert ConversationState(epoch=4) == return_to_bot(FULL)


messages = st.one_of(
    st.builds(
        lambda text, mood: (customer(text), scored(mood=mood)),
        st.text(min_size=1, max_size=30),
        st.sampled_from(["negative", "neutral"]),
    ),
    st.builds(
        lambda fallback, confidence: (bot(fallback=fallback), scored(confidence=confidence)),
        st.booleans(),
        st.none() | st.floats(0, 1),
    ),
    st.just((agent(), None)),
)


@given(st.lists(messages, max_size=12))
def test_folding_is_the_same_with_a_trip_through_json_at_every_step(steps):
    """A state that was stored and loaded between messages ends where one in memory ends."""
    kept = stored = NEW
    for message, scores in steps:
        kept = advance(kept, message, scores)
        stored = from_json(json.loads(json.dumps(to_json(advance(stored, message, scores)))))
    assert kept == stored
