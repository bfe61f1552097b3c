"""What decides for a bot right now: its active and its shadow policy, read with the turn, made ready once and kept.

Nothing here writes or remembers who has which policy: that is read from the database with every turn, so an activation holds
at once in every process. Only documents are kept, which never change.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from weakref import WeakValueDictionary

from models.contracts import Scores, ScoreStatus
from models.conversation import Prepared, prepare
from models.errors import PolicyError, ScoringError
from models.policy.schema import DEFAULT_PATH, Policy, locate, parse_policy, read_policy
from models.scorer import Scorer
from serving.store import policies as store
from serving.store.engine import Tx
from serving.store.policies import EVERY_BOT, StoredPolicy
from serving.telemetry import log

T = TypeVar("T")
KEPT: Final = 128  # policies that stay ready to run; each of the default's size takes some 100 kB
YAML: Final = "application/yaml"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document as somebody wrote it: the policy, its JSON, and the text with its media type."""

    policy: Policy
    json: str
    source: str
    source_type: str

    @classmethod
    def read(cls, text: str, *, source_type: str, name: str) -> Self:
        """Read a document; ``name`` names the text in errors.

        Raises:
            PolicyError: the text is no policy.
        """
        policy, data = read_policy(text, name)
        return cls(policy, _json(data, name), text, source_type)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a document from a YAML or JSON file, or the preset of that name where there is no such file.

        Raises:
            PolicyError: the file can't be read, or is no policy.
        """
        path = locate(path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"{path}: {error}; expected a YAML or JSON file in UTF-8") from error
        return cls.read(text, source_type=JSON if path.suffix == ".json" else YAML, name=path.name)


@functools.cache
def shipped() -> Document:
    """Return the policy that Baton starts with."""
    return Document.load(DEFAULT_PATH)


@dataclass(frozen=True, slots=True)
class Assigned:
    """Which policies a bot has, as they were read: fingerprints, and the documents that aren't ready here yet.

    ``ready`` holds those that are, ``None`` for one that this release can't use.
    """

    active: str | None
    shadow: str | None
    ready: Mapping[str, Prepared | None]
    documents: tuple[StoredPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What decides a turn: the active policy, and the shadow that is only recorded.

    ``degraded`` is ``("policy",)`` where the active document can't be used and the shipped policy decides in its place.
    """

    active: Prepared
    shadow: Prepared | None = None
    degraded: tuple[str, ...] = ()


def parse(stored: StoredPolicy) -> Policy:
    """Return the policy of a stored document.

    Raises:
        PolicyError: this release can't read it: another one wrote it.
    """
    try:
        return Policy.model_validate(json.loads(stored.document))
    except ValueError:  # no JSON, or no policy
        return parse_policy(stored.source, f"{stored.label} (version {stored.version})")  # says which line


def in_force(assigned: Mapping[tuple[str, str], T], bot_id: str) -> tuple[T | None, T | None]:
    """Return what is active and what is shadow for a bot, of what is assigned by bot and role.

    A bot has its own, else what is assigned to every bot. The shadow of every bot is compared with the policy of every bot, so
    a bot with an active policy of its own doesn't have it.
    """
    own = assigned.get((bot_id, "active"))
    active = own or assigned.get((EVERY_BOT, "active"))
    shadow = assigned.get((bot_id, "shadow")) or (None if own else assigned.get((EVERY_BOT, "shadow")))
    return active, shadow


