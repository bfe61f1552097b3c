"""Which policy decides for whom: from the next turn on, in every process, and no turn is lost."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3

import httpx2
import pytest
from starlette.testclient import TestClient

from models.policy.schema import default_policy
from serving.app import create_app
from tests.serving.api.conftest import words

TEXT = "name: shop\nrules: []\n"


def test_an_activated_policy_decides_from_the_next_turn_on(create, activate, decide):
    """L-50: a whole policy, of name and rules only, takes over when it is activated; every answer names what decided."""
    created = create(words("shop", "lawyer"))
    before = decide()
    activate("shop")
    after = decide()

    assert default_policy().label == before["versions"]["policy"]
    assert created["label"] == after["versions"]["policy"]
    assert ("escalate", "lawyer") == (after["decision"], after["reason"]["rule_id"])


def test_a_bot_has_its_own_policy_or_that_of_every_bot(client, create, activate, decide):
    """A bot's own policy comes before that of every bot, whichever was activated later; without one it falls back."""
    mine, everybodys = create(words("mine", "lawyer")), create(words("everybodys"))
    activate("mine", bot_id="b-1")
    activate("everybodys")

    def who(bot_id):
        return decide(bot_id=bot_id)["versions"]["policy"]

    assert [mine["label"], everybodys["label"]] == [who("b-1"), who("b-2")]
    assert client.delete("/v1/bots/b-1/policy").json()["active"]["label"] == everybodys["label"]
    assert everybodys["label"] == who("b-1")
    assert client.delete("/v1/bots/policy").json()["active"]["scope"] == "start"
    assert default_policy().label == who("b-1") == who("b-2")


def test_stateless_calls_and_dry_runs_are_decided_by_the_same_policy(create, activate, decide):
    """Whatever isn't recorded is decided by the active policy too, its history included."""
    created = create(words("shop", "lawyer"))
    activate("shop")
    history = [{"id": "m-0", "role": "customer", "text": "my lawyer"}]
    stateless = decide("and now?", conversation_id=None, history=history)

    assert created["label"] == decide(dry_run=True)["versions"]["policy"] == stateless["versions"]["policy"]
    assert stateless["suppressed"] == "handoff_pending"


def test_a_conversation_goes_on_under_another_policy(create, activate, decide):
    """A policy changes in the middle of a conversation; what was remembered stays."""
    create(words("quiet"))
    create(words("shop", "lawyer"))
    activate("quiet")
    first = decide(conversation_id="c-1", message_id="m-1", text="hello")
    activate("shop")
    second = decide(conversation_id="c-1", message_id="m-2")
    again = decide(conversation_id="c-1", message_id="m-1", text="hello")

    assert second["decision"] == "escalate"
    assert first == again


def test_another_process_sees_an_activation_at_once(make_settings, client, say, create):
    """Services that share a database share what is active; nobody is told, everybody reads it."""
    created = create(words("shop", "lawyer"))
    with TestClient(create_app(make_settings()), base_url="http://localhost") as other:
        before = other.post("/v1/score", json=say()).json()
        client.post("/v1/policies/shop/activate", json={"version": 1})
        after = other.post("/v1/score", json=say(message_id="m-2")).json()

    assert [default_policy().label, created["label"]] == [one["versions"]["policy"] for one in (before, after)]


def test_an_activation_survives_a_restart(make_settings, say):
    """What was activated decides after the service was started anew, also with another policy to start with."""
    with TestClient(create_app(make_settings()), base_url="http://localhost") as first:
        label = first.post("/v1/policies", json=words("shop", "lawyer")).json()["label"]
        first.post("/v1/policies/shop/activate", json={"version": 1})
    with TestClient(create_app(make_settings()), base_url="http://localhost") as second:
        assert label == second.post("/v1/score", json=say()).json()["versions"]["policy"]
        assert label == second.get("/v1/models").json()["policy"]["label"]


def test_the_policy_of_the_start_is_stored_too(make_settings, tmp_path):
    """BATON_POLICY decides where nothing was activated, and can be listed, read and compared like any other."""
    (tmp_path / "own.yaml").write_text(TEXT, encoding="utf-8")
    with TestClient(create_app(make_settings(policy=tmp_path / "own.yaml")), base_url="http://localhost") as client:
        found = client.get("/v1/policies/shop").json()
        names = [one["name"] for one in client.get("/v1/policies").json()["policies"]]

    assert TEXT == found["source"]
    assert [{"bot_id": None, "since": None}] == found["active"]
    assert ["default", "shop"] == names


@pytest.mark.parametrize("bot_id", ["shop", "a/b", "policy", "böt 1", "x/policy", "?#&"])
def test_any_bot_can_have_a_policy(client, create, activate, decide, bot_id):
    """Whatever a bot's id looks like, its policy can be set, read and taken away."""
    create(words("shop", "lawyer"))
    path = f"/v1/bots/{httpx2.URL(params={'x': bot_id}).query.decode()[2:].replace('+', '%20')}/policy"
    activate("shop", bot_id=bot_id)

    assert (bot_id, "bot") == (client.get(path).json()["bot_id"], client.get(path).json()["active"]["scope"])
    assert "escalate" == decide(bot_id=bot_id)["decision"]
    assert client.delete(path).json()["active"]["scope"] == "start"


