"""The adapters of answer examples, on small files in the corpora's formats with invented content."""

import csv
import json
from collections import Counter

import pytest

from training.sources.answers import load_answers
from training.sources.answers_faq import PER_ENTITY, read_dstc9_faq
from training.sources.answers_passages import read_amazon, read_begin, read_delucionqa, read_squad2
from training.sources.answers_rated import HELD_OUT_SYSTEMS, entity_group, entity_split, read_dstc9, strip_closing
from training.sources.catalog import SourceError
from training.sources.written import TAUGHT, read_written_answers, read_written_drafts


def write(path, text):
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_csv(path, records):
    """Write records as a table with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(records[0]))
        table.writeheader()
        table.writerows(records)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes, goats may stay. Would you like to book a stable?", "Yes, goats may stay."),
        ("No goats. Is there anything else I can help you with today?", "No goats."),
        ("Goats stay free. anything else i can do for you?", "Goats stay free."),
        ("Hay is served at six. Let me know if I can be of further assistance?", "Hay is served at six."),
        ("Which goat is yours?", "Which goat is yours?"),
        ("Do you have a goat?", "Do you have a goat?"),
        ("Goats stay free.", "Goats stay free."),
    ],
)
def test_stock_question_is_stripped(answer, expected):
    """The stock question at an answer's end goes; a question that is the whole answer stays."""
    assert expected == strip_closing(answer)


def snippet(entity, doc):
    """Where a FAQ stands."""
    return {"domain": "inn", "entity_id": entity, "doc_id": doc}


def dstc9(folder, systems=("alpha",)):
    """Write three rated answers of some systems about many inns; the first is right, two are off, one is unrated."""
    docs = {
        "0": {"title": "Goats welcome?", "body": "Goats stay free."},
        "1": {"title": "Pool?", "body": "There is a pond."},
    }
    inns = {str(number): {"name": f"Inn {number}", "docs": docs} for number in range(40)}
    write(folder / "data_eval" / "knowledge.json", json.dumps({"inn": inns}))
    labels, answers, ratings = [], [], []
    for number in range(40):
        for found, marks in [(0, [5, 4, 4]), (1, [1, 2, 1]), (0, [5, 5, 3]), (0, None)]:
            labels.append({"target": True, "knowledge": [snippet(number, 0)]})
            answers.append(
                {"target": True, "knowledge": [snippet(number, found)], "response": "They do. Anything else?"}
            )
            ratings.append({"accuracy": marks, "appropriateness": marks} if marks else None)
    write(folder / "data_eval" / "test" / "labels.json", json.dumps(labels))
    for system in systems:
        write(folder / "results" / system / "entry0.json", json.dumps(answers))
        write(folder / "results" / system / "entry0.human_eval.json", json.dumps(ratings))


def test_dstc9_targets(tmp_path):
    """Good is the share of raters at 4 or more; the other targets are told only where the ratings are sound."""
    dstc9(tmp_path)
    right, wrong, doubtful = list(read_dstc9(tmp_path))[:3]
    parts = ("sufficient", "grounded", "answers", "good")
    assert (1.0, 1.0, 1.0, 1.0) == tuple(getattr(right, part) for part in parts)
    assert (0.0, None, 0.0, 0.0) == tuple(getattr(wrong, part) for part in parts)
    assert (1.0, None, None, pytest.approx(2 / 3)) == tuple(getattr(doubtful, part) for part in parts)


def test_dstc9_never_shows_the_retrieved_title(tmp_path):
    """The message is the gold title, the passage the retrieved body after the entity's name."""
    dstc9(tmp_path)
    wrong = list(read_dstc9(tmp_path))[1]
    assert ("Goats welcome?", ("Inn 0: There is a pond.",), "They do.") == (wrong.message, wrong.passages, wrong.answer)


def test_dstc9_splits(tmp_path):
    """An entity has one split, and the systems held out speak in the test alone."""
    held_out = min(HELD_OUT_SYSTEMS)
    dstc9(tmp_path, ("alpha", held_out))
    rows = list(read_dstc9(tmp_path))
    splits = {}
    for row in rows:
        splits.setdefault(row.group, set()).add(row.split)
    assert {1} == {len(found) for found in splits.values()}
    assert {"train", "calibration", "test"} == {row.split for row in rows}
    assert {"test"} == {row.split for row in rows if held_out in row.id}


