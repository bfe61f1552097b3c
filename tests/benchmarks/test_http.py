"""How fast a turn over HTTP is, start and memory included; `make bench` runs it and keeps what it prints."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from models.bundle import DEFAULT_PATH
from tests.support.tiny_bundle import build_tiny_bundle

pytestmark = pytest.mark.bench

BATON = """
from importlib.metadata import EntryPoint
from models import cli
cli._entries = lambda: [EntryPoint("serve", "serving.cli:serve", cli.GROUP)]
cli.main()
"""
TEXTS = (
    "Where is my order?",
    "this is useless, get me a real person",
    "I was charged twice for my subscription and nobody answers my mails, please refund me now",
    "thanks",
    "Can I change the delivery address of order 1234? I am moving next week.",
)


def body(n, conversation):
    """Return a request: five kinds of messages, ten in a conversation."""
    message = {"id": f"m-{n}", "role": "customer", "text": f"{TEXTS[n % len(TEXTS)]} {n}"}
    return {"conversation_id": f"{conversation}-{n // 10}", "message": message}


def quantiles(milliseconds):
    """Return p50, p95 and p99."""
    ordered = sorted(milliseconds)
    return {f"p{part}_ms": round(ordered[len(ordered) * part // 100], 2) for part in (50, 95, 99)}


def talk(address, name, count):
    """Send messages one after the other and return how long each took, in milliseconds."""
    taken = []
    with httpx2.Client(base_url=address, timeout=60) as client:
        for n in range(count):
            started = time.perf_counter()
            assert client.post("/v1/score", json=body(n, name)).status_code == 200
            taken.append((time.perf_counter() - started) * 1000)
    return taken


def resident_mib(pid):
    """Return the memory of a process, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return round(int(found[1]) / 1024)


@pytest.fixture
def service(tmp_path):
    """Start the service; yield its process, its address and the seconds until it was ready."""
    bundle = DEFAULT_PATH if (DEFAULT_PATH / "manifest.json").exists() else build_tiny_bundle(tmp_path / "tiny")
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "BATON_BUNDLE": str(bundle),
        "BATON_DATABASE_URL": f"sqlite:///{tmp_path}/baton.db",
        "BATON_PORT": "0",
        "BATON_LOG_LEVEL": "warning",
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", BATON, "serve"], env=environment, stdout=subprocess.PIPE, text=True
    )
    greeting = process.stdout.readline()
    address = re.search(r"http://[\d.]+:\d+", greeting)[0]
    httpx2.get(f"{address}/health/ready", timeout=60).raise_for_status()
    yield process, address, time.perf_counter() - started, greeting
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_http_turn(service):
    """One caller and eight callers: latency, messages per second, start and memory, as one line of JSON."""
    process, address, start_seconds, greeting = service
    fresh = resident_mib(process.pid)
    talk(address, "warm", 100)
    alone = talk(address, "alone", 500)
    together = []
    callers = [
        threading.Thread(target=lambda name=name: together.extend(talk(address, f"caller-{name}", 100)))
        for name in range(8)
    ]
    started = time.perf_counter()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    seconds = time.perf_counter() - started
    result = {
        "benchmark": "http_turn",
        "bundle": re.search(r"Bundle (\S+),", greeting)[1],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "start_seconds": round(start_seconds, 2),
        "memory_mib": {"fresh": fresh, "after": resident_mib(process.pid)},
        "one_caller": quantiles(alone),
        "eight_callers": quantiles(together) | {"messages_per_second": round(len(together) / seconds)},
    }
    sys.stdout.write(f"\n{json.dumps(result)}\n")
    assert len(together) == 800
