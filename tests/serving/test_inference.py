"""The queue in front of the scorer: order, limits, callers that leave, failures, stopping."""

from __future__ import annotations

import asyncio
import threading

import pytest

from models.bundle import Bundle
from models.contracts import Role
from models.errors import ScoringError
from models.scorer import Scorer, ScoreRequest
from serving.errors import Overloaded, Stopping
from serving.inference import Batcher
from serving.telemetry import Metrics
from tests.serving.conftest import FAILING_WORD


def ask(text):
    """Return the request for a customer's message."""
    return ScoreRequest(role=Role.CUSTOMER, text=text)


@pytest.fixture(scope="module")
def scorer(tiny_bundle):
    """A scorer shared by the tests."""
    return Scorer(Bundle.load(tiny_bundle))


@pytest.fixture
def metrics():
    """Metrics of this test's own."""
    return Metrics()


@pytest.fixture
def run(scorer, metrics):
    """Return a function that runs a coroutine function with a started batcher."""

    def with_batcher(work, *, token_budget=64, queue_limit=100, scorer=scorer):
        async def started():
            batcher = Batcher(scorer, token_budget=token_budget, queue_limit=queue_limit, metrics=metrics)
            batcher.start()
            try:
                return await work(batcher)
            finally:
                await batcher.stop()

        return asyncio.run(started())

    return with_batcher


def value(metrics, name):
    """Return the value of a metric."""
    found = metrics.registry.get_sample_value(name)
    return 0 if found is None else found


def test_scores_are_those_of_the_scorer(run, scorer):
    """What comes out of the queue is what the scorer says, whoever else waited."""
    texts = [f"message number {n}" for n in range(20)]

    async def work(batcher):
        return await asyncio.gather(*(batcher.score(ask(text)) for text in texts))

    assert scorer.score([ask(text) for text in texts]) == run(work)


def test_a_lone_message_goes_at_once_and_alone(run, metrics):
    """A message that comes alone is handed over alone."""

    async def work(batcher):
        await batcher.score(ask("hello"))

    run(work)
    assert (1, 1) == (value(metrics, "baton_batch_size_count"), value(metrics, "baton_batch_size_sum"))


def test_a_hand_over_stays_within_its_token_budget(run, metrics, scorer):
    """Waiting messages are handed over together while their tokens fit the budget."""
    tokens = scorer.count_tokens(ask("hello"))

    async def work(batcher):
        await asyncio.gather(*(batcher.score(ask("hello")) for _ in range(7)))

    run(work, token_budget=3 * tokens)
    assert (3, 7) == (value(metrics, "baton_batch_size_count"), value(metrics, "baton_batch_size_sum"))


def test_a_message_above_the_budget_goes_alone(run, metrics):
    """A message that is larger than the budget is scored all the same."""

    async def work(batcher):
        return await batcher.score(ask("hello " * 50))

    assert run(work, token_budget=1).explicit is not None


def test_a_full_queue_refuses(run):
    """When the queue is full the next message is refused at once, with the seconds to wait; the others are scored."""

    async def work(batcher):
        return await asyncio.gather(*(batcher.score(ask("hello")) for _ in range(5)), return_exceptions=True)

    results = run(work, queue_limit=3)
    refused = [result for result in results if isinstance(result, Overloaded)]
    assert len(refused) == 2
    assert refused[0].retry_after_seconds >= 1
    assert "3 messages wait" in str(refused[0])


def test_a_caller_that_left_is_dropped(run, metrics):
    """A message whose caller stopped waiting is not scored, and its neighbours are."""

    async def work(batcher):
        leaving = asyncio.create_task(batcher.score(ask("never mind")))
        staying = asyncio.create_task(batcher.score(ask("hello")))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert run(work).explicit is not None
    assert value(metrics, "baton_dropped_total") == 1
    assert value(metrics, "baton_batch_size_sum") == 1


def test_one_failing_message_does_not_spoil_its_neighbours(run, failing_bundle):
    """When a hand-over fails, each message is scored alone: only the one that fails is told so."""
    scorer = Scorer(Bundle.load(failing_bundle))

    async def work(batcher):
        texts = ["hello", FAILING_WORD, "my order"]
        return await asyncio.gather(*(batcher.score(ask(text)) for text in texts), return_exceptions=True)

    first, failed, last = run(work, scorer=scorer)
    assert isinstance(failed, ScoringError)
    assert scorer.score([ask("hello"), ask("my order")]) == [first, last]


def test_the_queue_lives_on_after_a_failure(run, failing_bundle):
    """A failure is its caller's; the next message is scored."""

    async def work(batcher):
        with pytest.raises(ScoringError):
            await batcher.score(ask(FAILING_WORD))
        return await batcher.score(ask("hello"))

    assert run(work, scorer=Scorer(Bundle.load(failing_bundle))).explicit is not None


def test_stopping_scores_what_waits_and_refuses_what_comes(run):
    """A stopping queue finishes what it took and takes nothing new."""

    async def work(batcher):
        taken = [asyncio.create_task(batcher.score(ask("hello"))) for _ in range(10)]
        await asyncio.sleep(0)
        stopping = asyncio.create_task(batcher.stop())
        await asyncio.sleep(0)
        with pytest.raises(Stopping, match="stopping"):
            await batcher.score(ask("too late"))
        await stopping
        return await asyncio.gather(*taken)

    assert len(run(work)) == 10


def test_stopping_with_nobody_waiting_ends(run, metrics):
    """A queue in which everybody left still stops."""

    async def work(batcher):
        leaving = asyncio.create_task(batcher.score(ask("never mind")))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait_for(batcher.stop(), 5)
        return batcher.is_running

    assert run(work) is False


def test_a_draft_to_a_long_question_is_counted_in_another_thread(run, tiny_bundle):
    """Nobody waits while the tokens of a long question are counted."""
    threads = []

    class Watched(Scorer):
        def count_tokens(self, request):
            threads.append(threading.current_thread())
            return super().count_tokens(request)

    async def work(batcher):
        for question in ("why?", "why? " * 400):
            await batcher.score(ScoreRequest(role=Role.BOT, text="Because.", question=question))

    run(work, scorer=Watched(Bundle.load(tiny_bundle)))
    assert [thread is threading.main_thread() for thread in threads] == [True, False]
