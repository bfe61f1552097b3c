"""The statements of a turn: a turn is recorded once, in order, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from serving.errors import StaleState
from serving.store.turns import MessageRow, TurnRow, load, record
from tests.serving.conftest import count

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MESSAGE = MessageRow(
    id="m-1", role="customer", text="hi", at=NOW, passages="[]", fallback=False, confidence=None, scores=None
)
TURN = TurnRow(
    bot_id="shop",
    conversation_id="c-1",
    message_id="m-1",
    decision_id="d-1",
    messages=(MESSAGE,),
    epoch=1,
    state_before="{}",
    state_after='{"n":1}',
    phase="pre",
    action="continue",
    reason=None,
    rule_id=None,
    request_hash="h1",
    request="{}",
    response='{"decision":"continue"}',
    policy="default@1",
    policy_fingerprint="1",
    bundle="tiny-1",
    now=NOW,
)


def read(store, message_id="m-1", **keys):
    """Load the conversation and the answer to a message."""
    with store.reading() as tx:
        return load(tx, **({"bot_id": "shop", "conversation_id": "c-1", "message_id": message_id} | keys))


def write(store, before, turn):
    """Record a turn in a transaction of its own."""
    with store.writing() as tx:
        record(tx, before, turn)


def test_an_unknown_conversation_has_neither_state_nor_answer(store):
    """Nothing is known of a conversation before its first turn."""
    assert read(store) == (None, None)


def test_a_recorded_turn_is_found_again(store):
    """After a turn its conversation has the new state, and its message the answer, byte for byte."""
    write(store, None, TURN)

    conversation, answer = read(store)
    assert ('{"n":1}', 1) == (conversation.state, conversation.version)
    assert ("h1", '{"decision":"continue"}') == (answer.request_hash, answer.response)


def test_another_message_has_no_answer_yet(store):
    """The answer belongs to its message only."""
    write(store, None, TURN)

    conversation, answer = read(store, "m-2")
    assert conversation.version == 1
    assert answer is None


def test_conversation_ids_belong_to_their_bot(store):
    """Two bots may use the same conversation id."""
    write(store, None, TURN)
    write(store, None, replace(TURN, bot_id="bank", decision_id="d-2", state_after='{"n":9}'))

    assert read(store)[0].state == '{"n":1}'
    assert read(store, bot_id="bank")[0].state == '{"n":9}'


def test_a_turn_on_a_state_that_moved_on_is_refused_whole(store):
    """Of two turns that read the same state, the second one isn't recorded at all."""
    write(store, None, TURN)
    before, _ = read(store)
    write(store, before, replace(TURN, message_id="m-2", decision_id="d-2"))

    with pytest.raises(StaleState, match="moved on"):
        write(store, before, replace(TURN, message_id="m-3", decision_id="d-3"))
    with store.reading() as tx:
        assert count(tx) == (1, 2)


def test_two_first_turns_make_one_conversation(store):
    """When two turns begin the same conversation, the second one is refused."""
    write(store, None, TURN)

    with pytest.raises(StaleState, match="same moment"):
        write(store, None, replace(TURN, message_id="m-2", decision_id="d-2"))


def test_a_message_is_never_decided_twice(store):
    """A second decision on the same message is refused, whoever writes it."""
    write(store, None, TURN)
    before, _ = read(store)

    with pytest.raises(StaleState):
        write(store, before, replace(TURN, decision_id="d-2"))


def test_a_turn_may_carry_the_bots_draft(store):
    """The customer's message and the bot's draft are recorded in this order, turn after turn."""
    draft = replace(MESSAGE, id="m-1#draft", role="bot", text="hello")
    write(store, None, replace(TURN, messages=(MESSAGE, draft)))
    before, _ = read(store)
    write(
        store, before, replace(TURN, message_id="m-2", decision_id="d-2", messages=(replace(MESSAGE, id="m-2"), draft))
    )

    with store.reading() as tx:
        rows = tx.exec_driver_sql("SELECT id FROM messages ORDER BY conversation, position").scalars().all()
    assert rows == ["m-1", "m-1#draft", "m-2", "m-1#draft"]
