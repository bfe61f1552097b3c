"""`baton serve` as a real process: starting, stopping, being killed, and what it says when it can't."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.tiny_bundle import build_tiny_bundle

# the command as it is installed, also where this checkout isn't
BATON = """
from importlib.metadata import EntryPoint
from models import cli
names = {"serve": "serving.cli:serve", "db": "serving.cli:db"}
cli._entries = lambda: [EntryPoint(name, value, cli.GROUP) for name, value in names.items()]
cli.main()
"""
MARKER = "pineapple"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle without meaning."""
    return build_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def environment(bundle, tmp_path):
    """The environment of a service of this test's own."""
    root = Path(__file__).parents[2]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    return inherited | {
        "PYTHONPATH": str(root),
        "BATON_BUNDLE": str(bundle),
        "BATON_DATABASE_URL": f"sqlite:///{tmp_path}/baton.db",
        "BATON_DATABASE_TIMEOUT_SECONDS": "0.5",
        "BATON_PORT": "0",
    }


def command(*arguments):
    """Return the command line of `baton`."""
    return [sys.executable, "-W", "error", "-c", BATON, *arguments]


def run(environment, *arguments, **changes):
    """Run a command that is expected to end by itself."""
    return subprocess.run(
        command(*arguments), env=environment | changes, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def serving(environment, log, **changes):
    """Run the service; yield the process, and a client for it."""
    with log.open("a") as stderr:
        process = subprocess.Popen(
            command("serve"), env=environment | changes, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    try:
        greeting = process.stdout.readline()
        address = re.search(r"http://[\d.]+:\d+", greeting)
        assert address, greeting + log.read_text()
        with httpx2.Client(base_url=address[0], timeout=20) as client:
            client.greeting = greeting
            yield process, client
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def log(tmp_path):
    """Where the service's log lines go."""
    return tmp_path / "log.jsonl"


def body(n=1, text="Where is my order?", conversation="c-1"):
    """Return the body of a request."""
    return {"conversation_id": conversation, "message": {"id": f"m-{n}", "role": "customer", "text": text}}


def wait_for(event, log, seconds=20):
    """Wait until the service has logged an event."""
    deadline = time.monotonic() + seconds
    while event not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.005)


def test_it_greets_answers_and_stops_on_sigterm(environment, log):
    """The service says in one line where it listens and with what, answers, and ends with 0 on SIGTERM."""
    with serving(environment, log) as (process, client):
        answer = client.post("/v1/score", json=body())
        ready = client.get("/health/ready")
        process.terminate()
        code = process.wait(10)

    assert "open to this machine only" in client.greeting
    assert "/docs" in client.greeting
    assert "tiny-1" in client.greeting
    assert [200, 200] == [answer.status_code, ready.status_code]
    assert code == 0
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert ["service.started", "turn.decided", "service.stopped"] == events


def test_sigterm_finishes_what_was_taken(environment, log):
    """Requests that were taken before SIGTERM are answered, within 10 seconds, and the process ends with 0."""
    items = [body(n, f"message {n}", f"c-{n % 8}") for n in range(256)]
    answers = []
    with serving(environment, log) as (process, client):
        thread = threading.Thread(target=lambda: answers.append(client.post("/v1/score:batch", json={"items": items})))
        thread.start()
        wait_for("turn.decided", log)  # under load a moment's sleep isn't enough for the request to be taken
        started = time.monotonic()
        process.terminate()
        thread.join()
        code = process.wait(10)
        seconds = time.monotonic() - started

    assert (0, 200) == (code, answers[0].status_code)
    assert {f"m-{n}" for n in range(256)} == {result["message_id"] for result in answers[0].json()["results"]}
    assert seconds < 10


def test_recorded_answers_survive_kill_9(environment, log, tmp_path):
    """After kill -9 in the middle of work, every answer that was given is given again, byte for byte, and none is half."""
    answers = {}

    def talk(client, name):
        for n in range(1000):
            try:
                answers[name, n] = client.post("/v1/score", json=body(n, f"message {n}", name)).content
            except httpx2.HTTPError:
                return

    with serving(environment, log) as (process, client):
        threads = [threading.Thread(target=talk, args=(client, f"c-{k}")) for k in range(4)]
        for thread in threads:
            thread.start()
        while len(answers) < 40:
            time.sleep(0.01)
        process.kill()
        for thread in threads:
            thread.join()
    with serving(environment, log) as (_, client):
        again = {(name, n): client.post("/v1/score", json=body(n, f"message {n}", name)).content for name, n in answers}

    assert answers == again
    with sqlite3.connect(tmp_path / "baton.db") as database:
        turns = dict(database.execute("SELECT conversation, count(*) FROM decisions GROUP BY 1"))
        versions = dict(database.execute("SELECT key, version FROM conversations"))
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert versions == turns


def test_a_locked_database_is_answered_and_survived(environment, log, tmp_path):
    """While another process locks the database a message gets 503 with Retry-After; afterwards it is answered."""
    with serving(environment, log) as (_, client):
        other = sqlite3.connect(tmp_path / "baton.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        locked = client.post("/v1/score", json=body())
        other.execute("ROLLBACK")
        other.close()
        freed = client.post("/v1/score", json=body())

    assert (503, 200) == (locked.status_code, freed.status_code)
    assert "locked" in locked.json()["detail"]
    assert int(locked.headers["Retry-After"]) >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_a_full_disk_is_answered(environment, log, tmp_path):
    """When the database can't grow any more a message gets 503 that says so, and nothing half is recorded."""
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
    script += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", script + BATON, "serve"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        address = re.search(r"http://[\d.]+:\d+", process.stdout.readline())[0]
        with httpx2.Client(base_url=address, timeout=20) as client:
            for n in range(500):
                response = client.post("/v1/score", json=body(n, f"{n} " + "long message " * 100))
                if response.status_code != 200:
                    break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    assert response.status_code == 503
    assert "disk" in response.json()["detail"]
    with sqlite3.connect(tmp_path / "baton.db") as database:
        assert database.execute("SELECT count(*) FROM decisions").fetchone() == (n,)
    database.close()


def test_nothing_that_was_said_is_logged(environment, log):
    """Whatever happens to a message, its text stands in no log line."""
    said = f"my {MARKER} is broken"
    with serving(environment, log, BATON_LOG_LEVEL="debug") as (_, client):
        client.post("/v1/score", json=body(1, said) | {"bot": {"reply": said, "passages": [said]}})
        client.post("/v1/score", json=body(1, said + "!"))
        client.post("/v1/score", json=body(2, said + "\0") | {said: said})
        client.post("/v1/score", json=body(3, said * 1000))
        client.post("/v1/score", content=said.encode(), headers={"content-type": "application/json"})
        client.post("/v1/score", json={"message": body(4, said)["message"], "context": {"note": said}})
        client.post("/v1/score:batch", json={"items": [body(5, said), said]})
        client.get("/health/live")

    assert "turn.decided" in log.read_text()
    assert MARKER not in log.read_text()


def test_a_body_that_is_too_large_is_refused_early(environment, log):
    """A body above the limit is refused as soon as that is known, and other requests go on."""
    with serving(environment, log) as (_, client):
        large = client.post("/v1/score", json=body(1, "x" * 10_000_000))
        small = client.post("/v1/score", json=body(1))

    assert [413, 200] == [large.status_code, small.status_code]


def test_a_body_that_never_arrives_is_given_up(environment, log):
    """A caller that announces a body and doesn't send it is answered 408; it holds nothing for ever."""
    with serving(environment, log, BATON_BODY_TIMEOUT_SECONDS="0.3") as (_, client):
        address = client.base_url
        with socket.create_connection((address.host, address.port), timeout=10) as slow:
            head = "POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            slow.sendall(head.encode())
            answer = slow.recv(4096)

    assert b" 408 " in answer.split(b"\r\n")[0]


def test_a_caller_that_leaves_costs_nothing(environment, log):
    """Callers that hang up before their answer leave the service well."""
    with serving(environment, log) as (_, client):
        address = client.base_url
        for n in range(20):
            data = json.dumps(body(n, conversation="left")).encode()
            head = f"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            with socket.create_connection((address.host, address.port), timeout=10) as leaving:
                leaving.sendall(head.encode() + data)
        after = client.post("/v1/score", json=body(99))
        metrics = client.get("/metrics").text

    assert after.status_code == 200
    assert 'status="500"' not in metrics
    assert "baton_queue_depth 0.0" in metrics


def test_a_bundle_with_a_wrong_hash_is_refused(environment, tmp_path):
    """A bundle whose file was altered keeps the service from starting; one line says which file."""
    bundle = build_tiny_bundle(tmp_path / "altered")
    with (bundle / "message.onnx").open("ab") as graph:
        graph.write(b"\0")
    ended = run(environment, "serve", BATON_BUNDLE=str(bundle))

    assert ended.returncode == 1
    assert "message.onnx" in ended.stderr
    assert "SHA-256" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_bundle_with_wrong_graph_shapes_is_refused(environment, tmp_path):
    """A graph that contradicts its manifest keeps the service from starting; one line says how."""
    bundle = build_tiny_bundle(tmp_path / "narrow", widths={"intents": 3})
    ended = run(environment, "serve", BATON_BUNDLE=str(bundle))

    assert ended.returncode == 1
    assert "intents has 3 columns" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"BATON_HOST": "0.0.0.0"}, 2, "no API keys"),
        ({"BATON_PORT": "many"}, 2, "BATON_PORT"),
        ({"BATON_BUNDLE": "/nowhere"}, 1, "/nowhere"),
        ({"BATON_POLICY": "/nowhere.yaml"}, 1, "/nowhere.yaml"),
        ({"BATON_DATABASE_URL": "sqlite:////nowhere/x.db"}, 1, "/nowhere/x.db"),
    ],
)
def test_what_keeps_it_from_starting_is_one_clear_message(environment, changes, code, says):
    """A wrong setting ends the start with a message that names it, and no stack trace."""
    ended = run(environment, "serve", **changes)

    assert code == ended.returncode, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_named(environment):
    """When something listens on the port already, the service says so and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(environment, "serve", "--port", str(port))

    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "another --port" in ended.stderr


def test_the_database_can_be_upgraded_alone(environment, tmp_path):
    """`baton db upgrade` brings the database to this version and says which."""
    ended = run(environment, "db", "upgrade")

    assert ended.returncode == 0, ended.stderr
    assert "revision" in ended.stdout
    assert (tmp_path / "baton.db").exists()


def test_sigint_ends_it_as_well(environment, log):
    """Ctrl-C stops the service without a stack trace."""
    with serving(environment, log) as (process, client):
        client.get("/health/live")
        process.send_signal(signal.SIGINT)
        code = process.wait(10)

    assert code == 0
    assert "Traceback" not in log.read_text()