def faqs(folder, *, inns=40, docs=8):
    """Write invented FAQs of many inns, each with bodies of its own, and of a hut that has but one."""

    def entity(name, count):
        return {
            "name": name,
            "docs": {str(doc): {"title": f"Question {doc}?", "body": f"Fact {doc} of {name}."} for doc in range(count)},
        }

    knowledge = {
        "inn": {str(number): entity(f"Inn {number}", docs) for number in range(inns)},
        "hut": {str(number): entity(f"Hut {number}", 1) for number in range(inns)},
    }
    write(folder / "data_eval" / "knowledge.json", json.dumps(knowledge))
    return [snippet(number, 0) for number in range(inns)]


def test_dstc9_faq_is_made_of_training_entities_alone(tmp_path):
    """Every inn of the training split has rows, in train, and no inn of another split has any."""
    inns = faqs(tmp_path)
    rows = list(read_dstc9_faq(tmp_path))
    expected = {entity_group(inn) for inn in inns if entity_split(inn) == "train"}
    assert 0 < len(expected) < len(inns)
    assert expected == {row.group for row in rows}
    assert {"train"} == {row.split for row in rows}


def test_dstc9_faq_kinds(tmp_path):
    """A quarter of the rows each is right, a neighbour's, unfounded, and right behind an irrelevant first passage."""
    faqs(tmp_path)
    rows = list(read_dstc9_faq(tmp_path))
    parts = ("sufficient", "grounded", "answers", "good")
    found = Counter((len(row.passages), *(getattr(row, part) for part in parts)) for row in rows)
    kinds = [(1, 1.0, 1.0, 1.0, 1.0), (1, 0.0, 1.0, 0.0, 0.0), (1, 0.0, 0.0, 1.0, 0.0), (2, 1.0, 1.0, 1.0, 1.0)]
    assert dict.fromkeys(kinds, len(rows) // 4) == found
    assert len(rows) == len({row.id for row in rows})


def test_dstc9_faq_targets_are_what_the_texts_say(tmp_path):
    """An answer fits the question's own fact or a neighbour's, and is grounded exactly where a passage holds it."""
    faqs(tmp_path)
    for row in read_dstc9_faq(tmp_path):
        asked = f"Fact {row.message.removeprefix('Question ').removesuffix('?')} of "
        assert (row.answers == 1.0) is row.answer.startswith(asked)
        assert (row.sufficient == 1.0) is any(f": {asked}" in passage for passage in row.passages)
        assert (row.grounded == 1.0) is any(row.answer in passage for passage in row.passages)


def test_dstc9_faq_neighbours_are_of_the_same_entity(tmp_path):
    """Answer and passages name the question's own inn, so names give nothing away; one FAQ alone has no neighbour."""
    faqs(tmp_path)
    rows = list(read_dstc9_faq(tmp_path))
    for row in rows:
        name = f"Inn {row.group.rpartition(':')[2]}"
        assert {name} == {passage.partition(":")[0] for passage in row.passages}
        assert [True] * (1 + len(row.passages)) == [
            text.endswith(f"of {name}.") for text in (row.answer, *row.passages)
        ]
    assert [] == [row.group for row in rows if ":hut:" in row.group]


def test_dstc9_faq_takes_a_few_of_each_entity(tmp_path):
    """An entity with many FAQs gives no more rows than its share."""
    faqs(tmp_path, docs=PER_ENTITY + 5)
    assert {PER_ENTITY} == set(Counter(row.group for row in read_dstc9_faq(tmp_path)).values())


def test_amazon(tmp_path):
    """Passages of ePQA make full, foreign, irrelevant, unfounded and partial examples of one question in one split."""
    records = [
        {
            "qid": qid, "question": f"will it float {qid}?", "candidate": f"{text} {qid}", "qa_pair_id": f"{qid}{number}",
            "title": "Duck", "label": label, "ASIN": qid, "answer": f"It floats {qid}." if label == "2" else "",
        }
        for qid in map(str, range(30))
        for number, (label, text) in enumerate([("2", "it floats"), ("0", "it is yellow"), ("1", "ducks do")])
    ]  # fmt: skip
    write_csv(tmp_path / "ePQA" / "dev.csv", records)
    rows = list(read_amazon(tmp_path))
    found = {row.id.rpartition("-")[2]: row for row in rows if row.group.endswith(":3")}
    assert {
        "full": ("It floats 3.", 1.0, 1.0, 1.0, 1.0),
        "irrelevant": (None, 0.0, None, None, None),
        "unfounded": ("It floats 3.", 0.0, 0.0, 1.0, 0.0),
        "partial": (None, 0.5, None, None, None),
    } == {k: (r.answer, r.sufficient, r.grounded, r.answers, r.good) for k, r in found.items() if k != "foreign"}
    assert "It floats 3." != found["foreign"].answer
    assert (0.0, 0.0, 0.0) == (found["foreign"].grounded, found["foreign"].answers, found["foreign"].good)
    assert 30 == len({(row.group, row.split) for row in rows})


def test_amazons_products_have_one_split(tmp_path):
    """All questions about a product lie in one split, since they share its passages; products lie in all splits."""
    records = [
        {
            "qid": str(qid), "question": f"will it float {qid}?", "candidate": "it floats", "qa_pair_id": f"{qid}-0",
            "title": "Duck", "label": "2", "answer": "It floats.", "ASIN": f"duck-{qid % 60}",
        }
        for qid in range(240)
    ]  # fmt: skip
    write_csv(tmp_path / "ePQA" / "dev.csv", records)
    rows = list(read_amazon(tmp_path))
    assert 60 == len({row.group for row in rows}) == len({(row.group, row.split) for row in rows})
    assert {"train", "calibration", "test"} == {row.split for row in rows}


def test_squad2(tmp_path):
    """SQuAD's spans become short answers; a plausible span of an impossible question is unfounded."""
    questions = [
        {
            "id": f"q{number}", "question": f"who swam {number}?", "is_impossible": bool(number % 2),
            "answers": [] if number % 2 else [{"text": "the duck"}, {"text": "duck"}],
            "plausible_answers": [{"text": "a goose"}],
        }
        for number in range(60)
    ]  # fmt: skip
    article = {"title": "Pond", "paragraphs": [{"context": "The duck swam.", "qas": questions}]}
    write(tmp_path / "data" / "dev-v2.0.json", json.dumps({"data": [article]}))
    rows = list(read_squad2(tmp_path))
    assert {(1.0, "The duck.", 1.0), (1.0, None, None), (0.0, "A goose.", 0.0), (0.0, None, None)} == {
        (row.sufficient, row.answer, row.good) for row in rows
    }
    assert 1 == len({(row.group, row.split) for row in rows})


def test_begin(tmp_path):
    """BEGIN tells whether the knowledge supports a reply, and generic replies are left out."""
    lines = ["model_name\tdata_source\tknowledge\tmessage\tresponse\tbegin_label"]
    labels = ("Fully attributable", "Not fully attributable", "Generic")
    lines += [f't5\ttoy\tDucks "float.\tdo they\tThey {label}\t{label}' for label in labels]
    write(tmp_path / "wow" / "begin_dev_wow.tsv", "\n".join(lines) + "\n")
    rows = list(read_begin(tmp_path))
    assert [(1.0, None, 0.5), (0.0, None, 0.5)] == [(row.grounded, row.good, row.weight) for row in rows]
    assert 1 == len({row.group for row in rows})


def test_delucionqa(tmp_path):
    """Refusals answer nothing and have no passages."""
    record = {
        "Question": "how do I fold the roof",
        "Context": "[1, 2]",
        "Answer": "The manual doesn't say.",
        "Answerable": "no",
    }
    write_csv(tmp_path / "data" / "DelucionQA_final" / "unanswerable.csv", [record])
    (row,) = read_delucionqa(tmp_path)
    assert ((), 0.0, None, 0.0) == (row.passages, row.answers, row.grounded, row.good)


ANSWER = {
    "id": "toy-001-a", "situation": "001", "message": "does the moat leak", "answer": "No.", "passages": ["It holds water."],
    "sufficient": 1, "grounded": 0.5, "answers": 1, "good": True, "batch": "toy-1", "second_look": True, "split": "train",
}  # fmt: skip


def test_written_answers(tmp_path):
    """Our own answers group by situation, and a true good is 1."""
    silent = {"id": "toy-001-b", "answer": None, "good": None, "answers": None, "grounded": None}
    write(tmp_path / "toy.jsonl", "\n".join(json.dumps(row) for row in [ANSWER, ANSWER | silent]))
    told, untold = read_written_answers(tmp_path)
    assert (1.0, 0.5, "written:toy:001") == (told.good, told.grounded, told.group)
    assert (None, None, 1.0) == (untold.answer, untold.good, untold.sufficient)


def test_broken_written_answer(tmp_path):
    """A row without a situation is named by file and line."""
    write(tmp_path / "toy.jsonl", json.dumps({key: value for key, value in ANSWER.items() if key != "situation"}))
    with pytest.raises(SourceError, match=r"toy\.jsonl, line 1: 'situation'"):
        list(read_written_answers(tmp_path))


def customer(text):
    """A customer's turn in a written conversation."""
    return {"role": "customer", "text": text, "gold": "continue", "reason": None, "dialogue": []}


def bot(text, *dialogue, **extra):
    """A bot's turn in a written conversation."""
    return {"role": "bot", "text": text, "fallback": False, **extra, "dialogue": list(dialogue)}


TURNS = [
    bot("Hello, I am a moat."),
    bot("Before you ask: no.", answer_good=False),
    customer("does the moat leak"),
    bot("It holds water.", passages=["Moats hold water."], answer_good=True),
    bot("Pardon?", "bot_fallback", fallback=True),
    customer("it does leak"),
    bot("Which moat is it?", "bot_asks_details"),
    bot("Shall I fetch the warden?", "bot_offers_person", "bot_fallback"),
    bot("Moats are blue.", "bot_cannot", answer_good=False),
    bot("Hm.", answer_good=None),
    bot("Is it wet?", "bot_asks_details", answer_good=None),
    {"role": "agent", "text": "I am the warden."},
    bot("Bye."),
]


def conversation(number, *, batch="shops-01", split="tune", language="en", turns=TURNS):
    """A written conversation."""
    return {"id": f"{batch}-{number:03}", "language": language, "turns": turns, "batch": batch, "split": split}


def drafts(folder, *conversations, file="shops"):
    """The drafts of written conversations in a file, by default one whose tuning half is taught."""
    write(folder / f"{file}.jsonl", "".join(json.dumps(entry) + "\n" for entry in conversations))
    return list(read_written_drafts(folder))


def test_written_drafts(tmp_path):
    """What was judged counts as judged, a fallback as 0, details asked for and a person offered as 1; null is not judged."""
    found = drafts(tmp_path, conversation(1))
    assert [
        ("does the moat leak", "It holds water.", 1.0),
        ("does the moat leak", "Pardon?", 0.0),
        ("it does leak", "Which moat is it?", 1.0),
        ("it does leak", "Shall I fetch the warden?", 1.0),
        ("it does leak", "Moats are blue.", 0.0),
    ] == [(row.message, row.answer, row.answers) for row in found]
    assert [row.answers for row in found] == [row.good for row in found]
    assert {(None, None)} == {(row.sufficient, row.grounded) for row in found}
    assert [("Moats hold water.",), (), (), (), ()] == [row.passages for row in found]
    assert [None, None, *["does the moat leak"] * 3] == [row.earlier for row in found]


def test_written_drafts_belong_to_their_conversation(tmp_path):
    """Drafts of one conversation are one group, and no two share an id."""
    found = drafts(tmp_path, conversation(1), conversation(2))
    assert {"written:shops-01-001", "written:shops-01-002"} == {row.group for row in found}
    assert len(found) == len({row.id for row in found})


def test_written_drafts_split_by_conversation(tmp_path):
    """The half to tune on is for training, its last batch for calibration, and the held-out half for the test."""
    last = f"shops{TAUGHT['shops']}"
    found = drafts(
        tmp_path,
        conversation(1),
        conversation(2, batch="shops-02", split="held_out"),
        conversation(3, batch=last),
    )
    assert {
        "written:shops-01-001": {"train"},
        "written:shops-02-002": {"test"},
        f"written:{last}-003": {"calibration"},
    } == {group: {row.split for row in found if row.group == group} for group in {row.group for row in found}}


def test_drafts_to_tune_policies_on_are_never_taught(tmp_path):
    """Of a file that isn't taught the held-out half is a test and the half to tune on is nobody's."""
    half = [conversation(1, batch="toy-01"), conversation(2, batch="toy-02", split="held_out")]
    found = drafts(tmp_path, *half, conversation(3, batch=f"toy{TAUGHT['shops']}"), file="toy")
    assert {("written:toy-02-002", "test")} == {(row.group, row.split) for row in found}


def test_written_drafts_are_english(tmp_path):
    """Conversations in other languages, which the model isn't made for, are left out."""
    assert {"written:shops-01-002"} == {
        row.group for row in drafts(tmp_path, conversation(1, language="de"), conversation(2))
    }


def test_our_own_answers_load_with_their_twins():
    """Loading our own answers gives drafts of the conversations and both kinds of twins, each with an id of its own."""
    rows = load_answers(["written"])
    assert len(rows) == len({row.id for row in rows})
    twins = Counter(
        (row.id.rpartition(":")[2], row.split) for row in rows if row.id.endswith(("corrupted", "stripped"))
    )
    assert {("corrupted", "train"), ("stripped", "train"), ("stripped", "calibration")} == set(twins)
    assert {row.id for row in read_written_drafts()} <= {row.id for row in rows}


def test_corpus_of_messages_is_no_answers():
    """A corpus without answers is refused by name before anything is read."""
    with pytest.raises(SourceError, match="banking77 holds no answers"):
        load_answers(["banking77"])
