"""The bounded queue in front of the scorer: what waits, what is handed over together, what is refused.

The scorer scores every message on its own (see ``models.scorer``), so company makes nobody faster. Therefore nothing
waits for company: when the scorer is free, it takes what is there, up to a budget of tokens. The budget bounds how long
the first message of a hand-over waits for the last.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from models.contracts import Scores
from models.scorer import Scorer, ScoreRequest
from serving.errors import Overloaded, Stopping
from serving.telemetry import Metrics

_LONG = 1000  # characters; longer texts take milliseconds to tokenize, which nobody else should wait for
_SMOOTHING = 0.1  # weight of the newest hand-over in the running mean of seconds per token


@dataclass(frozen=True, slots=True)
class _Entry:
    request: ScoreRequest
    tokens: int
    answer: asyncio.Future[Scores]
    since: float


class Batcher:
    """Hands waiting messages to the scorer, in order, in one thread.

    Args:
        scorer: scores several messages in one call.
        token_budget: tokens of one hand-over; a single message may be larger and then goes alone.
        queue_limit: messages that may wait.
        metrics: where depth, sizes and times are counted.
    """

    def __init__(self, scorer: Scorer, *, token_budget: int, queue_limit: int, metrics: Metrics) -> None:
        self._scorer = scorer
        self._token_budget = token_budget
        self._queue_limit = queue_limit
        self._metrics = metrics
        self._waiting: deque[_Entry] = deque()
        self._arrived = asyncio.Event()
        self._stopping = False
        self._seconds_per_token = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inference")
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take messages; call it in the running event loop."""
        self._loop = asyncio.get_running_loop().create_task(self._run(), name="inference")

    async def stop(self) -> None:
        """Take nothing new, score what waits, and let the thread go."""
        self._stopping = True
        self._arrived.set()
        if self._loop is not None:
            await self._loop
        self._thread.shutdown()

    @property
    def is_running(self) -> bool:
        """Whether messages are taken and scored."""
        return self._loop is not None and not self._loop.done() and not self._stopping

    async def score(self, request: ScoreRequest) -> Scores:
        """Wait for the scores of one message. Whoever stops waiting is dropped from the queue unscored.

        Raises:
            Overloaded: the queue is full.
            Stopping: the service is going down.
            ScoringError: a model failed on this message.
        """
        tokens = await self._count_tokens(request)
        self._admit()
        entry = _Entry(request, tokens, asyncio.get_running_loop().create_future(), time.perf_counter())
        self._waiting.append(entry)
        self._metrics.queue_depth.set(len(self._waiting))
        self._arrived.set()
        return await entry.answer

    async def _count_tokens(self, request: ScoreRequest) -> int:
        characters = sum(len(text or "") for text in request.texts)
        if characters <= _LONG:
            return self._scorer.count_tokens(request)
        return await asyncio.to_thread(self._scorer.count_tokens, request)

    def _admit(self) -> None:
        if self._stopping:
            raise Stopping("the service is stopping; send the message again, to this or another instance")
        if len(self._waiting) >= self._queue_limit:
            seconds = sum(entry.tokens for entry in self._waiting) * self._seconds_per_token
            message = (
                f"{len(self._waiting)} messages wait to be scored, the limit is {self._queue_limit}; "
                "nothing was done, send the message again later"
            )
            raise Overloaded(message, retry_after_seconds=max(1, math.ceil(seconds)))

    async def _run(self) -> None:
        while True:
            if batch := self._take():
                await self._hand_over(batch)
            elif self._stopping:
                return
            else:
                self._arrived.clear()
                await self._arrived.wait()

    def _take(self) -> list[_Entry]:
        """Take entries from the front while the budget lasts, at least one; drop those whose caller went away."""
        taken: list[_Entry] = []
        budget = self._token_budget
        while self._waiting and (not taken or self._waiting[0].tokens <= budget):
            entry = self._waiting.popleft()
            if entry.answer.cancelled():
                self._metrics.dropped.inc()
                continue
            budget -= entry.tokens
            taken.append(entry)
        self._metrics.queue_depth.set(len(self._waiting))
        return taken

    async def _hand_over(self, batch: Sequence[_Entry]) -> None:
        started = time.perf_counter()
        for entry in batch:
            self._metrics.stage_seconds.labels("queue").observe(started - entry.since)
        self._metrics.batch_size.observe(len(batch))
        requests = [entry.request for entry in batch]
        answers = await asyncio.get_running_loop().run_in_executor(self._thread, _score_each, self._scorer, requests)
        seconds = time.perf_counter() - started
        self._metrics.stage_seconds.labels("inference").observe(seconds)
        self._learn_speed(seconds / sum(entry.tokens for entry in batch))
        for entry, answer in zip(batch, answers, strict=True):
            _deliver(entry.answer, answer)

    def _learn_speed(self, seconds_per_token: float) -> None:
        known = self._seconds_per_token or seconds_per_token
        self._seconds_per_token = known + _SMOOTHING * (seconds_per_token - known)


def _score_each(scorer: Scorer, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
    """Score a hand-over; when it fails, score each message alone, so that one can't spoil its neighbours' answers."""
    try:
        return list(scorer.score(requests))
    except Exception as error:  # noqa: BLE001 - whatever happened belongs to the callers, this thread must live on
        if len(requests) == 1:
            return [error]
    return [answer for request in requests for answer in _score_each(scorer, [request])]


def _deliver(future: asyncio.Future[Scores], answer: Scores | Exception) -> None:
    if future.cancelled():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
