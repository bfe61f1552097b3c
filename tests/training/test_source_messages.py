"""The adapters of labelled messages, on small files in the corpora's formats with invented content."""

import json

import pytest

from training.sources import assistants, feelings, support, written
from training.sources.catalog import SourceError
from training.sources.messages import ADAPTERS, load_messages


def write(path, text):
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def rows(adapter, folder):
    """The rows of an adapter by text."""
    return {classed.row.text: classed.row for classed in adapter(folder)}


def test_bitext(tmp_path):
    """Bitext's three files become three splits, quoted line breaks one blank."""
    head = "utterance,intent,entity_type,entity_value,start_offset,end_offset,category,tags\n"
    for part in ("Testing", "Validation", "Training"):
        body = f'"{part} hat\nget me a person",contact_human_agent,,,,,CONTACT,B\n'
        write(tmp_path / f"Bitext_Sample_Customer_Service_{part}_Dataset.csv", head + body)
    found = rows(support.read_bitext, tmp_path)
    assert {"Testing": "test", "Validation": "calibration", "Training": "train"} == {
        text.split()[0]: row.split for text, row in found.items()
    }
    assert ("request_human",) == found["Training hat get me a person"].labels


def test_banking77(tmp_path):
    """Banking77's unmapped classes are support messages without a label of ours, and nobody asks for a person."""
    write(
        tmp_path / "train.csv",
        "text,category\nhow many doubloons to a crown,exchange_rate\nit bit twice,transaction_charged_twice\n",
    )
    write(tmp_path / "test.csv", "text,category\nmy doubloon card is gone,lost_or_stolen_card\n")
    found = rows(support.read_banking77, tmp_path)
    plain, twice = found["how many doubloons to a crown"], found["it bit twice"]
    assert ((), False, False) == (plain.labels, plain.out_of_scope, plain.explicit)
    assert "demand_refund" in plain.known
    assert "demand_refund" not in twice.known
    assert "express_frustration" not in plain.known
    assert "test" == found["my doubloon card is gone"].split


def test_nlupp(tmp_path):
    """NLU++'s modules become several labels, two modules one label, and no modules a message in scope."""
    turns = [
        {"text": "yes, do cancel the table on the roof", "intents": ["affirm", "cancel_close_leave_freeze", "booking"]},
        {"text": "with the green umbrella"},
        {"text": "put me through to a human", "intents": ["handoff"]},
    ]
    for domain in ("banking", "hotels"):
        for fold in range(10):
            write(tmp_path / domain / f"fold{fold}.json", json.dumps(turns if (domain, fold) == ("hotels", 3) else []))
    found = rows(support.read_nlupp, tmp_path)
    assert ("cancel_order", "affirm") == found["yes, do cancel the table on the roof"].labels
    assert ((), False) == (found["with the green umbrella"].labels, found["with the green umbrella"].out_of_scope)
    assert True is found["put me through to a human"].explicit


def test_multidogo(tmp_path):
    """MultiDoGO's turns keep their conversation; broken lines and intents that a short turn can't show are left out."""
    lines = [
        "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent",
        'c1\t1\tu1\tsay "hello there\tO O\topeninggreeting',
        "c1\t2\tu2\ti have lost my glitter card\tO O\topeninggreeting<div>reportlostcard",
        "c1\t3\tu3\tyes\tO\treportlostcard",
        "c1\t4\tu4\tbroken\treportlostcard\tO O B-name",
        "c1\t5\tu5\tmy name is robin\tO O O\tcontentonly",
    ]
    write(tmp_path / "turn_level" / "finance" / "train.tsv", "\n".join(lines) + "\n")
    for part in ("dev", "test"):
        write(tmp_path / "turn_level" / "finance" / f"{part}.tsv", lines[0] + "\n")
    found = rows(support.read_multidogo, tmp_path)
    assert ['say "hello there', "i have lost my glitter card", "my name is robin"] == list(found)
    assert ("security_incident", "greeting") == found["i have lost my glitter card"].labels
    assert {"multidogo:c1"} == {row.group for row in found.values()}


def test_watson(tmp_path):
    """Watson's anger is frustration, and its agent intent asks for a person."""
    intents = [
        {"intent": "General_Conversation-Customer_Emotion_Anger", "examples": [{"text": "my kettle of rage whistles"}]},
        {"intent": "Help-Connect_to_Agent", "examples": [{"text": "fetch me a clerk"}]},
    ]
    write(tmp_path / "banking_workspace.json", json.dumps({"intents": intents}))
    found = rows(support.read_watson, tmp_path)
    assert 0.7 == found["my kettle of rage whistles"].frustration
    assert True is found["fetch me a clerk"].explicit


