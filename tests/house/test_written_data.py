"""The data that we wrote ourselves: valid, labelled to the guideline, split by batch, and nobody's secrets."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from models.phrases import LANGUAGES
from models.text import MAX_CHARACTERS, is_unspaced, normalise
from training.labels import LABELS
from training.sources.rows import GLUE_WORDS
from training.sources.written import (
    TAUGHT,
    read_exchanges,
    read_requests,
    read_written,
    read_written_answers,
    read_written_drafts,
    read_written_turns,
)
from training.splits import near_key

WRITTEN = Path(__file__).parents[2] / "data" / "written"
MESSAGE_KEYS = [
    "id", "text", "language", "labels", "out_of_scope", "explicit", "sentiment", "frustration", "batch", "second_look",
    "split",
]  # fmt: skip
ANSWER_KEYS = [
    "id", "situation", "message", "answer", "passages", "sufficient", "grounded", "answers", "good", "batch",
    "second_look", "split",
]  # fmt: skip
EXCHANGE_KEYS = ["id", "role", "before", "text", "language", "dialogue", "batch", "second_look", "split"]
REQUEST_KEYS = ["id", "text", "language", "explicit", "kind", "gloss", "batch", "second_look", "split"]
CONVERSATION_KEYS = ["id", "domain", "language", "kind", "turns", "batch", "second_look", "split"]
# what a turn may hold, by role, in this order; the bot's passages and answer_good may be left out
TURN_KEYS = {
    "customer": ["role", "text", "gold", "reason", "dialogue"],
    "bot": ["role", "text", "fallback", "passages", "answer_good", "dialogue"],
    "agent": ["role", "text"],
}
OPTIONAL = {"passages", "answer_good"}
DIALOGUE = {
    "customer": {"not_helped", "insists", "resolved"},
    "bot": {"bot_cannot", "bot_offers_person", "bot_fallback", "bot_asks_details"},
}
# how a message in another language speaks of a person: the first four ask for one
ASKING = {"direct", "within", "indirect", "bare"}
KINDS = ASKING | {"negated", "withdrawn", "reported", "lookalike", "contact", "bot", "other"}
REASONS = {"explicit_request", "topic", "intent", "sentiment", "repetition", "low_confidence", "policy"}
PARTS = ("sufficient", "grounded", "answers")
SPLITS = {"train", "calibration", "test"}
# what may be said besides something that is none of our business
BESIDES = {"greeting", "ask_if_bot", "thanks_bye", "affirm", "deny", "express_frustration", "abusive_language"}

MAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
DIGITS = re.compile(r"(?<!\w)\+?\d(?:[ ().-]{0,2}\d){8,}(?!\w)")
RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid)$")
INVENTED = ("555", "7700900", "000", "1234")


def rows_of(folder):
    """Every row of a folder's files as plain JSON, with the file it came from."""
    return [
        (path.stem, json.loads(line))
        for path in sorted((WRITTEN / folder).glob("*.jsonl"))
        for line in path.read_text("utf-8").split("\n")
        if line
    ]


MESSAGES, ANSWERS, CONVERSATIONS = rows_of("messages"), rows_of("answers"), rows_of("conversations")
EXCHANGES, REQUESTS = rows_of("exchanges"), rows_of("requests")
TURNS = [
    (f"{row['id']}, turn {number}", turn)
    for _, row in CONVERSATIONS
    for number, turn in enumerate(row["turns"], start=1)
]
ALL = pytest.mark.parametrize(
    ("rows", "keys"),
    [
        (MESSAGES, MESSAGE_KEYS),
        (ANSWERS, ANSWER_KEYS),
        (EXCHANGES, EXCHANGE_KEYS),
        (REQUESTS, REQUEST_KEYS),
        (CONVERSATIONS, CONVERSATION_KEYS),
    ],
    ids=["messages", "answers", "exchanges", "requests", "conversations"],
)
TEXTS = [(row["id"], row["text"]) for _, row in MESSAGES]
TEXTS += [(row["id"], text) for _, row in ANSWERS for text in (row["message"], row["answer"], *row["passages"]) if text]
TEXTS += [(row["id"], text) for _, row in EXCHANGES for text in (row["before"], row["text"])]
TEXTS += [(row["id"], text) for _, row in REQUESTS for text in (row["text"], row["gloss"]) if text or text is None]
TEXTS += [(name, text) for name, turn in TURNS for text in (turn["text"], *turn.get("passages", ()))]


