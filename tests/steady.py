"""Event loops on which a machine that stops us does not use up a test's time limits.

A limit of 0.3 s means 30 looks at the sockets that find nothing, 10 ms apart, and so for a peer in a thread of this
process that it has had its turns. Where everything stands still for a second, or a wait takes longer than it was to,
10 ms have gone by. What computes takes its time in pieces of that size, too.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import trio
from trio.abc import Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["SteadyClock", "run_steadily"]

T = TypeVar("T")

LOOK = 0.01
"""Seconds from one look at the sockets to the next, and the most that may go by between two readings of the clock."""


class SteadyClock(Clock):
    """The time for asyncio and, as it is, for trio."""

    def __init__(self) -> None:
        self._now = self._read = time.monotonic()

    def current_time(self) -> float:
        read = time.monotonic()
        self._now += min(read - self._read, LOOK)
        self._read = read
        return self._now

    def start_clock(self) -> None:
        """Nothing to do: it has begun."""

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return min(deadline - self.current_time(), LOOK)


class SteadyLoop(asyncio.SelectorEventLoop):
    """asyncio's own, with that clock."""

    def __init__(self) -> None:
        self._steady = SteadyClock()
        selector = selectors.DefaultSelector()
        select: Callable[[float], Any] = selector.select
        selector.select = lambda timeout=None: select(LOOK if timeout is None else min(timeout, LOOK))  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self._steady.current_time()


def run_steadily(function: Callable[..., Awaitable[T]], *args: Any, backend: str = "asyncio") -> T:
    """`anyio.run`, but for the clock."""
    if backend == "trio":
        return trio.run(function, *args, clock=SteadyClock())

    return anyio.run(function, *args, backend_options={"loop_factory": SteadyLoop})
