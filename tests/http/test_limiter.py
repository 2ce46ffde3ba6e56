from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from steady import run_steadily

from bedrock_converse._http.limiter import InFlightLimiter
from bedrock_converse.errors import ConfigError

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def test_no_limit_is_no_limiter() -> None:
    """Without a setting there is nothing to ask."""
    assert InFlightLimiter.of(None) is None


@pytest.mark.parametrize("limits", [0, -1, True, 1.5, "3", {"model": 0}, {"model": None}], ids=str)
def test_limits_are_whole_numbers(limits: Any) -> None:
    """Anything else is a ConfigError."""
    with pytest.raises(ConfigError, match="max_in_flight"):
        InFlightLimiter.of(limits)


@BACKENDS
def test_never_more_than_the_limit(backend: str) -> None:
    """Twenty calls at once, never more than three in flight, and nothing is left behind."""
    limiter = InFlightLimiter(3)
    running, most = 0, 0

    async def call() -> None:
        nonlocal running, most
        with await limiter.acquire("model"):
            running += 1
            most = max(most, running)
            await checkpoint()
            await checkpoint()
            running -= 1

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(call)

    run_steadily(main, backend=backend)
    assert most == 3
    assert limiter._queues == {}


@BACKENDS
def test_first_come_first_served(backend: str) -> None:
    """Waiters get their slots in the order in which they came, and a newcomer does not overtake them."""
    limiter = InFlightLimiter(1)
    order: list[int] = []

    async def call(number: int) -> None:
        with await limiter.acquire("model"):
            order.append(number)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            slot = await limiter.acquire("model")
            for number in range(5):
                tasks.start_soon(call, number)
                await anyio.wait_all_tasks_blocked()
            slot.release()
            await call(5)

    run_steadily(main, backend=backend)
    assert order == [0, 1, 2, 3, 4, 5]


@BACKENDS
def test_models_do_not_wait_for_each_other(backend: str) -> None:
    """A full model leaves the others alone."""
    limiter = InFlightLimiter(1)

    async def main() -> None:
        with await limiter.acquire("slow"), anyio.fail_after(1):
            (await limiter.acquire("fast")).release()

    run_steadily(main, backend=backend)


async def test_only_named_models_are_limited() -> None:
    """With a mapping the other models have no limit."""
    limiter = InFlightLimiter({"slow": 1})
    for _ in range(3):
        await limiter.acquire("fast")
    slot = await limiter.acquire("slow")
    assert limiter.in_flight("fast") == 0
    assert limiter.in_flight("slow") == 1
    slot.release()


async def test_releasing_twice_does_nothing() -> None:
    """A slot counts once, however often it is released."""
    limiter = InFlightLimiter(2)
    one, _two = await limiter.acquire("model"), await limiter.acquire("model")
    one.release()
    one.release()
    assert limiter.in_flight("model") == 1


@BACKENDS
def test_a_cancelled_waiter_leaves_the_queue(backend: str) -> None:
    """The next one in the queue gets the slot."""
    limiter = InFlightLimiter(1)
    order: list[str] = []

    async def call(name: str, scope: anyio.CancelScope) -> None:
        with scope, await limiter.acquire("model"):
            order.append(name)

    async def main() -> None:
        first = anyio.CancelScope()
        async with anyio.create_task_group() as tasks:
            slot = await limiter.acquire("model")
            tasks.start_soon(call, "first", first)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(call, "second", anyio.CancelScope())
            await anyio.wait_all_tasks_blocked()
            assert limiter.waiting("model") == 2
            first.cancel()
            await anyio.wait_all_tasks_blocked()
            assert limiter.waiting("model") == 1
            slot.release()

    run_steadily(main, backend=backend)
    assert order == ["second"]
    assert limiter._queues == {}


@BACKENDS
def test_a_waiter_cancelled_as_it_is_woken_hands_the_slot_on(backend: str) -> None:
    """Woken and cancelled in the same step, it must not take the slot with it."""
    limiter = InFlightLimiter(1)
    order: list[str] = []

    async def call(name: str, scope: anyio.CancelScope) -> None:
        with scope, await limiter.acquire("model"):
            order.append(name)
            await checkpoint()

    async def main() -> None:
        for cancel_first in (True, False):
            scope = anyio.CancelScope()
            async with anyio.create_task_group() as tasks:
                slot = await limiter.acquire("model")
                tasks.start_soon(call, "first", scope)
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(call, "second", anyio.CancelScope())
                await anyio.wait_all_tasks_blocked()
                for step in (scope.cancel, slot.release) if cancel_first else (slot.release, scope.cancel):
                    step()

    run_steadily(main, backend=backend)
    assert order.count("second") == 2
    assert limiter._queues == {}


async def test_a_task_cancelled_as_it_is_woken_hands_the_slot_on() -> None:
    """The same for asyncio's own cancellation, which anyio does not see coming."""
    limiter = InFlightLimiter(1)
    slot = await limiter.acquire("model")
    first = asyncio.create_task(limiter.acquire("model"))
    second = asyncio.create_task(limiter.acquire("model"))
    await asyncio.sleep(0)
    slot.release()
    first.cancel()
    async with asyncio.timeout(1):
        (await second).release()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert limiter._queues == {}


def test_event_loops_count_for_themselves() -> None:
    """Two threads with a loop each: a full model in one does not hold up the other."""
    limiter = InFlightLimiter(1)
    entered, done = threading.Event(), threading.Event()

    async def hold() -> None:
        with await limiter.acquire("model"):
            entered.set()
            while not done.is_set():  # noqa: ASYNC110 - the other side is a thread
                await anyio.sleep(0.001)

    async def other() -> None:
        with anyio.fail_after(1):
            (await limiter.acquire("model")).release()

    thread = threading.Thread(target=anyio.run, args=(hold,))
    thread.start()
    entered.wait(1)
    try:
        anyio.run(other)
        assert limiter.in_flight("model") == 1
    finally:
        done.set()
        thread.join()


def test_a_second_event_loop_works() -> None:
    """Loops may come and go; none leaves anything behind."""
    limiter = InFlightLimiter(1)

    async def call() -> None:
        with await limiter.acquire("model"):
            await checkpoint()

    for backend in ("asyncio", "trio", "asyncio"):
        run_steadily(call, backend=backend)
    gc.collect()
    assert limiter._queues == {}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_slot_dropped_in_another_thread_reaches_the_waiter(backend: str) -> None:
    """The garbage collector runs in any thread; the loop that sleeps over its queue is woken."""

    async def main() -> None:
        limiter = InFlightLimiter(1)
        dropped = await limiter.acquire("m")

        async def drop_later() -> None:
            await anyio.to_thread.run_sync(lambda: (time.sleep(0.05), dropped.drop()))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drop_later)
            with anyio.fail_after(2):
                slot = await limiter.acquire("m")
            assert limiter.in_flight("m") == 1
            slot.release()
        assert limiter.in_flight("m") == 0

    run_steadily(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_slot_dropped_after_its_loop_is_free(backend: str) -> None:
    """Nobody waits there any more."""
    limiter = InFlightLimiter(1)
    slot = anyio.run(limiter.acquire, "m", backend=backend)
    slot.drop()
    assert limiter.in_flight("m") == 0
