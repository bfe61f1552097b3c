"""The adapters of our own exchanges, conversations and requests, on small files with invented content."""

import json

import pytest

from training.labels import BOT_DIALOGUE, CUSTOMER_DIALOGUE
from training.sources.catalog import SourceError
from training.sources.messages import load_messages
from training.sources.written import TAUGHT, read_exchanges, read_requests, read_written_drafts, read_written_turns

EXCHANGE = {
    "id": "toy-01-001", "role": "customer", "before": "It holds water.", "text": "it does not", "language": "en",
    "dialogue": ["not_helped"], "batch": "toy-01", "second_look": True, "split": "train",
}  # fmt: skip
REQUEST = {
    "id": "de-01-001", "text": "ich will den Burgvogt sprechen", "language": "de", "explicit": True, "kind": "direct",
    "gloss": "I want the castellan", "batch": "de-01", "second_look": True, "split": "test",
}  # fmt: skip


def write(folder, *records, file="toy"):
    """Write records as a file of ours and return its folder."""
    lines = (record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records)
    (folder / f"{file}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def without(record, key):
    """A record that lost a key."""
    return {name: value for name, value in record.items() if name != key}


# exchanges


def test_an_exchange_is_a_message_after_another(tmp_path):
    """A customer's message keeps the bot's before it and its labels; it says nothing of intents, and a batch is a group."""
    (row,) = read_exchanges(write(tmp_path, EXCHANGE))
    assert ("customer", "It holds water.", "it does not", ("not_helped",)) == (
        row.role, row.before, row.text, row.dialogue,
    )  # fmt: skip
    assert ("written", "written:toy-01", "train") == (row.source, row.group, row.split)
    assert ((), (), None, None, None, None) == (
        row.labels, row.known, row.explicit, row.out_of_scope, row.sentiment, row.frustration,
    )  # fmt: skip


def test_a_bots_exchange_stands_alone(tmp_path):
    """What a bot does stands in its own message, so what the customer said before is not read, as it isn't when served."""
    (row,) = read_exchanges(write(tmp_path, EXCHANGE | {"role": "bot", "dialogue": ["bot_cannot"]}))
    assert ("bot", None, ("bot_cannot",)) == (row.role, row.before, row.dialogue)


def test_an_exchange_may_do_nothing(tmp_path):
    """No label is a label: all that the role can have are absent, not unknown."""
    (row,) = read_exchanges(write(tmp_path, EXCHANGE | {"dialogue": []}))
    assert () == row.dialogue


@pytest.mark.parametrize("key", [key for key in EXCHANGE if key != "second_look"])
def test_an_exchange_that_lost_a_key_is_named(tmp_path, key):
    """A missing key is named by file and line, with what was expected."""
    with pytest.raises(SourceError, match=rf"^toy\.jsonl, line 2: '{key}'; expected an exchange: id, role, before"):
        list(read_exchanges(write(tmp_path, EXCHANGE, without(EXCHANGE, key))))


@pytest.mark.parametrize(
    "record",
    ["", "{", "[]", "7", EXCHANGE | {"role": "agent"}, EXCHANGE | {"dialogue": "insists"}, EXCHANGE | {"split": "dev"}],
)
def test_a_line_that_is_no_exchange_is_named(tmp_path, record):
    """A line that is no row of ours is an error with file and line, not one row fewer."""
    with pytest.raises(SourceError, match=r"(?s)^toy\.jsonl, line 2: .+; expected an exchange: "):
        list(read_exchanges(write(tmp_path, EXCHANGE, record)))


@pytest.mark.parametrize(("role", "foreign"), [("customer", BOT_DIALOGUE), ("bot", CUSTOMER_DIALOGUE)])
def test_labels_of_the_other_role_are_refused(tmp_path, role, foreign):
    """A bot doesn't insist, and a customer doesn't offer a person; nor is there a label that nobody knows."""
    for label in (*foreign, "shrugs"):
        with pytest.raises(SourceError, match=rf"^toy\.jsonl, line 1: a {role}'s message can't be {label}$"):
            list(read_exchanges(write(tmp_path, EXCHANGE | {"role": role, "dialogue": [label]})))


# turns of conversations


def customer(text, *dialogue):
    """A customer's turn."""
    return {"role": "customer", "text": text, "gold": "continue", "reason": None, "dialogue": list(dialogue)}


def bot(text, *dialogue):
    """A bot's turn."""
    return {"role": "bot", "text": text, "fallback": False, "dialogue": list(dialogue)}


TURNS = [
    customer("does the moat leak"),
    bot("It holds water."),
    bot("Which moat is it?", "bot_asks_details"),
    customer("it does leak", "not_helped"),
    customer("hello?"),
    {"role": "agent", "text": "I am the warden."},
    customer("at last", "resolved"),
]


def conversation(number, *, batch="shops-01", split="tune", language="en", turns=TURNS):
    """A written conversation."""
    return {"id": f"{batch}-{number:03}", "language": language, "turns": turns, "batch": batch, "split": split}


def test_turns_are_messages_in_their_conversation(tmp_path):
    """A customer's turn stands after the bot's last, a bot's alone; the opening message and an agent's are left out."""
    found = list(read_written_turns(write(tmp_path, conversation(1), file="shops")))
    assert [
        ("bot", None, "It holds water.", ()),
        ("bot", None, "Which moat is it?", ("bot_asks_details",)),
        ("customer", "Which moat is it?", "it does leak", ("not_helped",)),
        ("customer", "Which moat is it?", "hello?", ()),
        ("customer", "Which moat is it?", "at last", ("resolved",)),
    ] == [(row.role, row.before, row.text, row.dialogue) for row in found]
    assert [f"shops-01-001-{number}" for number in (1, 2, 3, 4, 6)] == [row.id for row in found]
    assert {"written:shops-01-001"} == {row.group for row in found}


def test_turns_split_by_conversation(tmp_path):
    """The held-out half is the test everywhere; the other half teaches in two files, and is nobody's in the rest."""
    for file in ("shops", "toy"):
        write(
            tmp_path,
            conversation(1, batch=f"{file}-01"),
            conversation(2, batch=f"{file}-02", split="held_out"),
            conversation(3, batch=f"{file}{TAUGHT['shops']}"),
            conversation(4, batch=f"{file}-02", split="held_out", language="de"),
            file=file,
        )
    expected = {
        "written:shops-01-001": {"train"},
        "written:shops-02-002": {"test"},
        "written:shops-11-003": {"calibration"},
        "written:toy-02-002": {"test"},
    }
    for read in (read_written_turns, read_written_drafts):
        rows = list(read(tmp_path))
        found = {group: {row.split for row in rows if row.group == group} for group in {row.group for row in rows}}
        assert expected == found


@pytest.mark.parametrize("read", [read_written_turns, read_written_drafts])
@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{", "Expecting property name"),
        ("[]", "no id, language, turns, batch, split"),
        (without(conversation(1), "batch"), "no batch"),
        (conversation(1, turns=[customer("a"), without(bot("b"), "dialogue")]), "no dialogue of turn 1"),
        (conversation(1, turns=[without(customer("a"), "text")]), "no text of turn 0"),
        (conversation(1, turns=[{"text": "a"}]), "'role'"),
        (conversation(1, turns=None), "not iterable"),
    ],
)
def test_a_line_that_is_no_conversation_is_named(tmp_path, read, record, said):
    """What doesn't hold is named by file and line, with what is missing and what was expected."""
    with pytest.raises(SourceError, match=rf"^shops\.jsonl, line 2: .*{said}.*; expected a conversation: id, language"):
        list(read(write(tmp_path, conversation(1), record, file="shops")))