def turns_of(role):
    """Every turn of a role in our conversations, with its place."""
    return [(name, turn) for name, turn in TURNS if turn["role"] == role]


def golds_of(row):
    """What a good bot must do after each of a conversation's customer messages."""
    return [turn["gold"] for turn in row["turns"] if turn["role"] == "customer"]


@ALL
def test_rows_hold_their_keys_in_order(rows, keys):
    """Every row holds exactly the keys of the format, in its order, so that diffs stay readable."""
    assert [row["id"] for _, row in rows if list(row) != keys] == []


@ALL
def test_ids_are_unique_and_say_where_they_belong(rows, keys):
    """No two rows of any kind share an id, and an id begins with its file."""
    everywhere = Counter(
        row["id"] for kind in (MESSAGES, ANSWERS, EXCHANGES, REQUESTS, CONVERSATIONS) for _, row in kind
    )
    assert [row["id"] for _, row in rows if everywhere[row["id"]] > 1] == []
    assert [row["id"] for file, row in rows if not row["id"].startswith(f"{file}-")] == []


@ALL
def test_every_row_had_its_second_look(rows, keys):
    """Labels were read again, row by row, by somebody after writing them."""
    assert [row["id"] for _, row in rows if row["second_look"] is not True] == []


@pytest.mark.parametrize(
    ("rows", "read"),
    [
        (MESSAGES, read_written),
        (ANSWERS, read_written_answers),
        (EXCHANGES, read_exchanges),
        (REQUESTS, read_requests),
    ],
    ids=["messages", "answers", "exchanges", "requests"],
)
def test_every_row_is_read_by_training(rows, read):
    """What lies in the files is what the training adapter yields: all of it, in range, with known labels."""
    assert [row.id for row in read()] == [row["id"] for _, row in rows]


@pytest.mark.parametrize(
    "rows", [MESSAGES, ANSWERS, EXCHANGES, REQUESTS], ids=["messages", "answers", "exchanges", "requests"]
)
def test_a_batch_lies_in_one_split(rows):
    """A batch of messages, or a situation of answers, was written in one go, so it is held out whole."""
    splits = defaultdict(set)
    for file, row in rows:
        splits[file, row.get("situation", row["batch"])].add(row["split"])
    assert {group: sorted(found) for group, found in splits.items() if len(found) > 1} == {}


@pytest.mark.parametrize("rows", [MESSAGES, ANSWERS, EXCHANGES], ids=["messages", "answers", "exchanges"])
def test_each_split_has_its_share(rows):
    """Of every file about one row in ten is for calibration and one or two in ten for the test."""
    counts = defaultdict(Counter)
    for file, row in rows:
        counts[file][row["split"]] += 1
    for found in counts.values():
        assert set(found) == SPLITS
        assert [split for split in ("calibration", "test") if not 0.05 <= found[split] / found.total() <= 0.25] == []


# messages


def test_labels_are_known_and_listed_once():
    """A label is one of the taxonomy and stands in a row once."""
    assert [row["id"] for _, row in MESSAGES if set(row["labels"]) - set(LABELS)] == []
    assert [row["id"] for _, row in MESSAGES if len(set(row["labels"])) != len(row["labels"])] == []


def test_explicit_is_a_request_for_a_person():
    """`explicit` is true exactly where `request_human` is among the labels."""
    assert [row["id"] for _, row in MESSAGES if row["explicit"] is not ("request_human" in row["labels"])] == []


def test_out_of_scope_messages_want_nothing_of_support():
    """A message that has nothing to do with support carries no label that support would act on."""
    assert [row["id"] for _, row in MESSAGES if row["out_of_scope"] and set(row["labels"]) - BESIDES] == []