def test_nothing_moves_when_another_policy_is_active_than_expected(client, create, activate, decide):
    """With `expected` an activation is compare-and-swap; sent again after it worked, it is the same answer."""
    one, two = create(words("shop", "lawyer")), create(words("shop", "refund"))
    start = default_policy().label
    wrong = client.post("/v1/policies/shop/activate", json={"version": 1, "expected": two["label"]})
    assert 409 == wrong.status_code
    assert start in wrong.json()["detail"]
    assert start == decide()["versions"]["policy"]

    first = activate("shop", 1, expected=start)
    again = activate("shop", 1, expected=start)
    assert first == again
    assert one["label"] == decide()["versions"]["policy"]
    assert two["label"] == activate("shop", 2, expected=one["label"])["active"]["label"]


def test_expected_means_what_decides_for_the_bot(client, create, activate):
    """For a bot without its own policy that is the policy of every bot."""
    everybodys = create(words("shop"))
    activate("shop")
    sent = {"version": 1, "bot_id": "b-1"}

    wrong = client.post("/v1/policies/shop/activate", json=sent | {"expected": default_policy().label})
    assert 409 == wrong.status_code
    activate("shop", bot_id="b-1", expected=everybodys["label"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "version or fingerprint"),
        ({"version": 1, "fingerprint": "a" * 8}, "version or fingerprint"),
        ({"fingerprint": "a" * 7}, "fingerprint"),
        ({"fingerprint": "xyz"}, "fingerprint"),
        ({"version": 0}, "version"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": 10**30}, "version"),
        ({"version": 1, "bot": "x"}, "no such field"),
        ({"version": 1, "bot_id": ""}, "bot_id"),
        ({"version": 1, "bot_id": "x" * 257}, "bot_id"),
    ],
)
def test_a_wrong_activation_is_refused(client, create, body, expected):
    """Fields that are missing, unknown or wrong are named; nothing changes."""
    create(words("shop"))
    for path in ("activate", "shadow"):
        response = client.post(f"/v1/policies/shop/{path}", json=body)

        assert 422 == response.status_code, response.text
        assert expected in response.json()["detail"]
    assert "start" == client.get("/v1/bots/policy").json()["active"]["scope"]


@pytest.mark.parametrize("path", ["activate", "shadow"])
@pytest.mark.parametrize("body", [{"version": 2}, {"fingerprint": "0" * 64}])
def test_what_is_not_stored_is_not_activated(client, create, path, body):
    """A version or a fingerprint that isn't there is 404."""
    create(words("shop"))
    assert 404 == client.post(f"/v1/policies/shop/{path}", json=body).status_code
    assert 404 == client.post(f"/v1/policies/nothing/{path}", json={"version": 1}).status_code


def test_the_history_says_what_was_active_when(client, create, activate):
    """Every period is kept, newest first, with its beginning and its end."""
    create(words("shop", "lawyer"))
    create(words("shop", "refund"))
    activate("shop", 1, bot_id="b-1")
    activate("shop", 2, bot_id="b-1")
    activate("shop", 2, bot_id="b-1")
    client.post("/v1/policies/shop/shadow", json={"version": 1, "bot_id": "b-1"})
    client.delete("/v1/bots/b-1/policy/shadow")
    history = client.get("/v1/bots/b-1/policy").json()["history"]

    assert [("shadow", 1, True), ("active", 2, False), ("active", 1, True)] == [
        (period["role"], period["version"], period["until"] is not None) for period in history
    ]
    assert history[2]["until"] == history[1]["since"]


def test_an_activation_is_logged(create, activate, caplog):
    """Who looks at the log sees what was activated, for whom, and what it took the place of."""
    created = create(words("shop"))
    with caplog.at_level(logging.INFO, "baton"):
        activate("shop", bot_id="b-1")
        activate("shop", bot_id="b-1")

    [line] = [record.fields for record in caplog.records if record.message == "policy.activated"]
    assert {"bot_id": "b-1", "policy": created["label"], "version": 1, "before": default_policy().label} == line


# while turns run


def test_no_turn_is_lost_while_a_policy_is_activated(make_settings, say):
    """Turns before, during and after an activation are all answered, by the old policy or the new; after it, by the new one."""
    app = create_app(make_settings())

    async def run():
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            label = (await client.post("/v1/policies", json=words("shop", "lawyer"))).json()["label"]

            async def turn(n):
                return await client.post("/v1/score", json=say(f"message {n}", conversation_id=f"c-{n}"))

            early = [asyncio.create_task(turn(n)) for n in range(150)]
            await asyncio.sleep(0.05)
            activation = asyncio.create_task(client.post("/v1/policies/shop/activate", json={"version": 1}))
            meanwhile = [asyncio.create_task(turn(n)) for n in range(150, 200)]
            assert 200 == (await activation).status_code
            late = [await turn(n) for n in range(200, 210)]
            return label, await asyncio.gather(*early, *meanwhile), late

    label, during, late = asyncio.run(run())
    assert {200} == {answer.status_code for answer in (*during, *late)}
    assert {label, default_policy().label} >= {answer.json()["versions"]["policy"] for answer in during}
    assert {label} == {answer.json()["versions"]["policy"] for answer in late}