# requests


def test_a_request_tells_one_thing(tmp_path):
    """A message in another language says whether a person is asked for, and nothing else; its source is one of its own."""
    asked, other = read_requests(write(tmp_path, REQUEST, REQUEST | {"id": "de-01-002", "explicit": False}))
    assert (True, False) == (asked.explicit, other.explicit)
    assert ("written-requests", "written-requests:de-01", "de", "test") == (
        asked.source, asked.group, asked.language, asked.split,
    )  # fmt: skip
    assert ((), (), None, None, None, None) == (
        asked.labels, asked.known, asked.dialogue, asked.out_of_scope, asked.sentiment, asked.frustration,
    )  # fmt: skip


def test_requests_come_in_the_order_of_their_files(tmp_path):
    """All files are read, by name."""
    write(tmp_path, REQUEST | {"id": "zh-1", "language": "zh"}, file="zh")
    assert ["de-01-001", "zh-1"] == [row.id for row in read_requests(write(tmp_path, REQUEST, file="de"))]


@pytest.mark.parametrize("key", ["id", "text", "language", "explicit", "batch", "split"])
def test_a_request_that_lost_a_key_is_named(tmp_path, key):
    """A missing key is named by file and line, with what was expected."""
    with pytest.raises(SourceError, match=rf"^toy\.jsonl, line 2: '{key}'; expected a request: id, text, language"):
        read_requests(write(tmp_path, REQUEST, without(REQUEST, key)))


@pytest.mark.parametrize("record", ["", "{", "[]", REQUEST | {"explicit": "maybe"}, REQUEST | {"split": "dev"}])
def test_a_line_that_is_no_request_is_named(tmp_path, record):
    """A line that is no row of ours is an error with file and line."""
    with pytest.raises(SourceError, match=r"(?s)^toy\.jsonl, line 2: .+; expected a request: "):
        read_requests(write(tmp_path, REQUEST, record))


# all of it


def test_our_own_rows_load_by_two_names():
    """`written` are messages, exchanges and turns, `written-requests` the messages in other languages; no id is twice."""
    rows, requests = load_messages(["written"]), load_messages(["written-requests"])
    ids = [row.id for row in (*rows, *requests)]
    assert len(ids) == len(set(ids))
    assert {row.id for row in (*read_exchanges(), *read_written_turns())} < {row.id for row in rows}
    assert [row.id for row in read_requests()] == [row.id for row in requests]
    assert ({"written"}, {"en"}) == ({row.source for row in rows}, {row.language for row in rows})
    assert "en" not in {row.language for row in requests}
    assert [row.id for row in requests if row.explicit is None] == []
