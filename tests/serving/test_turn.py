"""The spine: what is recorded of a turn is enough to take its decision again."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise

import httpx2
import pytest

from models.bundle import Bundle
from models.contracts import Action, Decision, Flip, Message, Phase, Role
from models.conversation import Prepared
from models.policy.engine import Turn, decide
from models.policy.schema import default_policy
from models.policy.state import from_json, to_json
from models.scorer import Scorer
from serving.api.answers import render
from serving.app import create_app
from serving.assignments import Assignments
from serving.documents import Documents, Which
from serving.inference import Batcher
from serving.policies import Document, Policies, shipped
from serving.store.policies import EVERY_BOT
from serving.telemetry import Metrics
from serving.turn.handle import Turns
from serving.turn.joined import join
from serving.turn.rows import scores_from_json
from serving.turn.values import Ask

TALK = ["hello", "where is my order?", "Where is my order???", "this is useless", "get me a real person!", "thanks"]


def rows(database, query):
    """Return the rows of a query as dictionaries."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(query)]
    connection.close()
    return found


@pytest.fixture
def recorded(client, say, tmp_path):
    """Turns of one conversation, as they were recorded."""
    for n, text in enumerate(TALK):
        body = say(text, f"m-{n}", customer={"tier": "enterprise", "language": "de"}, channel="web", context={"n": n})
        assert client.post("/v1/score", json=body).status_code == 200
    query = "SELECT d.*, m.text, m.role, m.at, m.scores FROM decisions d JOIN messages m ON m.id = d.message_id ORDER BY d.position"
    return rows(tmp_path / "baton.db", query)


def test_a_decision_can_be_taken_again_from_its_record(recorded):
    """State, message, scores and request as recorded give the recorded decision, and the next turn's state, bit for bit."""
    policy = default_policy()
    for row, after in pairwise(recorded):
        message = Message(
            id=row["message_id"],
            role=Role(row["role"]),
            text=row["text"],
            at=datetime.fromisoformat(row["at"] + "+00:00"),
        )
        scores = scores_from_json(row["scores"])
        turn = Turn(message=message, scores=scores, **json.loads(row["request"]))
        outcome = decide(turn, from_json(json.loads(row["state_before"])), policy)
        answer = json.loads(row["response"])

        assert outcome.decision.decision == answer["decision"] == row["action"]
        assert [reason.rule_id for reason in outcome.decision.reasons] == [it["rule_id"] for it in answer["reasons"]]
        assert [report.margin is None for report in outcome.decision.triggers] == [
            report["margin"] is None for report in answer["triggers"]
        ]
        assert json.loads(after["state_before"]) == to_json(outcome.state)


def test_a_record_names_policy_and_bundle(recorded):
    """Each record has the policy's label and fingerprint, and the bundle's label."""
    policy = default_policy()

    assert {(policy.label, policy.fingerprint(), "tiny-1")} == {
        (row["policy"], row["policy_fingerprint"], row["bundle"]) for row in recorded
    }


def test_ids_of_decisions_sort_by_time(recorded):
    """A later decision has a greater id."""
    ids = [row["id"] for row in recorded]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_a_stuck_database_keeps_nobody_for_long(make_settings, say, tmp_path):
    """While another process locks the database, every caller is answered 503 soon, however many they are."""
    app = create_app(make_settings(database_timeout_seconds=0.2))

    async def send():
        async with app.router.lifespan_context(app):
            other = sqlite3.connect(tmp_path / "baton.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
                started = time.monotonic()
                bodies = [say(conversation_id=f"c-{n}") for n in range(60)]
                answers = await asyncio.gather(*(client.post("/v1/score", json=body) for body in bodies))
                seconds = time.monotonic() - started
            other.close()
        return answers, seconds

    answers, seconds = asyncio.run(send())
    assert {503} == {answer.status_code for answer in answers}
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert seconds < 4


def test_a_state_of_another_release_is_not_guessed_at(client, say, tmp_path):
    """A recorded state that this release can't read is an error that says so; it isn't taken for a new conversation."""
    client.post("/v1/score", json=say())
    with sqlite3.connect(tmp_path / "baton.db") as database:
        database.execute("UPDATE conversations SET state = json_set(state, '$.version', 99)")
    database.close()
    response = client.post("/v1/score", json=say("and now?", "m-2"))

    assert response.status_code == 503
    assert "another release" in response.json()["detail"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.CONTINUE, ["scores.frustration", "scores.confidence", "scores.explicit"]),
        (Action.OFFER, ["scores.confidence", "scores.topics.x"]),
    ],
)
def test_a_joined_decision_names_what_flips_it(action, expected):
    """The smallest three changes of message and draft flip a ``continue``; any other decision is the draft's alone."""

    def decision(phase, decided, *flips):
        found = (Flip(what=what, value=0.5, to=to, decision=Action.ESCALATE) for what, to in flips)
        return Decision(phase=phase, decision=decided, would_flip_if=tuple(found))

    flips = [("scores.frustration", 0.6), ("scores.explicit", 0.8)]
    pre = decision(Phase.PRE, Action.CONTINUE, *flips)
    post = decision(Phase.POST, action, ("scores.confidence", 0.3), ("scores.topics.x", 0.9))
    assert expected == [flip.what for flip in join(pre, post).would_flip_if]


