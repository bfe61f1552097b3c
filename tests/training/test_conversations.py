"""Playing labelled conversations: every message scored once, decisions counted where the gold labels mark them."""

import json
import math
from pathlib import Path

import pytest

from models.bundle import Bundle
from models.contracts import Scores
from models.policy.schema import parse_policy
from models.scorer import Scorer
from tests.support.tiny_bundle import build_tiny_bundle
from training.thresholds.conversations import (
    Labelled,
    compare,
    floors,
    measure,
    play,
    read_conversations,
    score_conversations,
    table,
    transfer_within_tolerance,
)

HUMAN = parse_policy(
    "name: human\nrules:\n- {id: word, then: escalate, when: {keyword: {terms: [human]}}}\n"
    "- {id: second, then: escalate, when: {repetition: {max_fallbacks: 2}}}\n", "human"
)  # fmt: skip


def turn(role: str, text: str, gold: str | None = None, **fields) -> dict:
    """One written turn."""
    own = {"gold": gold, "reason": None if gold == "continue" else "explicit_request"} if role == "customer" else {}
    return {
        "role": role,
        "text": text,
        **own,
        "dialogue": [],
        **({"fallback": False} if role == "bot" else {}),
        **fields,
    }


def written(tmp_path: Path, *turns: dict, split: str = "tune") -> list[Labelled]:
    """A conversation as it is read, with empty scores."""
    record = {"id": "c-01-001", "batch": "c-01", "language": "en", "turns": list(turns), "split": split}
    (tmp_path / "c.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    return [
        Labelled(one.id, one.language, one.messages, one.gold, one.reasons, tuple(Scores() for _ in one.messages))
        for one in read_conversations("tune", tmp_path)
    ]


def test_a_decision_stands_with_its_message(tmp_path: Path):
    """Gold and prediction are compared after each customer message; a handoff silences the rest."""
    conversation = written(
        tmp_path,
        turn("customer", "where is it", "continue"),
        turn("bot", "On its way."),
        turn("customer", "a human please", "escalate"),
        turn("customer", "human??", "continue"),
    )[0]
    assert [(row.gold, row.predicted) for row in play(conversation, HUMAN)] == [
        ("continue", "continue"), ("escalate", "escalate"), ("continue", "continue"),
    ]  # fmt: skip


def test_a_decision_on_the_bots_draft_counts_with_the_next_message(tmp_path: Path):
    """The gold labels mark a second fallback where the customer answers it."""
    conversation = written(
        tmp_path,
        turn("customer", "flurb", "continue"),
        turn("bot", "Sorry?", fallback=True),
        turn("customer", "flurb!", "continue"),
        turn("bot", "Sorry?", fallback=True),
        turn("customer", "useless", "escalate"),
    )[0]
    assert [row.predicted for row in play(conversation, HUMAN)] == ["continue", "continue", "escalate"]


def test_a_decision_behind_the_last_message_counts_with_it(tmp_path: Path):
    """Where the customer never answers, the draft's decision belongs to what it answered."""
    conversation = written(
        tmp_path,
        turn("customer", "flurb", "continue"),
        turn("bot", "Sorry?", fallback=True),
        turn("customer", "flurb!", "escalate"),
        turn("bot", "Sorry?", fallback=True),
    )[0]
    assert [row.predicted for row in play(conversation, HUMAN)] == ["continue", "escalate"]


def test_the_stronger_of_two_decisions_counts(tmp_path: Path):
    """An offer on the bot's draft doesn't hide that the customer's next message escalates."""
    policy = parse_policy(
        "name: p\nrules:\n- {id: word, then: escalate, when: {keyword: {terms: [human]}}}\n"
        "- {id: first, then: offer, when: {repetition: {max_fallbacks: 1}}}\n", "p"
    )  # fmt: skip
    conversation = written(
        tmp_path,
        turn("customer", "flurb", "continue"),
        turn("bot", "Sorry?", fallback=True),
        turn("customer", "a human then", "escalate"),
    )[0]
    assert [(row.predicted, row.blame) for row in play(conversation, policy)][1] == ("escalate", "word")


def test_what_taught_the_networks_is_not_tuned_on(tmp_path: Path):
    """The conversations that the networks learned from are nobody's to tune on."""
    record = {"id": "services-01-001", "batch": "services-01", "language": "en", "split": "tune", "turns": [
        {"role": "customer", "text": "hi", "gold": "continue", "reason": None, "dialogue": []}]}  # fmt: skip
    for name in ("services", "travel"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(record | {"id": f"{name}-01-001"}) + "\n", encoding="utf-8")
    assert [one.id for one in read_conversations("tune", tmp_path)] == ["travel-01-001"]


def test_the_other_half_is_not_read(tmp_path: Path):
    """Tuning never sees the held-out half."""
    assert written(tmp_path, turn("customer", "hi", "continue"), split="held_out") == []


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [([], [], 1.0), ([3], [], 0.0), ([], [3], 0.0), ([3], [3], 1.0), ([4], [3], math.exp(-0.5)), ([2, 3], [3], (1 + math.exp(-0.5)) / 2)],
)  # fmt: skip
def test_transfer_within_tolerance_is_as_defined(predicted, gold, expected):
    """Its formula at tolerance 1, with both cases of silence."""
    assert transfer_within_tolerance(predicted, gold, 1) == pytest.approx(expected, abs=1e-5)


def test_needless_and_missed_handoffs_are_counted(tmp_path: Path):
    """A handoff where gold has none is needless; none where gold has one is missed; blame names the rule."""
    needless = written(tmp_path, turn("customer", "human resources?", "continue"))
    missed = written(tmp_path, turn("customer", "somebody real", "escalate"))
    found = measure([*needless, *missed], HUMAN)
    assert (found["needless_per_100"]["value"], found["missed"]) == (100, 1)
    assert {entry["blame"] for entry in found["confusions"]} == {"word", "explicit_request"}


def test_the_floors_are_what_they_are_called(tmp_path: Path):
    """Never hands nothing over, always hands everything over, and the table shows each policy."""
    conversations = written(tmp_path, turn("customer", "hello", "continue"), turn("customer", "manager!", "escalate"))
    figures = compare(conversations, HUMAN)
    assert set(figures) == {"human", *(f"({name})" for name in floors())}
    assert figures["(never)"]["missed"] == 1
    assert figures["(always)"]["needless_per_100"]["value"] is None
    assert [row.predicted for row in play(conversations[0], floors()["always"])] == ["escalate", "continue"]
    assert [row.predicted for row in play(conversations[0], floors()["keywords"])] == ["continue", "escalate"]
    assert table(figures).count("\n") == 6


def test_every_message_is_scored_in_its_conversation(tmp_path: Path):
    """Scores come from the real scorer, with the bot's message before a customer's."""
    scorer = Scorer(Bundle.load(build_tiny_bundle(tmp_path / "bundle")))
    conversation = written(
        tmp_path,
        turn("customer", "hi there", "continue"),
        turn("bot", "hello"),
        turn("customer", "an agent", "escalate"),
    )
    scored = score_conversations(scorer, conversation)[0]
    assert [scores is not None for scores in scored.scores] == [True, True, True]
    assert scored.scores[0].dialogue is None
    assert {entry.label for entry in scored.scores[2].dialogue} == {"not_helped", "insists", "resolved"}
