from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from engine import both
from steady import LOOK, run_steadily
from stepwise import WAYS, EveryAwait


@both
def test_a_stall_does_not_use_up_a_limit(backend: str) -> None:
    """What stands still for longer than a time limit leaves nearly all of it."""

    async def main() -> float:
        with anyio.fail_after(0.2) as limit:
            time.sleep(0.3)  # noqa: ASYNC251 - the machine does this to us
            await anyio.lowlevel.checkpoint()
            return limit.deadline - anyio.current_time()

    assert run_steadily(main, backend=backend) > 0.2 - 10 * LOOK


@both
def test_a_limit_that_nothing_holds_up(backend: str) -> None:
    """It ends when it is to, a hair sooner or later."""

    async def main() -> float:
        began = time.monotonic()
        with anyio.move_on_after(0.2):
            await anyio.sleep_forever()
        return time.monotonic() - began

    assert run_steadily(main, backend=backend) >= 0.19


@both
@pytest.mark.parametrize("at_least", [3, 4])
def test_every_await_is_cancelled(backend: str, at_least: int) -> None:
    """One after the other, in each way; and a run that has fewer than it should fails the test."""
    reached: list[int] = []
    too_few = pytest.raises(AssertionError, match="there are 3 awaits instead of 4 or more")

    async def waits() -> None:
        for number in range(3):
            reached.append(number)
            await anyio.lowlevel.checkpoint()

    async def cancelled_everywhere(way: Any) -> None:
        for run_cancelled in EveryAwait(way, at_least):
            await run_cancelled(waits)

    async def main() -> None:
        for way in WAYS[backend]:
            reached.clear()
            with nullcontext() if at_least == 3 else too_few:
                await cancelled_everywhere(way)
            assert [reached.count(number) for number in range(3)] == [6, 5, 4]  # three went all the way

    run_steadily(main, backend=backend)