def test_numbers_are_in_range():
    """Sentiment lies in [-1, 1], frustration in [0, 1], both as numbers."""
    wrong = [
        row["id"]
        for _, row in MESSAGES
        if not (-1 <= row["sentiment"] <= 1 and 0 <= row["frustration"] <= 1)
        or isinstance(row["sentiment"], bool)
        or isinstance(row["frustration"], bool)
    ]
    assert wrong == []


def test_delight_is_not_frustration():
    """Nobody is at once delighted and furious: the two scales don't contradict each other."""
    assert [row["id"] for _, row in MESSAGES if row["sentiment"] > 0.5 and row["frustration"] > 0.5] == []


def test_messages_are_in_english():
    """The bundle's heads are English, so are their messages."""
    assert {row["language"] for _, row in MESSAGES} == {"en"}


def test_every_label_has_examples_in_every_split():
    """A label that a split doesn't hold can't be learned, calibrated or measured there."""
    held = {
        split: {label for _, row in MESSAGES if row["split"] == split for label in row["labels"]} for split in SPLITS
    }
    assert {split: sorted(set(LABELS) - found) for split, found in held.items()} == {split: [] for split in SPLITS}


# exchanges


@pytest.mark.parametrize("role", sorted(DIALOGUE))
def test_an_exchange_is_labelled_by_its_role(role):
    """A customer's message has a customer's dialogue labels, a bot's a bot's, each once."""
    rows = [row for _, row in EXCHANGES if row["role"] == role]
    assert [row["id"] for row in rows if set(row["dialogue"]) - DIALOGUE[role]] == []
    assert [row["id"] for row in rows if len(set(row["dialogue"])) != len(row["dialogue"])] == []


def test_an_exchange_is_a_customers_or_a_bots():
    """Nobody else speaks in an exchange, and all of it is English."""
    assert {(row["role"], row["language"]) for _, row in EXCHANGES} == {("customer", "en"), ("bot", "en")}


def test_who_is_done_complains_of_nothing():
    """A message that says that all is solved says neither that it wasn't nor that it must be."""
    assert [row["id"] for _, row in EXCHANGES if "resolved" in row["dialogue"] and len(row["dialogue"]) > 1] == []


def test_every_dialogue_label_of_an_exchange_has_examples_in_every_split():
    """A label that a split doesn't hold, or that everything in it has, can't be learned, calibrated or measured there."""
    for split in SPLITS:
        for role, labels in DIALOGUE.items():
            rows = [row for _, row in EXCHANGES if row["split"] == split and row["role"] == role]
            counts = Counter(label for row in rows for label in row["dialogue"])
            assert [label for label in labels if not 8 <= counts[label] <= len(rows) - 8] == []


def test_no_exchange_stands_twice():
    """No message stands twice after the same message, whatever case, punctuation and numbers."""
    rows = [
        row.model_copy(update={"before": raw["before"]})
        for row, (_, raw) in zip(read_exchanges(), EXCHANGES, strict=True)
    ]
    assert [key for key, count in Counter(map(near_key, rows)).items() if count > 1] == []


# requests


def test_a_requests_language_is_its_files():
    """A file holds one language, and its name begins with it."""
    assert [row["id"] for file, row in REQUESTS if row["language"] != file.split("-")[0]] == []


def test_every_language_of_the_phrase_lists_has_requests():
    """Each but English has at least 150 messages, a batch of at least 60 for the test, and both answers in each split."""
    found = {}
    for language in sorted(set(LANGUAGES) - {"en"}):
        rows = [row for _, row in REQUESTS if row["language"] == language]
        tests = Counter(row["batch"] for row in rows if row["split"] == "test")
        answers = {(row["split"], row["explicit"]) for row in rows}
        found[language] = (len(rows) >= 150, max(tests.values(), default=0) >= 60, len(answers))
    assert found == dict.fromkeys(found, (True, True, 6))
    assert {row["language"] for _, row in REQUESTS} == set(found)