def test_activations_at_the_same_moment_leave_one_active(make_settings):
    """Many activations at once are all answered, and one policy is active in the end; with `expected` only one succeeds."""
    app = create_app(make_settings(database_timeout_seconds=20))

    async def run():
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            for term in ("a", "b", "c", "d"):
                await client.post("/v1/policies", json=words("shop", term))

            async def activate(version, **more):
                return await client.post("/v1/policies/shop/activate", json={"version": version} | more)

            swaps = await asyncio.gather(*(activate(n, expected=default_policy().label) for n in (1, 2, 3, 4)))
            free = await asyncio.gather(*(activate(n % 4 + 1) for n in range(20)))
            return swaps, free, (await client.get("/v1/bots/policy")).json()

    swaps, free, after = asyncio.run(run())
    assert [200, 409, 409, 409] == sorted(answer.status_code for answer in swaps)
    assert {200} == {answer.status_code for answer in free}
    assert 1 == sum(period["until"] is None for period in after["history"])
    assert after["active"]["version"] == after["history"][0]["version"]


# documents of another release


@pytest.fixture
def unreadable(make_settings, tmp_path):
    """Settings of a service whose active policy another release wrote, in terms that this one doesn't know; its shadow too."""
    with TestClient(create_app(make_settings()), base_url="http://localhost") as client:
        client.post("/v1/policies", json=words("shop", "lawyer"))
        for path in ("activate", "shadow"):
            client.post(f"/v1/policies/shop/{path}", json={"version": 1})
    with sqlite3.connect(tmp_path / "baton.db") as database:
        document = json.dumps(words("shop", "lawyer", telepathy=1))
        database.execute("UPDATE policies SET document = ?, source = ? WHERE name = 'shop'", (document, document))
    database.close()
    return make_settings()


def test_a_document_that_can_not_be_read_does_not_stop_the_service(unreadable, say, caplog):
    """The shipped policy decides in its place, every answer says so, and the log says once what can't be read."""
    caplog.set_level(logging.ERROR, "baton")
    with TestClient(create_app(unreadable), base_url="http://localhost") as client:
        answers = [client.post("/v1/score", json=say(message_id=f"m-{n}")).json() for n in range(3)]
        metrics = client.get("/metrics").text
        told = client.get("/v1/bots/policy").json()

    assert [["policy"]] * 3 == [answer["degraded"] for answer in answers]
    assert {default_policy().label} == {answer["versions"]["policy"] for answer in answers}
    assert 'baton_degraded_total{what="policy"} 3.0' in metrics
    assert "can't read" in told["active"]["problem"]
    [line] = [record.fields for record in caplog.records if record.message == "policy.unreadable"]
    assert "telepathy" in line["problem"]
    assert "can't read" in told["shadow"]["problem"]


def test_a_document_that_can_not_be_read_can_be_replaced(unreadable, say):
    """It is listed and shown as it was stored, isn't activated again, and another one takes its place."""
    with TestClient(create_app(unreadable), base_url="http://localhost") as client:
        shown = client.get("/v1/policies/shop")
        refused = client.post("/v1/policies/shop/activate", json={"version": 1, "bot_id": "b-1"})
        client.post("/v1/policies", json=words("shop", "refund"))
        client.post("/v1/policies/shop/activate", json={"version": 2})
        after = client.post("/v1/score", json=say("a refund")).json()

    assert 1 == shown.json()["document"]["telepathy"]
    assert 422 == refused.status_code
    assert "telepathy" in refused.json()["detail"]
    assert ([], "refund") == (after["degraded"], after["reason"]["rule_id"])


def test_a_document_that_means_something_else_by_now_is_stored_as_that_too(make_settings, tmp_path, say):
    """When a release gives the same words another fingerprint, decisions record the new one, and it can be found."""
    with TestClient(create_app(make_settings()), base_url="http://localhost") as client:
        now = client.post("/v1/policies", json=words("shop", "lawyer")).json()["fingerprint"]
        client.post("/v1/policies/shop/activate", json={"version": 1})
    former = "0" * 64
    with sqlite3.connect(tmp_path / "baton.db") as database:  # as if a former release had stored it
        database.execute("UPDATE policies SET fingerprint = ? WHERE name = 'shop'", (former,))
        database.execute("UPDATE policy_assignments SET fingerprint = ?", (former,))
    database.close()
    with TestClient(create_app(make_settings()), base_url="http://localhost") as client:
        answer = client.post("/v1/score", json=say("the lawyer")).json()
        decision = client.get(f"/v1/decisions/{answer['decision_id']}").json()
        told = client.get("/v1/bots/policy").json()["active"]

    assert ("escalate", now) == (answer["decision"], decision["policy_fingerprint"])
    assert decision["replayed"]["identical"] is True
    assert former == told["fingerprint"]
    assert "means something else" in told["problem"]