class Policies:
    """Chooses the policy that decides.

    Args:
        scorer: of the bundle that policies run with.
        base: decides where nothing was activated.
        shipped: decides where the active document can't be used.
        kept: how many other policies stay ready, those used last.

    Raises:
        ScoringError: a graph of the bundle failed.
    """

    def __init__(self, scorer: Scorer, *, base: Document, shipped: Document, kept: int = KEPT) -> None:
        self._scorer = scorer
        self.base = self.make_ready(base.policy)
        self.shipped = self.make_ready(shipped.policy)
        self._limit = kept
        self._kept: OrderedDict[str, Prepared | None] = OrderedDict()
        self._lock = threading.Lock()
        self._making: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._under_way: dict[str, asyncio.Task[Prepared | None]] = {}

    def make_ready(self, policy: Policy) -> Prepared:
        """Make a policy ready to run: the one place where a document meets the bundle.

        Raises:
            ScoringError: a graph failed on one of the policy's own labels.
        """
        prepared = prepare(policy, self._scorer)
        _ = prepared.policy.program  # compiled here, in a thread, so that no turn compiles it in the event loop
        return prepared

    def look_up(self, tx: Tx, bot_id: str) -> Assigned:
        """Return which policies a bot has at this moment, in the transaction that reads its conversation."""
        active, shadow = in_force(store.current(tx, bot_id), bot_id)
        wanted = [fingerprint for fingerprint in (active, shadow) if fingerprint is not None]
        ready = self._ready(wanted)
        missing = [store.get(tx, fingerprint) for fingerprint in wanted if fingerprint not in ready]
        return Assigned(active, shadow, ready, tuple(stored for stored in missing if stored is not None))

    async def choose(self, assigned: Assigned) -> Chosen:
        """Return what decides. The first turn under a document waits until that is ready; labels of its own take a moment.

        No turn waits for a shadow: it is compared from the moment when it is ready.
        """
        ready = dict(assigned.ready)
        for stored in assigned.documents:
            if stored.fingerprint == assigned.active:
                ready[stored.fingerprint] = await self._once(stored)
            else:
                self._begin(stored)
        shadow = ready.get(assigned.shadow) if assigned.shadow else None
        if assigned.active is None:
            return Chosen(self.base, shadow)
        active = ready.get(assigned.active)
        return Chosen(self.shipped, shadow, ("policy",)) if active is None else Chosen(active, shadow)

    def get(self, tx: Tx, fingerprint: str) -> Prepared | None:
        """Return the policy of a fingerprint, ``None`` if it isn't stored or this release can't use it."""
        ready = self._ready([fingerprint])
        if ready:
            return ready[fingerprint]
        stored = store.get(tx, fingerprint)
        return None if stored is None else self.make(stored)

    def make(self, stored: StoredPolicy) -> Prepared | None:
        """Return the policy of a document, made ready now if it wasn't; ``None`` if this release can't use it."""
        ready = self._ready([stored.fingerprint])
        return ready[stored.fingerprint] if ready else self._keep(stored)

    def _keep(self, stored: StoredPolicy) -> Prepared | None:
        """Make a document ready and keep it; ``None``, and a line in the log, if this release can't use it.

        Of several threads that want the same document one makes it ready, and the others wait for that.
        """
        with self._lock:
            making = self._making.setdefault(stored.fingerprint, threading.Lock())
        with making:
            made = self._ready([stored.fingerprint])
            return made[stored.fingerprint] if made else self._make_now(stored)

    def _make_now(self, stored: StoredPolicy) -> Prepared | None:
        started = time.perf_counter()
        prepared: Prepared | None = None
        try:
            prepared = self.make_ready(parse(stored))
        except PolicyError as error:
            log("policy.unreadable", level=logging.ERROR, policy=stored.label, problem=str(error))
        except ScoringError as error:
            log("policy.failed", level=logging.ERROR, error=error, policy=stored.label, version=stored.version)
            return None  # not kept: the next turn tries again
        else:
            log("policy.ready", policy=stored.label, ms=round((time.perf_counter() - started) * 1000, 3))
        with self._lock:
            self._kept[stored.fingerprint] = prepared
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return prepared

    def seen_by(self, prepared: Prepared, scores: Scores | None) -> Scores | None:
        """Return the scores of a message as another policy would have them, with its own labels in place of others'."""
        if prepared.labels is None or scores is None:
            return scores
        if scores.embedding is None:
            why = scores.status.get("intents", ScoreStatus.NOT_AVAILABLE)
            return replace(scores, custom=None, status={**scores.status, "custom": why})
        status = {name: why for name, why in scores.status.items() if name != "custom"}
        return replace(scores, custom=self._scorer.score_custom(scores.embedding, prepared.labels), status=status)

    async def _once(self, stored: StoredPolicy) -> Prepared | None:
        """Make a document ready in a thread, once for all turns that wait for it."""
        made = self._ready([stored.fingerprint])
        if made:  # since it was looked up
            return made[stored.fingerprint]
        return await asyncio.shield(self._begin(stored))  # whoever stops waiting stops for itself alone

    def _begin(self, stored: StoredPolicy) -> asyncio.Task[Prepared | None]:
        """Return the task that makes a document ready in a thread, begun now if it wasn't."""
        task = self._under_way.get(stored.fingerprint)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._keep, stored))
            self._under_way[stored.fingerprint] = task
            task.add_done_callback(lambda _: self._under_way.pop(stored.fingerprint))
        return task

    def _ready(self, fingerprints: Iterable[str]) -> dict[str, Prepared | None]:
        with self._lock:
            found = [fingerprint for fingerprint in fingerprints if fingerprint in self._kept]
            for fingerprint in found:
                self._kept.move_to_end(fingerprint)
            return {fingerprint: self._kept[fingerprint] for fingerprint in found}


def _json(data: Any, name: str) -> str:
    try:
        return json.dumps(data, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise PolicyError(f"{name}: found a number that isn't finite; expected plain numbers") from error