def test_a_requests_kind_says_whether_it_asks():
    """Who asks does so directly, within a story, indirectly or with a bare word; all other kinds only speak of a person."""
    assert [row["id"] for _, row in REQUESTS if row["kind"] not in KINDS] == []
    assert [row["id"] for _, row in REQUESTS if row["explicit"] is not (row["kind"] in ASKING)] == []


def test_the_first_files_have_glosses():
    """Every message of the files that hold the test says in English what it means, so that anybody can check its label."""
    held = {file for file, row in REQUESTS if row["split"] == "test"}
    assert [row["id"] for file, row in REQUESTS if file in held and not row["gloss"]] == []
    assert [row["id"] for _, row in REQUESTS if not isinstance(row["gloss"], str)] == []


def test_no_request_of_the_test_is_taught():
    """No message lies in two splits, whatever case, punctuation and numbers; a bare word or two may, and is dropped later."""
    splits, first = defaultdict(set), {}
    for row in read_requests():
        splits[near_key(row)].add(row.split)
        first.setdefault(near_key(row), row.id)
    assert [first[key] for key, found in splits.items() if len(found) > 1 and not is_glue(key)] == []


def is_glue(key):
    """Whether a text is so short that everybody says it; in scripts without blanks letters are counted."""
    return len(key) <= 2 * GLUE_WORDS if any(map(is_unspaced, key)) else len(key.split()) <= GLUE_WORDS


# answers


def test_a_good_answer_has_no_bad_part():
    """What should be sent answers the question and is grounded wherever passages were given."""
    wrong = [
        row["id"] for _, row in ANSWERS if row["good"] and (row["answers"] != 1 or row["grounded"] not in {1, None})
    ]
    assert wrong == []


def test_a_bad_answer_has_a_bad_part():
    """What should not be sent misses the question, its passages, or has none that suffice."""
    wrong = [
        row["id"]
        for _, row in ANSWERS
        if row["good"] is False and min(row[p] for p in PARTS if row[p] is not None) == 1
    ]
    assert wrong == []


def test_without_an_answer_nothing_is_said_of_it():
    """A row without a draft only says whether the passages suffice."""
    rows = [row for _, row in ANSWERS if row["answer"] is None]
    assert [row["id"] for row in rows if {row["grounded"], row["answers"], row["good"]} != {None}] == []


def test_without_passages_nothing_is_said_of_them():
    """A row without passages says nothing of sufficient or grounded."""
    rows = [row for _, row in ANSWERS if not row["passages"]]
    assert [row["id"] for row in rows if (row["sufficient"], row["grounded"]) != (None, None)] == []


def test_parts_are_no_half_one_or_silence():
    """Each part is judged no, partly or yes, or not at all."""
    assert [row["id"] for _, row in ANSWERS if {row[part] for part in PARTS} - {0, 0.5, 1, None}] == []


def test_variants_of_a_situation_ask_the_same():
    """All drafts of one situation answer one message."""
    asked = defaultdict(set)
    for file, row in ANSWERS:
        asked[file, row["situation"]].add(row["message"])
    assert {situation: sorted(found) for situation, found in asked.items() if len(found) > 1} == {}


# conversations


def test_turns_hold_their_keys_in_order():
    """A turn is a customer's, a bot's or an agent's, and holds that role's keys in their order."""
    wrong = []
    for name, turn in TURNS:
        expected = [key for key in TURN_KEYS.get(turn["role"], ()) if key in turn or key not in OPTIONAL]
        if list(turn) != expected:
            wrong.append(name)
    assert wrong == []


def test_a_conversation_begins_with_its_customer():
    """The customer speaks first: the first message is one that a bot must judge."""
    assert [row["id"] for _, row in CONVERSATIONS if row["turns"][0]["role"] != "customer"] == []


def test_gold_is_an_action_with_its_reason():
    """After a customer's message a good bot goes on, offers or escalates; the last two have a reason, the first has none."""
    customers = turns_of("customer")
    assert [name for name, turn in customers if turn["gold"] not in {"continue", "offer", "escalate"}] == []
    assert [name for name, turn in customers if (turn["gold"] == "continue") is not (turn["reason"] is None)] == []
    assert [name for name, turn in customers if turn["reason"] not in {None, *REASONS}] == []


