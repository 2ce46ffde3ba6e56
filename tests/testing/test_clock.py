"""Virtual time: it jumps, in order, on asyncio and trio, and gives way to what takes real time."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial

import anyio
import anyio.to_thread
import pytest
import trio

from bedrock_converse._loop import call_in_loop, running_loop
from bedrock_converse.testing import VirtualClock, run_in_virtual_time, virtual_time

BACKENDS = ["asyncio", "trio"]
everywhere = pytest.mark.parametrize("backend", BACKENDS)


@everywhere
def test_sleeps_cost_nothing(backend: str) -> None:
    """An hour passes at once, and sleepers wake in their order."""
    woken: list[int] = []

    async def sleep(hours: int) -> None:
        await anyio.sleep(hours * 3600)
        woken.append(hours)

    async def main() -> float:
        started = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for hours in (3, 1, 2):
                tasks.start_soon(sleep, hours)
        return anyio.current_time() - started

    started = time.monotonic()
    assert run_in_virtual_time(main, backend=backend) == pytest.approx(3 * 3600, abs=1)
    assert time.monotonic() - started < 5
    assert woken == [1, 2, 3]


@everywhere
def test_timeouts(backend: str) -> None:
    """A time limit runs out when everything else waits for longer."""

    async def main() -> bool:
        with anyio.move_on_after(300) as scope:
            await anyio.sleep_forever()
        return scope.cancelled_caught

    assert run_in_virtual_time(main, backend=backend)


@everywhere
def test_threads_are_waited_for(backend: str) -> None:
    """While a thread works, time does not jump: a limit of 10 s is not used up by 50 ms of work."""

    def work() -> str:
        time.sleep(0.05)
        return "done"

    async def in_own_thread() -> str:
        done = anyio.Event()
        loop = running_loop()
        name = "bedrock-converse-credentials"
        threading.Thread(target=lambda: (work(), call_in_loop(loop, done.set)), name=name).start()
        await done.wait()
        return "done"

    async def in_executor() -> str:
        return await asyncio.get_running_loop().run_in_executor(None, work)

    async def main() -> None:
        of_the_loop = in_executor if backend == "asyncio" else partial(trio.to_thread.run_sync, work)
        for run in (partial(anyio.to_thread.run_sync, work), in_own_thread, of_the_loop):
            with anyio.fail_after(10):
                assert await run() == "done"
        with anyio.move_on_after(10) as scope:  # and then it jumps again
            await anyio.sleep_forever()
        assert scope.cancelled_caught

    run_in_virtual_time(main, backend=backend)


async def test_inside_a_running_loop() -> None:
    """The switch works on the loop that a test already runs in, and its clock never goes back."""
    loop = asyncio.get_running_loop()
    before = loop.time()
    with virtual_time() as clock:
        await asyncio.sleep(1000)
        assert clock.elapsed == pytest.approx(1000, abs=1)
        inside = loop.time()
    assert loop.time() >= inside >= before + 1000
    await asyncio.sleep(0.01)  # real time again
    assert loop.time() < inside + 5


async def test_advance() -> None:
    """Time can be moved by hand, for code that looks at the clock."""
    with virtual_time() as clock:
        assert isinstance(clock, VirtualClock)
        now = asyncio.get_running_loop().time()
        clock.advance(5)
        assert asyncio.get_running_loop().time() == now + 5


def test_trio_needs_its_clock() -> None:
    """A trio run with a real clock cannot be switched, and says what to do."""

    async def main() -> None:
        with virtual_time():
            pass

    with pytest.raises(RuntimeError, match="run_in_virtual_time"):
        trio.run(main)


def test_trio_by_hand() -> None:
    """On trio the clock shows and moves the virtual time."""

    async def main() -> float:
        with virtual_time() as clock:
            await trio.sleep(100)
            clock.advance(50)
            return clock.elapsed

    assert trio.run(main, clock=trio.testing.MockClock()) == pytest.approx(150, abs=1)


def test_no_loop() -> None:
    """Outside a loop there is nothing to switch."""
    with pytest.raises(RuntimeError), virtual_time():
        pass
