"""Blocking work in threads of our own, that tasks on any number of event loops wait for, asyncio's and trio's alike.

Not in the event loop's own threads: an application that calls blocking clients there (boto3, mostly: what this package
replaces) has them all taken just when it matters, and would make our first call wait behind its slowest one. One piece
of work is one daemon thread, which ends with it; the work is rare, so a thread kept for the next would gain nothing.
"""

from __future__ import annotations

import copy
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from bedrock_converse.errors import BedrockError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Flight", "Flights"]

INFINITY = float("inf")

T = TypeVar("T")


class Flight(Generic[T]):
    """Blocking work in a daemon thread of its own, that tasks on any event loop may wait for and stop waiting for."""

    def __init__(
        self, work: Callable[[], T], landed: Callable[[Flight[T]], None], limit: float = INFINITY, *, name: str
    ) -> None:
        """Take the work, what to call in the thread when it is over, and how many seconds to wait for it at most."""
        self.outcome: T | None = None
        self.error: BaseException | None = None
        self._work = work
        self._landed = landed
        self._name = name
        self._deadline = time.monotonic() + limit
        self._lock = threading.Lock()
        self._done = False
        self._waiters: set[tuple[Any, Callable[[], object]]] = set()

    @property
    def overdue(self) -> bool:
        """Nobody waits for it any longer."""
        return time.monotonic() >= self._deadline

    def start(self) -> None:
        """Start the thread, or raise `RuntimeError`."""
        threading.Thread(target=self._run, name=f"bedrock-converse-{self._name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self.outcome = self._work()
        except BaseException as error:  # noqa: BLE001 - whatever it is (SystemExit too), the waiters must hear of it
            self.error = error
        self.land()

    def land(self) -> None:
        """It is over: tell everybody."""
        from bedrock_converse._loop import call_in_loop  # brings asyncio, which making credentials does not need

        self._landed(self)
        with self._lock:
            self._done = True
            waiters, self._waiters = self._waiters, set()
        for loop, wake in waiters:
            call_in_loop(loop, wake)  # if that loop has ended, so has the task that waited

    async def wait(self) -> bool:
        """Wait until it is over; False if it takes too long. Cancelling the wait does not touch the work."""
        from bedrock_converse._loop import running_loop

        loop = running_loop()
        wait, wake = _trio_waiter() if hasattr(loop, "run_sync_soon") else _asyncio_waiter(loop)
        waiter = (loop, wake)
        with self._lock:
            if self._done:
                return True
            self._waiters.add(waiter)
        try:
            await wait(self._deadline - time.monotonic())
        finally:
            with self._lock:
                self._waiters.discard(waiter)
        return self._done


class Flights(Generic[T]):
    """Work under keys: whoever asks for what is being done already waits for the same. Never more threads than keys."""

    def __init__(self, name: str) -> None:
        """Take the name of the threads."""
        self._name = name
        self._under_way: dict[Hashable, Flight[T]] = {}

    async def get(self, key: Hashable, work: Callable[[], T]) -> T:
        """Give what `work()` gives, or raise what it raises; `ConfigError` if there can be no thread for it."""
        key = (os.getpid(), key)  # the threads stay behind when a process forks
        flight = self._under_way.get(key)
        if flight is None:
            made = Flight(work, lambda _: self._forget(key), name=self._name)
            flight = self._under_way.setdefault(key, made)
            if flight is made:
                self._start(flight)
        await flight.wait()
        if flight.error is not None:
            raise _copy(flight.error) from flight.error.__cause__
        return cast("T", flight.outcome)

    def _forget(self, key: Hashable) -> None:
        self._under_way.pop(key, None)

    def _start(self, flight: Flight[T]) -> None:
        try:
            flight.start()
        except RuntimeError as error:  # no more threads, or the interpreter is ending
            flight.error = ConfigError(f"no thread can be started: {error}")
            flight.land()


def _copy(error: BaseException) -> BaseException:
    """One for each task, without the frames of the thread: tracebacks must not pile up on a shared one."""
    return copy.copy(error) if isinstance(error, BedrockError | OSError) else error


# How to wait at most so many seconds, and how to end that in the loop. Without anyio, which the first call of a
# process imports in such a thread.


def _asyncio_waiter(loop: Any) -> tuple[Callable[[float], Any], Callable[[], object]]:
    import asyncio

    over = loop.create_future()

    async def wait(seconds: float) -> None:
        await asyncio.wait({over}, timeout=None if seconds == INFINITY else max(0.0, seconds))

    def wake() -> None:
        if not over.done():
            over.set_result(None)

    return wait, wake


def _trio_waiter() -> tuple[Callable[[float], Any], Callable[[], object]]:
    trio: Any = sys.modules["trio"]
    over = trio.Event()

    async def wait(seconds: float) -> None:
        with trio.move_on_after(max(0.0, seconds)):
            await over.wait()

    return wait, over.set