def test_a_good_bot_offers_once():
    """In a conversation a person is offered at most once; who declined or ignored it isn't asked again."""
    assert [row["id"] for _, row in CONVERSATIONS if golds_of(row).count("offer") > 1] == []


def test_a_good_bot_escalates_once():
    """After an escalation a person is on the way, so whatever the customer adds is `continue`."""
    found = {row["id"]: golds_of(row) for _, row in CONVERSATIONS}
    later = {name: golds[golds.index("escalate") + 1 :] for name, golds in found.items() if "escalate" in golds}
    assert [name for name, golds in later.items() if set(golds) - {"continue"}] == []


def test_an_agent_speaks_after_an_escalation():
    """A person comes when one was called."""
    wrong = []
    for _, row in CONVERSATIONS:
        roles, golds = zip(*((turn["role"], turn.get("gold")) for turn in row["turns"]), strict=True)
        if "agent" in roles and "escalate" not in golds[: roles.index("agent")]:
            wrong.append(row["id"])
    assert wrong == []


@pytest.mark.parametrize("role", sorted(DIALOGUE))
def test_dialogue_labels_are_known_and_listed_once(role):
    """What a turn does in the dialogue is said in the words of the guideline, each once."""
    turns = turns_of(role)
    assert [name for name, turn in turns if set(turn["dialogue"]) - DIALOGUE[role]] == []
    assert [name for name, turn in turns if len(set(turn["dialogue"])) != len(turn["dialogue"])] == []


def test_every_dialogue_label_has_examples():
    """A label of the guideline occurs in the half to tune on and in the half held out."""
    said = defaultdict(set)
    for _, row in CONVERSATIONS:
        for turn in row["turns"]:
            said[row["split"]].update(turn.get("dialogue", ()))
    assert {split: set.union(*DIALOGUE.values()) - found for split, found in said.items()} == {
        "tune": set(),
        "held_out": set(),
    }


def test_a_fallback_is_a_bot_that_did_not_understand():
    """`fallback` is true exactly where the dialogue label says so, and what a fallback says was judged no answer."""
    bots = turns_of("bot")
    assert [name for name, turn in bots if turn["fallback"] is not ("bot_fallback" in turn["dialogue"])] == []
    assert [name for name, turn in bots if turn["fallback"] and turn.get("answer_good")] == []
    assert [name for name, turn in bots if turn.get("answer_good") not in {True, False, None}] == []


def test_conversations_split_by_batch():
    """Odd batches are to tune on, even ones are held out, each whole, and a conversation's id begins with its batch."""
    wrong = []
    for _, row in CONVERSATIONS:
        number = int(row["batch"].rpartition("-")[2])
        expected = "tune" if number % 2 else "held_out"
        if row["split"] != expected or not row["id"].startswith(f"{row['batch']}-"):
            wrong.append(row["id"])
    assert wrong == []


def test_conversations_are_mixed():
    """Both halves hold every file, conversations that escalate, that only offer and that do neither, and other languages."""
    mix = defaultdict(Counter)
    for file, row in CONVERSATIONS:
        golds = golds_of(row)
        end = next((gold for gold in ("escalate", "offer") if gold in golds), "continue")
        mix[row["split"]].update([file, end, "foreign" if row["language"] != "en" else "english"])
    files = {file for file, _ in CONVERSATIONS}
    assert set(mix) == {"tune", "held_out"}
    assert {len(found) for found in mix.values()} == {len(files) + 5}
    assert min(found[end] for found in mix.values() for end in ("escalate", "offer", "continue")) >= 10


def test_judged_drafts_are_read_by_training():
    """Every English draft that somebody judged is yielded to training, but none that policies are tuned on unseen."""
    expected = [
        f"written:{row['id']}-{number}"
        for file, row in CONVERSATIONS
        if row["language"] == "en" and (row["split"] == "held_out" or file in TAUGHT)
        for number, turn in enumerate(row["turns"])
        if turn["role"] == "bot"
        and turn.get("answer_good", (set(turn["dialogue"]) - {"bot_cannot"}) or None) is not None
    ]
    assert [row.id for row in read_written_drafts()] == expected