def test_clinc150(tmp_path):
    """CLINC150's far questions are out of scope with every label absent; its support classes are in scope."""
    empty = {f"{kind}{part}": [] for kind in ("", "oos_") for part in ("train", "val", "test")}
    parts = empty | {
        "train": [["sing to my cactus", "play_music"], ["my card sank", "report_lost_card"], ["hm maybe", "maybe"]],
        "oos_test": [["why do cacti sing", "oos"]],
    }
    write(tmp_path / "data_full.json", json.dumps(parts))
    found = rows(assistants.read_clinc150, tmp_path)
    assert ["why do cacti sing", "sing to my cactus", "my card sank"] == list(found)
    assert (True, "all", False, 0.0) == tuple(
        getattr(found["sing to my cactus"], name) for name in ("out_of_scope", "known", "explicit", "frustration")
    )
    assert (("security_incident",), False) == (found["my card sank"].labels, found["my card sank"].out_of_scope)


def test_hwu64(tmp_path):
    """HWU64's commands are out of scope; complaints that it posts for its user are left out."""
    for part in ("train", "valid", "test"):
        write(tmp_path / part / "seq.in", f"dim the {part} lamp\ntell the shop it smells\n")
        write(tmp_path / part / "label", "iot_hue_lightdim\nsocial_post\n")
    found = rows(assistants.read_hwu64, tmp_path)
    assert {"test", "calibration", "train"} == {row.split for row in found.values()}
    assert 3 == len(found)
    assert {True} == {row.out_of_scope for row in found.values()}


def test_rasa(tmp_path):
    """Rasa's entity markup is stripped, and who asks what the bot is asks for nobody."""
    text = """version: "3.1"
nlu:
- intent: lost_card
  examples: |
    - my [teal](colour) card [swam]{"entity": "how"} off
- intent: bot_challenge
  examples: |
    - made of tin, are you?
- synonym: teal
  examples: |
    - greenish
"""
    write(tmp_path / "pond-bot" / "nlu.yml", text)
    found = rows(assistants.read_rasa, tmp_path)
    assert ["my teal card swam off", "made of tin, are you?"] == list(found)
    assert (("ask_if_bot",), False) == (found["made of tin, are you?"].labels, found["made of tin, are you?"].explicit)


def test_ms_virtual_assistant(tmp_path):
    """The assistant's intents and chit-chat load without patterns and filters; unnamed blocks are out of scope."""
    write(
        tmp_path / "LU" / "en-us" / "General.lu",
        "## Escalate\n- hand me over to flesh\n- call {name}\n\n## Stop\n- halt\n",
    )
    qna = "## ? Do you juggle?\n- can you juggle\n\n**Filters:**\n- editorial = chitchat\n\n```markdown\nNo.\n```\n"
    write(tmp_path / "QnA" / "en-us" / "Chitchat.qna", qna)
    found = rows(assistants.read_ms_virtual_assistant, tmp_path)
    assert {"hand me over to flesh": False, "Do you juggle?": True, "can you juggle": True} == {
        text: row.out_of_scope for text, row in found.items()
    }
    assert True is found["hand me over to flesh"].explicit


def abuse_file(path, turns):
    """Write turns of (text, severities of annotator 1 and 2, sexual or not) in ConvAbuse's format."""
    columns = ["example_id", "conv_id", "user", "bot"]
    for who in range(1, 9):
        columns += [f"Annotator{who}_is_abuse.{s}" for s in (1, 0, -1, -2, -3)]
        columns += [f"Annotator{who}_target.system", f"Annotator{who}_sex_harassment"]
    lines = [",".join(columns)]
    for number, (text, severities, sexual) in enumerate(turns):
        cells = dict.fromkeys(columns, "") | {"example_id": str(number), "conv_id": "7", "user": text, "bot": "toy"}
        for who, severity in enumerate(severities, start=1):
            cells |= {f"Annotator{who}_is_abuse.{severity}": "1", f"Annotator{who}_target.system": "1"}
            cells[f"Annotator{who}_sex_harassment"] = "1" if sexual else "0"
        lines.append(",".join(cells[column] for column in columns))
    write(path, "\n".join(lines) + "\n")


def test_convabuse(tmp_path):
    """Abuse is what annotators agree on; propositions are abuse without frustration, doubtful turns are left out."""
    turns = [
        ("you tin cabbage", (-2, -1), False),
        ("marry me now", (-1, -1), True),
        ("hm", (0, 1), False),
        ("hello", (1, 1), False),
    ]
    abuse_file(tmp_path / "ConvAbuseEMNLPtrain.csv", turns)
    for part in ("valid", "test"):
        abuse_file(tmp_path / f"ConvAbuseEMNLP{part}.csv", [])
    found = rows(feelings.read_convabuse, tmp_path)
    assert {"you tin cabbage": 0.8, "marry me now": None, "hello": None} == {t: r.frustration for t, r in found.items()}
    assert ("abusive_language",) == found["marry me now"].labels
    assert "abusive_language" in found["hello"].known
    assert {"convabuse:toy:7"} == {row.group for row in found.values()}


def test_vader(tmp_path):
    """VADER's mean ratings are divided by three and clipped; a review keeps one split; entities are resolved."""
    for name in ("tweets", "amazonReviewSnippets", "nytEditorialSnippets"):
        write(tmp_path / f"{name}_GroundTruth.txt", f"3_1\t-3.6\t{name} sank &amp; burned\n3_2\t1.5\t{name} swam\n\n")
    found = rows(feelings.read_vader, tmp_path)
    assert [-1.0, 0.5] == [found[f"tweets {end}"].sentiment for end in ("sank & burned", "swam")]
    reviews = [row for text, row in found.items() if text.startswith("amazon")]
    assert ({"vader:amazon:3"}, 1) == ({row.group for row in reviews}, len({row.split for row in reviews}))
    assert {"train"} == {row.split for text, row in found.items() if text.startswith("nyt")}