SHOP = "name: shop\nrules:\n  - {id: lawyer, when: {keyword: {terms: [lawyer]}}, then: escalate}\n"


class Service:
    """The parts of a service below HTTP, and a way to say something."""

    def __init__(self, store, bundle, **policies):
        self.scorer = Scorer(Bundle.load(bundle))
        self.policies = Policies(self.scorer, base=shipped(), shipped=shipped(), **policies)
        self.documents = Documents(store, self.policies, own=(shipped(),))
        self.assignments = Assignments(store, self.policies)
        self.metrics = Metrics()
        self.batcher = Batcher(self.scorer, token_budget=128, queue_limit=999, metrics=self.metrics)
        self.turns = Turns(
            store=store,
            batcher=self.batcher,
            policies=self.policies,
            bundle="tiny-1",
            render=render,
            metrics=self.metrics,
            limit=999,
        )

    def create(self, text=SHOP):
        """Store a document and return it."""
        return self.documents.create(Document.read(text, source_type="application/yaml", name="policy"))[0].stored

    @asynccontextmanager
    async def running(self):
        """Score messages."""
        self.batcher.start()
        yield
        await self.batcher.stop()
        self.scorer.close()

    async def say(self, text, number=0, conversation_id="c-1", bot_id="default"):
        """Say something as a customer and return the answer."""
        message = Message(id=f"m-{number}", role=Role.CUSTOMER, text=text, at=datetime.now(UTC))
        return json.loads(await self.turns.handle(Ask(bot_id=bot_id, conversation_id=conversation_id, message=message)))


@pytest.fixture
def service(store, tiny_bundle):
    """A service that isn't running."""
    return Service(store, tiny_bundle)


def test_a_shadow_that_fails_costs_no_turn(service, tmp_path, caplog):
    """When the shadow's rules break, the turn is answered as without it, and the failure is logged and counted."""
    active, shadow = service.create(), service.create(SHOP.replace("shop", "shadow"))
    service.assignments.activate("shop", Which(), bot_id=EVERY_BOT)
    service.assignments.shadow("shadow", Which(), bot_id=EVERY_BOT)
    broken = service.policies._kept[shadow.fingerprint].policy.model_copy()
    broken.__dict__["program"] = {}  # compiled rules without their phases can't decide anything
    service.policies._kept[shadow.fingerprint] = Prepared(broken, None)

    async def run():
        async with service.running():
            return [await service.say(text, n) for n, text in enumerate(["hello", "my lawyer will call"])]

    with caplog.at_level(logging.ERROR, "baton"):
        answers = asyncio.run(run())
    told = service.assignments.compare(EVERY_BOT, limit=9)
    assert [("continue", []), ("escalate", [])] == [(answer["decision"], answer["degraded"]) for answer in answers]
    assert {active.label} == {answer["versions"]["policy"] for answer in answers}
    assert [("continue", None, 1), ("escalate", None, 1)] == [
        (one.action, one.shadow_action, one.n) for one in told.agreements
    ]
    assert () == told.differences
    assert 2 == sum(record.message == "shadow.failed" for record in caplog.records)


def test_a_document_is_made_ready_once_for_all_turns_that_wait(store, tiny_bundle, caplog):
    """Turns that come together under a document that isn't ready yet wait for one making, and all are decided by it."""
    elsewhere, here = Service(store, tiny_bundle), Service(store, tiny_bundle)
    stored = elsewhere.create()
    elsewhere.assignments.activate("shop", Which(), bot_id=EVERY_BOT)
    elsewhere.scorer.close()

    async def run():
        async with here.running():
            return await asyncio.gather(*(here.say("hi", conversation_id=f"c-{n}") for n in range(30)))

    caplog.clear()
    with caplog.at_level(logging.INFO, "baton"):
        answers = asyncio.run(run())
    assert {stored.label} == {answer["versions"]["policy"] for answer in answers}
    assert 1 == sum(record.message == "policy.ready" for record in caplog.records)


