"""Virtual time: waiting costs nothing, so that a time-out of 300 s and a back-off of 20 s run in milliseconds.

While everything waits, the clock jumps to the next moment at which something is due. On asyncio the running loop gets
such a clock; trio has one of its own, `trio.testing.MockClock`, which has to be given to `trio.run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    import selectors
    from collections.abc import Awaitable, Callable, Generator

__all__ = ["VirtualClock", "run_in_virtual_time", "virtual_time"]

T = TypeVar("T")

PATIENCE = 0.005
"""Real seconds without any event until the clock jumps: loopback sockets take real time."""


class VirtualClock:
    """A clock that real time does not move."""

    def __init__(self, now: float) -> None:
        self._started = self._now = now

    def time(self) -> float:
        """The time, in seconds: what the event loop goes by."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now - self._started


class _Threads:
    """Counts the work that goes on in threads: time must not jump while a file is read or a certificate loaded.

    `in_loop` calls a function in the event loop, from any thread; `changed` hears of each new count, there.
    """

    def __init__(self, in_loop: Callable[[Callable[[], None]], object], changed: Callable[[], None]) -> None:
        self.running = 0
        self._in_loop = in_loop
        self._changed = changed

    def begin(self) -> None:
        self.running += 1
        self._changed()

    def end(self, _: object = None) -> None:
        self.running -= 1
        self._changed()

    def awaited(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Like `function`, which runs something in a thread until it returns."""

        async def counted(*args: Any, **kwargs: Any) -> Any:
            self.begin()
            try:
                return await function(*args, **kwargs)
            finally:
                self.end()

        return counted

    def submitted(self, run_in_executor: Callable[..., asyncio.Future[Any]]) -> Callable[..., asyncio.Future[Any]]:
        """Like asyncio's `run_in_executor`."""

        def counted(*args: Any) -> asyncio.Future[Any]:
            future = run_in_executor(*args)
            self.begin()
            future.add_done_callback(self.end)
            return future

        return counted

    def started(self, start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
        """Like `Thread.start`; counts the client's own threads, and no pool's, which live on without work."""

        def counted(thread: threading.Thread) -> None:
            if thread.name.startswith("bedrock-converse"):
                run = thread.run

                def run_and_end() -> None:
                    try:
                        run()
                    finally:
                        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                            self._in_loop(self.end)

                thread.run = run_and_end
                self.begin()
            start(thread)

        return counted

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count from here on."""
        with (
            mock.patch("anyio.to_thread.run_sync", self.awaited(anyio.to_thread.run_sync)),
            mock.patch("threading.Thread.start", self.started(threading.Thread.start)),
        ):
            yield


class _Jumping:
    """Stands in for a loop's selector: where the loop would wait for its next timer, the clock jumps to it."""

    def __init__(
        self, selector: selectors.BaseSelector, clock: VirtualClock, patience: float, threads: _Threads
    ) -> None:
        self._selector = selector
        self._clock = clock
        self._patience = patience
        self._threads = threads

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= 0:
            return self._selector.select(timeout)
        if self._threads.running:
            return self._selector.select(1.0)  # real time: the thread wakes the loop when it is done
        events = self._selector.select(min(self._patience, timeout))
        if not events:
            self._clock.advance(timeout)
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)


@contextmanager
def virtual_time(*, patience: float = PATIENCE) -> Generator[VirtualClock]:
    """`with virtual_time() as clock:` inside a coroutine: the running event loop's clock jumps instead of waiting.

    On asyncio it works on the running loop. On trio the loop must have been started with `trio.testing.MockClock`, as
    `run_in_virtual_time` does; then the clock jumps by itself in any case.

    Args:
        patience: Real seconds that nothing must happen before a jump: time for loopback sockets. Threads
            are waited for, those of `anyio.to_thread` and of the event loop's executor.

    Raises:
        RuntimeError: No loop is running, or one whose clock cannot be replaced: uvloop's, or trio's with a real clock.
    """
    trio: Any = sys.modules.get("trio")
    if hasattr(trio, "lowlevel") and trio.lowlevel.in_trio_run():  # absent while another thread imports trio
        yield from _on_trio(trio, patience)
        return
    loop: Any = asyncio.get_running_loop()
    selector: Any = getattr(loop, "_selector", None)  # there is no public way to a running loop's
    if selector is None:
        kind = f"{type(loop).__module__}.{type(loop).__name__}"
        raise RuntimeError(f"{kind} keeps its clock to itself: use asyncio's own event loop, or run_in_virtual_time")
    clock = VirtualClock(loop.time())
    threads = _Threads(loop.call_soon_threadsafe, lambda: None)
    loop.time = clock.time
    loop._selector = _Jumping(selector, clock, patience, threads)
    loop.run_in_executor = threads.submitted(loop.run_in_executor)
    try:
        with threads.counting():
            yield clock
    finally:
        del loop.run_in_executor
        loop._selector = selector
        ahead = clock.time() - time.monotonic()
        loop.time = lambda: time.monotonic() + ahead  # a loop's clock must never go back


class _TrioClock(VirtualClock):
    def __init__(self, trio: Any) -> None:
        self._trio = trio
        super().__init__(trio.current_time())

    def time(self) -> float:
        return self._trio.current_time()

    def advance(self, seconds: float) -> None:
        self._trio.lowlevel.current_clock().jump(seconds)

    @property
    def elapsed(self) -> float:
        return self.time() - self._started


def _on_trio(trio: Any, patience: float) -> Generator[VirtualClock]:
    from trio.testing import MockClock

    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, MockClock):
        raise RuntimeError("start trio with a clock that can jump: run_in_virtual_time(..., backend='trio')")
    before = clock.autojump_threshold

    def changed() -> None:
        clock.autojump_threshold = math.inf if threads.running else patience

    threads = _Threads(trio.lowlevel.current_trio_token().run_sync_soon, changed)
    changed()
    try:
        with (
            threads.counting(),
            mock.patch("trio.to_thread.run_sync", threads.awaited(trio.to_thread.run_sync)),
        ):
            yield _TrioClock(trio)
    finally:
        clock.autojump_threshold = before


def run_in_virtual_time(
    function: Callable[..., Awaitable[T]], *args: Any, backend: str = "asyncio", patience: float = PATIENCE
) -> T:
    """Run an async function to its end, on asyncio or trio, with a clock that jumps instead of waiting.

    The arguments of the function follow it; `patience` is that of `virtual_time`. Under asyncio the loop is asyncio's
    own, also where the application has chosen another one (uvloop).
    """

    async def main() -> T:
        with virtual_time(patience=patience):
            return await function(*args)

    if backend == "trio":
        import trio
        from trio.testing import MockClock

        return trio.run(main, clock=MockClock())  # not every anyio that we allow hands the clock on
    own_loop = getattr(asyncio, "ProactorEventLoop", asyncio.SelectorEventLoop)  # Windows has the first one
    return anyio.run(main, backend=backend, backend_options={"loop_factory": own_loop})