def test_emobank(tmp_path):
    """EmoBank's valence of 1 to 5 is centred, scaled and clipped, at a low weight."""
    write(
        tmp_path / "emobank.csv",
        "id,split,V,A,D,text\na,dev,3.6,3,3,The soup was warm.\nb,train,1.2,3,3,The soup sank.\n",
    )
    found = rows(feelings.read_emobank, tmp_path)
    assert pytest.approx(0.4) == found["The soup was warm."].sentiment
    assert (-1.0, 0.3, "train") == tuple(
        getattr(found["The soup sank."], name) for name in ("sentiment", "weight", "split")
    )


def test_goemotions(tmp_path):
    """GoEmotions' rows count where their emotions agree; anger and its kin are frustration."""
    write(tmp_path / "labels.txt", "anger\njoy\nconfusion\nannoyance\n")
    write(tmp_path / "train.tsv", "grr the soup\t0,3\tx1\nodd soup\t2\tx2\nyay but grr\t0,1\tx3\nyay soup\t1\tx4\n")
    write(tmp_path / "dev.tsv", "")
    write(tmp_path / "test.tsv", "")
    found = rows(feelings.read_goemotions, tmp_path)
    assert {"grr the soup": ("negative", 0.6), "yay soup": ("positive", 0.0)} == {
        text: (row.polarity, row.frustration) for text, row in found.items()
    }


def test_senti4sd(tmp_path):
    """Senti4SD's text may hold semicolons and quoted line breaks."""
    write(
        tmp_path / "train3098itemPOLARITY.csv",
        't1;neutral;kill -9; then reboot\nt2;negative;"I hate ""this""\nparser"\n',
    )
    write(tmp_path / "test1326itemPOLARITY.csv", "")
    found = rows(feelings.read_senti4sd, tmp_path)
    assert {"kill -9; then reboot": "neutral", 'I hate "this" parser': "negative"} == {
        t: r.polarity for t, r in found.items()
    }


MESSAGE = {
    "id": "toy-01-001", "text": "the moat is leaking", "language": "en", "labels": ["report_bug"], "out_of_scope": False,
    "explicit": False, "sentiment": -0.2, "frustration": 0.1, "batch": "toy-01", "second_look": True, "split": "test",
}  # fmt: skip


def test_written(tmp_path):
    """Our own messages have exhaustive labels, and a batch is a group."""
    write(tmp_path / "toy.jsonl", json.dumps(MESSAGE) + "\n")
    (found,) = written.read_written(tmp_path)
    assert ("all", "written:toy-01", "test") == (found.known, found.group, found.split)


def test_a_blank_line_of_a_written_file_is_a_mistake(tmp_path):
    """A blank line among our own messages is named by file and line, not skipped."""
    write(tmp_path / "toy.jsonl", json.dumps(MESSAGE) + "\n\n")
    with pytest.raises(SourceError, match=r"toy\.jsonl, line 2"):
        list(written.read_written(tmp_path))


def test_a_text_may_hold_other_separators(tmp_path):
    """Lines end with line feeds alone, so a text with a Unicode line separator stays one row."""
    text = "the moat\u2028is leaking\x85still"
    write(tmp_path / "toy.jsonl", json.dumps(MESSAGE | {"text": text}, ensure_ascii=False) + "\n")
    (found,) = written.read_written(tmp_path)
    assert text == found.text


def test_no_written_messages(tmp_path):
    """No file of our own is no error."""
    assert [] == list(written.read_written(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"), [({"labels": ["moat"]}, "moat; expected labels"), ({"sentiment": -2}, "line 1")]
)
def test_broken_written_message(tmp_path, change, said):
    """A row that doesn't hold is named by file and line."""
    write(tmp_path / "toy.jsonl", json.dumps(MESSAGE | change))
    with pytest.raises(SourceError, match=f"toy.jsonl.*{said}"):
        list(written.read_written(tmp_path))


def test_single_caps():
    """Classes that mean a label have caps of their own, and a share scales every cap upwards to whole rows."""
    caps = ADAPTERS["clinc150"].all_caps("clinc150", 0.033)
    assert (4, 4) == (caps["report_fraud"], caps["oos"])
    assert "play_music" not in caps


def test_corpus_of_answers_is_no_messages(tmp_path, monkeypatch):
    """A corpus without messages is refused by name before anything is read."""
    monkeypatch.setenv("BATON_DATA", str(tmp_path))
    with pytest.raises(SourceError, match="begin holds no messages"):
        load_messages(["begin"])


def test_evaluation_corpus_is_refused(tmp_path, monkeypatch):
    """A corpus for evaluation only can't be loaded by name."""
    monkeypatch.setenv("BATON_DATA", str(tmp_path))
    with pytest.raises(SourceError, match="for evaluation only"):
        load_messages(["tweeteval"])
