"""The same conversations over HTTP and in the library: identical scores and decisions, whichever way they are sent."""

from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from models.bundle import Bundle
from models.contracts import Message, Role
from models.conversation import Conversation
from models.policy.schema import load_policy
from models.scorer import Scorer
from serving.app import create_app
from serving.settings import Settings
from tests.support.tiny_bundle import build_tiny_bundle

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
FACTS = {"customer": {"tier": "enterprise", "language": "en"}, "channel": "web", "context": {"cart": {"total": 120}}}
# model scores, memory, repetition, time and facts all have a say, and random scores reach some of the thresholds
POLICY = """
name: parity
on_error: offer
messages: {escalate: One moment please., offer: "Shall I bring in a colleague?"}
rules:
  - {id: lawyer, priority: 90, when: {keyword: {terms: [lawyer]}}, then: escalate}
  - {id: explicit, priority: 80, when: {explicit: {threshold: 0.995}}, then: escalate}
  - {id: again, priority: 70, when: {repetition: {max_retries: 3, similarity: 0.99}}, then: escalate}
  - {id: long, priority: 60, when: {time: {max_duration_seconds: 900}}, then: escalate}
  - {id: unhappy, priority: 50, when: {sentiment: {below: -0.9}}, then: offer}
  - {id: unsure, priority: 40, when: {confidence: {threshold: 0.02, consecutive_low_turns: 2}}, then: escalate}
  - id: vip
    priority: 30
    when: {all: [{context: {field: customer.tier, equals: enterprise}}, {keyword: {terms: [refund]}}]}
    then: offer
"""
# per message: role, text, and what a draft carries
CONVERSATIONS = {
    "plain": [("customer", "where is my parcel", {}), ("bot", "On its way.", {"passages": ["It left."]})],
    "repeats": [("customer", "where is my parcel", {}), ("bot", "Soon.", {})] * 4,
    "offer": [("customer", "refund please", {}), ("customer", "yes please", {}), ("customer", "hello?", {})],
    "declined": [("customer", "my refund", {}), ("customer", "no thanks", {}), ("customer", "refund", {})],
    "agent": [("customer", "hi", {}), ("agent", "Hello, this is Ana.", {}), ("customer", "my lawyer", {})],
    "languages": [("customer", "ich möchte bitte mit einem Menschen sprechen", {}), ("customer", "ok", {})],
    "odd": [("customer", "😡" * 40, {}), ("customer", "ﬁne\u200b  words\u00a0here", {}), ("customer", "x " * 400, {})],
    "drafts": [
        ("customer", "how long does a refund take", {}),
        ("bot", "Three days.", {"passages": ["a", "b", "c", "d"], "confidence": 0.4}),
        ("customer", "and the parcel", {}),
        ("bot", "I did not understand.", {"fallback": True, "confidence": 0.01}),
        ("customer", "and the parcel now", {}),
        ("bot", "I did not understand.", {"fallback": True, "confidence": 0.01}),
    ],
    "long": [("customer", f"question number {number}", {}) for number in range(20)],
}

