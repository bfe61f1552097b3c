"""What the tests of serving share: real bundles, real databases, a real service. Nothing is mocked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.testclient import TestClient
from tokenizers import Tokenizer

from serving.app import create_app
from serving.settings import Settings
from serving.store.engine import Store, Tx
from serving.store.migrate import upgrade
from serving.store.tables import CONVERSATIONS, DECISIONS
from tests.support.tiny_bundle import build_tiny_bundle

FAILING_WORD = "xylophone"


def count(tx: Tx) -> tuple[int, ...]:
    """Return how many conversations and how many decisions are recorded."""
    return tuple(
        tx.execute(select(func.count()).select_from(table)).scalar_one() for table in (CONVERSATIONS, DECISIONS)
    )


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bundle without meaning."""
    return build_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def failing_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose graph fails on one word: the tokenizer knows it, the graph doesn't."""
    folder = build_tiny_bundle(tmp_path_factory.mktemp("bundles") / "failing")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens([FAILING_WORD])
    tokenizer.save(str(folder / "tokenizer.json"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["tokenizer.json"] = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def make_settings(tmp_path: Path, tiny_bundle: Path) -> Callable[..., Settings]:
    """Return a function that makes settings for this test's own service."""

    def make(**changes: Any) -> Settings:
        given = {"database_url": f"sqlite:///{tmp_path}/baton.db", "bundle": tiny_bundle} | changes
        return Settings(**given)

    return make


@pytest.fixture
def app(make_settings: Callable[..., Settings]) -> FastAPI:
    """A service that isn't started."""
    return create_app(make_settings())


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of a started service."""
    with TestClient(app, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The database of this test's service, which needs not run."""
    store = Store(f"sqlite:///{tmp_path}/baton.db", timeout_seconds=0.2)
    upgrade(store)
    yield store
    store.close()


@pytest.fixture
def say() -> Callable[..., dict[str, Any]]:
    """Return the body of a request: a customer's message in a conversation, with any field changed."""

    def body(text: str = "Where is my order?", message_id: str = "m-1", **changes: Any) -> dict[str, Any]:
        message = {"id": message_id, "role": "customer", "text": text} | changes.pop("message", {})
        return {"conversation_id": "c-1", "message": message} | changes

    return body
