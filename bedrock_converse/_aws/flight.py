"""One piece of blocking work that tasks on any number of event loops wait for, asyncio's and trio's alike."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Flight", "running_loop"]

T = TypeVar("T")


class Flight(Generic[T]):
    """Blocking work in a daemon thread of its own, that tasks on any event loop may wait for and stop waiting for."""

    def __init__(self, work: Callable[[], T], landed: Callable[[Flight[T]], None], limit: float) -> None:
        """Take the work, what to call in the thread when it is over, and how many seconds to wait for it at most."""
        self.outcome: T | None = None
        self.error: BaseException | None = None
        self._work = work
        self._landed = landed
        self._deadline = time.monotonic() + limit
        self._lock = threading.Lock()
        self._done = False
        self._waiters: set[Callable[[], object]] = set()

    @property
    def overdue(self) -> bool:
        """Nobody waits for it any longer."""
        return time.monotonic() >= self._deadline

    def start(self) -> None:
        """Start the thread, or raise `RuntimeError`."""
        threading.Thread(target=self._run, name="bedrock-converse-credentials", daemon=True).start()

    def _run(self) -> None:
        try:
            self.outcome = self._work()
        except BaseException as error:  # noqa: BLE001 - whatever it is (SystemExit too), the waiters must hear of it
            self.error = error
        self._landed(self)
        with self._lock:
            self._done = True
            waiters, self._waiters = self._waiters, set()
        for wake in waiters:
            try:
                wake()
            except RuntimeError:
                continue  # that event loop is closed, and with it the task that waited

    async def wait(self) -> bool:
        """Wait until it is over; False if it takes too long. Cancelling the wait does not touch the work."""
        from anyio import Event, move_on_after

        over = Event()
        _, call_soon = running_loop()
        wake = partial(call_soon, over.set)
        with self._lock:
            if self._done:
                return True
            self._waiters.add(wake)
        try:
            with move_on_after(self._deadline - time.monotonic()):
                await over.wait()
        finally:
            with self._lock:
                self._waiters.discard(wake)
        return self._done


def running_loop() -> tuple[object, Callable[[Callable[[], object]], object]]:
    """The event loop of this task, and the function that has it call another one, from any thread."""
    trio: Any = sys.modules.get("trio")
    if hasattr(trio, "lowlevel"):  # it is there last, when another thread is importing trio
        with suppress(RuntimeError):  # this is not a task of trio's
            trio.lowlevel.current_task()
            token = trio.lowlevel.current_trio_token()
            return token, token.run_sync_soon
    import asyncio

    loop = asyncio.get_running_loop()
    return loop, loop.call_soon_threadsafe
