"""The spine: what happens to a message between the request and the answer.

state and policy -> was it answered before? -> scores -> decision -> record -> answer. Nothing is sent anywhere from here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from models.contracts import Decision, Message, Role
from models.conversation import Prepared, next_request, score_request, wants_draft
from models.errors import InputError, ScoringError
from models.policy.engine import Turn, decide
from models.policy.state import NEW, ConversationState, from_json
from models.scorer import ScoreRequest, joined
from serving.errors import ConversationBusy, MessageConflict, Overloaded, StaleState, StoreUnavailable
from serving.inference import Batcher
from serving.policies import Assigned, Chosen, Policies
from serving.store.engine import Store
from serving.store.turns import RecordedAnswer, StoredConversation, TurnRow, load, record
from serving.telemetry import Metrics, log
from serving.turn.joined import join
from serving.turn.rows import log_fields, turn_row
from serving.turn.values import Ask, Decided

P = ParamSpec("P")
T = TypeVar("T")
ATTEMPTS = 5  # how often a turn is taken anew because another process was faster
GRACE_SECONDS = 1.0  # so that the database's own word on what is wrong comes first


class Turns:
    """Takes turns, one at a time in a conversation and many conversations side by side.

    Args:
        store: where conversations live.
        batcher: scores messages.
        policies: choose what decides.
        bundle: label of the bundle behind the batcher.
        render: writes an answer as the caller reads it; what it returns is recorded and repeated byte for byte.
        metrics: where decisions and stages are counted.
        limit: turns that may be under way at once.
    """

    def __init__(
        self,
        *,
        store: Store,
        batcher: Batcher,
        policies: Policies,
        bundle: str,
        render: Callable[[Decided], bytes],
        metrics: Metrics,
        limit: int,
    ) -> None:
        self._store = store
        self._batcher = batcher
        self._policies = policies
        self._bundle = bundle
        self._render = render
        self._metrics = metrics
        self._limit = limit
        self._under_way = 0
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def handle(self, ask: Ask) -> bytes:
        """Return the answer to a message, as JSON.

        Raises:
            Overloaded: more turns are under way, or more messages wait to be scored, than the limits allow.
            MessageConflict: this message id was used for another message.
            ConversationBusy: other processes kept taking turns in this conversation.
            StoreUnavailable: the database can't be used.
        """
        with self._admitted():
            if ask.conversation_id is None:
                return await self._answer_stateless(ask)
            async with self._locks.setdefault((ask.bot_id, ask.conversation_id), asyncio.Lock()):
                for _ in range(ATTEMPTS):
                    try:
                        return await self._answer(ask, ask.conversation_id)
                    except StaleState:
                        log("turn.stale", conversation_id=ask.conversation_id, message_id=ask.message.id)
        message = (
            f"other turns of conversation {ask.conversation_id} came first {ATTEMPTS} times; send the message again"
        )
        raise ConversationBusy(message)

    async def _answer(self, ask: Ask, conversation_id: str) -> bytes:
        started = time.perf_counter()
        stored, recorded, assigned = await self._in_thread(self._read, ask, conversation_id)
        if recorded is not None:
            return self._repeat(ask, recorded)
        chosen = await self._policies.choose(assigned)
        decided = await self._decide(ask, _state(stored), chosen, started)
        answer = self._render(decided)
        if decided.decision_id is not None:
            row = turn_row(
                decided,
                conversation_id=conversation_id,
                decision_id=decided.decision_id,
                answer=answer,
                now=datetime.now(UTC),
            )
            await self._in_thread(self._write, stored, row)
            self._tell(decided)
        return answer

    async def _answer_stateless(self, ask: Ask) -> bytes:
        started = time.perf_counter()
        chosen = await self._policies.choose(await self._in_thread(self._look_up, ask))
        state = NEW
        for message in ask.history:
            turn = await self._score(ask, message, state, chosen)
            state = decide(turn, state, chosen.active.policy, explain=False).state  # nobody reads why
        return self._render(await self._decide(ask, state, chosen, started))

    def _repeat(self, ask: Ask, recorded: RecordedAnswer) -> bytes:
        if recorded.request_hash != ask.content_hash():
            message = (
                f"message {ask.message.id!r} of this conversation was answered before, with another content; "
                "expected a new id for a new message, or the same content for a repeated one"
            )
            raise MessageConflict(message)
        self._metrics.repeated.inc()
        log("turn.repeated", conversation_id=ask.conversation_id, message_id=ask.message.id)
        return recorded.response.encode()

    async def _decide(self, ask: Ask, before: ConversationState, chosen: Chosen, started: float) -> Decided:
        """Take the message, and after it the draft if the bot may still say it."""
        policy = chosen.active.policy
        turn = await self._score(ask, ask.message, before, chosen)
        with self._metrics.stage("decide"):
            outcome = decide(turn, before, policy)
        seen = [(turn, before)]
        decision, draft = outcome.decision, None
        if ask.draft is not None and wants_draft(decision):
            draft = await self._score(ask, ask.draft, outcome.state, chosen)
            seen.append((draft, outcome.state))
            with self._metrics.stage("decide"):
                outcome = decide(draft, outcome.state, policy)
            decision = join(decision, outcome.decision)
        if chosen.degraded:
            decision = replace(decision, degraded=(*chosen.degraded, *decision.degraded))
        shadow = chosen.shadow if ask.message.role is not Role.AGENT else None
        is_recorded = ask.conversation_id is not None and not ask.dry_run
        return Decided(
            ask=ask,
            decision_id=_new_id() if is_recorded else None,
            decision=decision,
            scores=turn.scores,
            draft_scores=draft.scores if draft else None,
            draft_taken=draft is not None,
            before=before,
            after=outcome.state,
            policy=policy.label,
            fingerprint=policy.fingerprint(),
            shadow_fingerprint=shadow.policy.fingerprint() if shadow else None,
            shadow=self._shadowed(shadow, seen) if shadow and is_recorded else None,
            bundle=self._bundle,
            latency_ms=round((time.perf_counter() - started) * 1000, 3),
        )

    async def _score(self, ask: Ask, message: Message, state: ConversationState, chosen: Chosen) -> Turn:
        """Score one message. A failing model doesn't stop the turn: the policy decides without scores."""
        turn = Turn(message=message, scores=None, customer=ask.customer, channel=ask.channel, context=ask.context)
        try:
            while (request := _request(turn, state, chosen)) is not None:
                turn = replace(turn, scores=joined(turn.scores, await self._batcher.score(request)))
        except ScoringError as error:
            log("scoring.failed", error=error, message_id=message.id, characters=len(message.text))
            return replace(turn, scores=None)
        return turn

    def _shadowed(self, shadow: Prepared, seen: Sequence[tuple[Turn, ConversationState]]) -> Decision | None:
        """Return what a shadow policy would have decided, ``None`` if it failed.

        It sees the same scores, and the active policy's memory: each turn is compared by itself. A draft that the active
        policy didn't let the bot say has no scores, so then the message alone counts.
        """
        decision = None
        try:
            for turn, state in seen:
                own = replace(turn, scores=self._policies.seen_by(shadow, turn.scores))
                later = decide(own, state, shadow.policy, explain=False).decision
                decision = later if decision is None else join(decision, later)
                if not wants_draft(later):
                    break
        except Exception as error:  # noqa: BLE001 - what is only compared must never cost a turn
            log("shadow.failed", level=logging.ERROR, error=error, policy=shadow.policy.label)
            return None
        return decision

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the store's blocking work. A stuck database also keeps others from their thread: nobody waits for ever."""
        try:
            with self._metrics.stage("store"):
                async with asyncio.timeout(self._store.timeout_seconds + GRACE_SECONDS):
                    return await asyncio.to_thread(work, *args, **kwargs)
        except TimeoutError as error:
            message = "the database didn't answer in time; send the message again, the same id is never counted twice"
            raise StoreUnavailable(message) from error

    def _read(
        self, ask: Ask, conversation_id: str
    ) -> tuple[StoredConversation | None, RecordedAnswer | None, Assigned]:
        """Read the conversation and its bot's policies, as they are at one moment."""
        with self._store.reading() as tx:
            stored, recorded = load(tx, bot_id=ask.bot_id, conversation_id=conversation_id, message_id=ask.message.id)
            return stored, recorded, self._policies.look_up(tx, ask.bot_id)

    def _look_up(self, ask: Ask) -> Assigned:
        with self._store.reading() as tx:
            return self._policies.look_up(tx, ask.bot_id)

    def _write(self, stored: StoredConversation | None, row: TurnRow) -> None:
        with self._store.writing() as tx:
            record(tx, stored, row)

    def _tell(self, decided: Decided) -> None:
        decision = decided.decision
        reason = decision.reason.code.value if decision.reason else "none"
        self._metrics.decisions.labels(decision.phase.value, decision.decision.value, reason).inc()
        for what in decision.degraded:
            self._metrics.degraded.labels(what).inc()
        log("turn.decided", **log_fields(decided))

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        if self._under_way >= self._limit:
            message = f"{self._under_way} turns are under way, the limit is {self._limit}; send the message again later"
            raise Overloaded(message)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


def _request(turn: Turn, state: ConversationState, chosen: Chosen) -> ScoreRequest | None:
    """Return what is to be scored next. A shadow policy may look at anything, so beside one everything is scored."""
    if chosen.shadow is None:
        return next_request(turn, state, chosen.active)
    return score_request(turn.message, state, chosen.active.labels) if turn.scores is None else None


def _state(stored: StoredConversation | None) -> ConversationState:
    if stored is None:
        return NEW
    try:
        return from_json(json.loads(stored.state))
    except InputError as error:
        raise StoreUnavailable(f"the recorded state of this conversation can't be read: {error}") from error


def _new_id() -> str:
    """Return an id whose order is that of time, so that new rows lie together in the index."""
    return f"d-{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"