def test_a_document_is_made_ready_once_for_all_threads_that_want_it(store, tiny_bundle, caplog):
    """Two callers that activate a document at once share one making of it."""
    elsewhere, here = Service(store, tiny_bundle), Service(store, tiny_bundle)
    stored = elsewhere.create()
    make_ready = here.policies.make_ready

    def slowly(policy):
        time.sleep(0.3)
        return make_ready(policy)

    here.policies.make_ready = slowly

    def activate(bot):
        return here.assignments.activate("shop", Which(), bot_id=bot).active.stored

    with caplog.at_level(logging.INFO, "baton"), ThreadPoolExecutor(2) as threads:
        found = list(threads.map(activate, ["a", "b"]))
    assert [stored, stored] == found
    assert 1 == sum(record.message == "policy.ready" for record in caplog.records)


def test_no_turn_waits_for_a_shadow(store, tiny_bundle):
    """While a shadow that another process began is made ready, turns are answered without it; then it is compared."""
    elsewhere, here = Service(store, tiny_bundle), Service(store, tiny_bundle)
    elsewhere.create(SHOP.replace("shop", "shadow"))
    elsewhere.assignments.shadow("shadow", Which(), bot_id=EVERY_BOT)
    may_end, make_ready = threading.Event(), here.policies.make_ready

    def slowly(policy):
        assert may_end.wait(20)
        return make_ready(policy)

    here.policies.make_ready = slowly

    async def run():
        async with here.running():
            first = await here.say("hi", 0)
            may_end.set()
            await asyncio.gather(*here.policies._under_way.values())
            return first, await here.say("hi", 1)

    answers = asyncio.run(asyncio.wait_for(run(), 15))
    assert ["m-0", "m-1"] == [answer["message_id"] for answer in answers]
    assert 1 == sum(one.n for one in here.assignments.compare(EVERY_BOT, limit=9).agreements)


def test_the_database_is_not_locked_while_a_document_is_made_ready(store, tiny_bundle):
    """A change for a bot whose active policy this process doesn't have ready yet lets others write meanwhile."""
    elsewhere, here = Service(store, tiny_bundle), Service(store, tiny_bundle)
    elsewhere.create()
    elsewhere.create(SHOP.replace("shop", "shadow"))
    elsewhere.assignments.activate("shop", Which(), bot_id="b")
    made, make_ready = [], here.policies.make_ready

    def watched(policy):
        made.append((policy.name, store._writer.locked()))
        return make_ready(policy)

    here.policies.make_ready = watched
    here.assignments.shadow("shadow", Which(), bot_id="b")
    assert [("shadow", False), ("shop", False)] == made


def test_more_policies_than_are_kept_decide_all_the_same(store, tiny_bundle):
    """Of many policies only those used last stay ready; a policy that was dropped is made ready again."""
    service = Service(store, tiny_bundle, kept=2)
    labels = {}
    for n in range(5):
        labels[f"b-{n}"] = service.create(SHOP.replace("lawyer", f"term{n}")).label
        service.assignments.activate("shop", Which(), bot_id=f"b-{n}")

    async def run():
        async with service.running():
            rounds = [[await service.say("hi", n, bot_id=bot) for bot in labels] for n in range(2)]
        return [answer for answers in rounds for answer in answers]

    answers = asyncio.run(run())
    assert [*labels.values()] * 2 == [answer["versions"]["policy"] for answer in answers]
    assert [[]] * 10 == [answer["degraded"] for answer in answers]
    assert 2 == len(service.policies._kept)


def test_a_caller_who_goes_away_leaves_the_making_to_others(store, tiny_bundle):
    """Whoever stops waiting for a document stops for itself alone."""
    elsewhere, here = Service(store, tiny_bundle), Service(store, tiny_bundle)
    stored = elsewhere.create()
    elsewhere.assignments.activate("shop", Which(), bot_id=EVERY_BOT)
    elsewhere.scorer.close()

    async def run():
        async with here.running():
            gone = asyncio.create_task(here.say("hi", conversation_id="c-0"))
            stays = asyncio.create_task(here.say("hi", conversation_id="c-1"))
            while not here.policies._under_way:  # noqa: ASYNC110 - there is no event for that
                await asyncio.sleep(0)
            gone.cancel()
            return (await stays)["versions"]["policy"]

    assert stored.label == asyncio.run(run())