def test_labelled_turns_are_read_by_training():
    """Every English turn of a bot, and a customer's after one, is yielded to training, but none that policies are tuned on."""
    expected = []
    for file, row in CONVERSATIONS:
        if row["language"] != "en" or (row["split"] != "held_out" and file not in TAUGHT):
            continue
        first = next(number for number, turn in enumerate(row["turns"]) if turn["role"] == "bot")
        expected += [
            f"{row['id']}-{number}"
            for number, turn in enumerate(row["turns"])
            if turn["role"] == "bot" or (turn["role"] == "customer" and number > first)
        ]
    assert [row.id for row in read_written_turns()] == expected


def test_half_of_the_conversations_teaches_nothing():
    """In every file half of the conversations, about, is held out from tuning; the other half of most is unseen by networks."""
    files = Counter((file, row["split"]) for file, row in CONVERSATIONS)
    for file in {file for file, _ in CONVERSATIONS}:
        tune, held_out = files[file, "tune"], files[file, "held_out"]
        assert 0.4 <= held_out / (tune + held_out) <= 0.6
    calibrating = {row.group.rpartition("-")[0] for row in read_written_turns() if row.split == "calibration"}
    assert calibrating == {f"written:{file}{batch}" for file, batch in TAUGHT.items()}


def test_no_customers_words_stand_among_the_messages():
    """What policies are judged on was not trained on: no longer customer turn is also one of our messages."""
    known = {normalise(row["text"]).casefold() for _, row in (*MESSAGES, *EXCHANGES)}
    customers = [(name, normalise(turn["text"]).casefold()) for name, turn in turns_of("customer")]
    assert [name for name, text in customers if len(text.split()) > 4 and text in known] == []


# texts


def test_texts_are_texts():
    """Nothing is empty, and nothing is longer than a message may be."""
    wrong = [name for name, text in TEXTS if not normalise(text) or len(text) > MAX_CHARACTERS]
    assert wrong == []


def test_no_mail_address_could_be_somebodys():
    """Addresses end in a domain that is reserved for examples."""
    assert [
        (name, match[0]) for name, text in TEXTS for match in MAIL.finditer(text) if not RESERVED.search(match[1])
    ] == []


def test_no_long_number_could_be_somebodys():
    """Numbers as long as a telephone, account or card number are visibly invented: 555, 07700 900..., 000 or 1234."""
    found = [(name, match[0]) for name, text in TEXTS for match in DIGITS.finditer(text)]
    assert [entry for entry in found if not any(mark in re.sub(r"\D", "", entry[1]) for mark in INVENTED)] == []


def test_no_two_messages_are_the_same():
    """No text stands twice, whatever its case and spacing."""
    first, twice = {}, []
    for _, row in MESSAGES:
        key = normalise(row["text"]).casefold()
        if key in first and len(key.split()) > 4:
            twice.append((first[key], row["id"]))
        first.setdefault(key, row["id"])
    assert twice == []


@pytest.mark.slow
def test_no_two_messages_are_nearly_the_same():
    """No two messages of more than four words are one sentence with a word swapped, within a file or across files.

    token_set_ratio alone also finds a short text whose words all occur in a long one; such pairs, of which
    token_sort_ratio thinks little, are different messages.
    """
    process, fuzz = pytest.importorskip("rapidfuzz.process"), pytest.importorskip("rapidfuzz.fuzz")
    rows = [row for _, row in MESSAGES if len(row["text"].split()) > 4]
    texts = [row["text"].lower() for row in rows]
    alike = process.cdist(texts, texts, scorer=fuzz.token_sort_ratio, score_cutoff=70, dtype=np.uint8)
    pairs = zip(*np.nonzero(np.triu(alike, 1)), strict=True)
    near = [(rows[a]["id"], rows[b]["id"]) for a, b in pairs if fuzz.token_set_ratio(texts[a], texts[b]) >= 92]
    assert near == []