every = pytest.mark.parametrize("name", CONVERSATIONS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The tiny bundle and the policy on disk."""
    folder = tmp_path_factory.mktemp("parity")
    (folder / "parity.yaml").write_text(POLICY, encoding="utf-8")
    return build_tiny_bundle(folder / "bundle"), folder / "parity.yaml"


@pytest.fixture
def client(files, tmp_path):
    """A started service on the same bundle and policy."""
    bundle, policy = files
    settings = Settings(bundle=bundle, policy=policy, database_url=f"sqlite:///{tmp_path}/baton.db", threads=2)
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


def bodies_of(name):
    """The messages of a conversation as HTTP bodies, a minute apart."""
    return [
        {"id": f"m-{n}", "role": role, "text": text, "at": (START + timedelta(minutes=n)).isoformat(), **extra}
        for n, (role, text, extra) in enumerate(CONVERSATIONS[name])
    ]


def in_the_library(files, name):
    """What the library says of every message of a conversation."""
    bundle, policy = files
    conversation = Conversation(Scorer(Bundle.load(bundle)), load_policy(policy), **FACTS)
    messages = [
        Message(
            **(body | {"role": Role(body["role"]), "at": datetime.fromisoformat(body["at"])})
            | ({"passages": tuple(body["passages"])} if "passages" in body else {})
        )
        for body in bodies_of(name)
    ]
    return [summary_of_played(conversation.take(message)) for message in messages]


def summary_of_played(played):
    """Decision and scores of the library in the words of HTTP."""
    decision, scores = played.decision, played.scores
    listed = [entry for entry in (scores.intents if scores and scores.intents else ()) if entry.probability >= 0.05]
    return {
        "phase": decision.phase.value,
        "decision": decision.decision.value,
        "reasons": [(reason.code.value, reason.rule_id) for reason in decision.reasons],
        "sentence": decision.reason.sentence if decision.reason else None,
        "text": decision.text,
        "action": decision.action,
        "suppressed": decision.suppressed.value if decision.suppressed else None,
        "degraded": list(decision.degraded),
        "triggers": [
            (report.rule_id, report.name, report.status.value, rounded(report.value)) for report in decision.triggers
        ],
        "flips": [(flip.what, flip.decision.value) for flip in decision.would_flip_if],
        "intents": [(entry.label, entry.probability) for entry in listed],
        "explicit": scores.explicit if scores else None,
        "sentiment": scores.sentiment.score if scores and scores.sentiment else None,
        "confidence": scores.confidence if scores else None,
    }


def summary_of_answer(answer):
    """The same of an answer over HTTP."""
    scores = answer["scores"]
    return {
        **{name: answer[name] for name in ("phase", "decision", "text", "action", "suppressed", "degraded")},
        "reasons": [(reason["code"], reason["rule_id"]) for reason in answer["reasons"]],
        "sentence": answer["reason"]["sentence"] if answer["reason"] else None,
        "triggers": [
            (report["rule_id"], report["name"], report["status"], report["value"]) for report in answer["triggers"]
        ],
        "flips": [(flip["what"], flip["decision"]) for flip in answer["would_flip_if"]],
        "intents": [(entry["label"], entry["probability"]) for entry in scores["intents"] or ()],
        "explicit": scores["explicit"],
        "sentiment": scores["sentiment"]["score"] if scores["sentiment"] else None,
        "confidence": scores["confidence"],
    }


def rounded(value):
    """A number as answers show it."""
    return round(value, 6) if isinstance(value, float) else value


def post(client, path, body):
    """The answer to a request that must succeed."""
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@every
def test_one_message_at_a_time(client, files, name):
    """Sent one by one under a conversation id, every message is scored and decided as in the library."""
    answers = [
        post(client, "/v1/score", {"conversation_id": f"c-{name}", "message": body, **FACTS})
        for body in bodies_of(name)
    ]
    assert [summary_of_answer(answer) for answer in answers] == in_the_library(files, name)


@every
def test_with_the_history_in_the_request(client, files, name):
    """Sent without memory, each with what came before, every message is scored and decided as in the library."""
    bodies = bodies_of(name)
    answers = [
        post(client, "/v1/score", {"message": body, "history": bodies[:number], **FACTS})
        for number, body in enumerate(bodies)
    ]
    assert [summary_of_answer(answer) for answer in answers] == in_the_library(files, name)


def test_all_conversations_in_one_batch(client, files):
    """Sent all at once, interleaved, every message is scored and decided as in the library."""
    rows = [(number, name, body) for name in CONVERSATIONS for number, body in enumerate(bodies_of(name))]
    rows.sort(key=lambda row: row[0])
    items = [{"conversation_id": f"c-{name}", "message": body, **FACTS} for _, name, body in rows]
    results = post(client, "/v1/score:batch", {"items": items})["results"]
    found = {name: [] for name in CONVERSATIONS}
    for (_, name, _), result in zip(rows, results, strict=True):
        found[name].append(summary_of_answer(result))
    assert found == {name: in_the_library(files, name) for name in CONVERSATIONS}


def test_the_conversations_are_worth_comparing(files):
    """Between them they continue, offer and escalate, for several reasons, so that agreement means something."""
    played = [entry for name in CONVERSATIONS for entry in in_the_library(files, name)]
    assert {entry["decision"] for entry in played} == {"continue", "offer", "escalate"}
    assert len({rule for entry in played for rule in entry["reasons"]}) >= 5
    assert {entry["phase"] for entry in played} == {"pre", "post"}
