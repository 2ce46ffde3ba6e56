"""Enforces a call's time limits, phase by phase.

A phase is a span of the call that has a limit of its own. It may consist of many reads; its clock runs from its start
until the next `start`, so a peer that drips a byte now and then does not get more time. Between two waits nothing runs:
the time that the caller's own code takes between two events counts for nothing but `total`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope, current_time

from bedrock_converse._loop import asyncio_task
from bedrock_converse.errors import RequestTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self

    from bedrock_converse._http.deadline import Phase, Timeout
    from bedrock_converse.errors import TimeoutPhase

__all__ = ["AsyncioScope", "CallTimer", "call_timer", "cancel_scope"]

T = TypeVar("T")

INFINITY = float("inf")


def call_timer(timeout: Timeout) -> CallTimer:
    """The timer for one call, which begins now. Belongs to the event loop that it was made in."""
    task = asyncio_task()
    return CallTimer(timeout) if task is None else AsyncioCallTimer(timeout, task.get_loop())


def cancel_scope() -> CancelScope | AsyncioScope:
    """A scope whose block others may cancel: anyio's, or one that a first call under asyncio can have for less."""
    task = asyncio_task()
    return CancelScope() if task is None else AsyncioScope(task)


class AsyncioScope:
    """As much of anyio's `CancelScope` as opening a connection needs, without importing anyio's backend.

    That import takes as long as building all schemas of `converse()`, and it would be done in the event loop.
    """

    __slots__ = ("_cancelling", "_task", "cancel_called")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task: asyncio.Task[Any] | None = task
        self._cancelling = task.cancelling()
        self.cancel_called = False

    def cancel(self) -> None:
        """Cancels the block, once; nothing when it is over."""
        if self._task is not None and not self.cancel_called:
            self.cancel_called = True
            self._task.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        task, self._task = self._task, None
        if task is None or not self.cancel_called:
            return False
        return task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError)


class CallTimer:
    """The clock of one call. Made by `call_timer`.

        timer = call_timer(timeout)
        try:
            timer.start("connect")
            connection = await timer.wait(pool.acquire, origin)
            timer.start("first_event")
            ... await timer.wait(read) ...      # as often as it takes
            timer.start("idle")                 # an event has come, the next one is wanted: the next phase
            ... await timer.wait(read) ...
        finally:
            timer.close()

    `wait` runs one await under what is left of the phase, or of `total` if that is less, and raises `RequestTimeout`
    when that runs out. A cancellation or a timeout of the caller's own passes through it untouched, and nothing of ours
    is held between two waits. One wait at a time.
    """

    __slots__ = ("_at", "_clock", "_limit", "_phase", "_timeout", "_total_at")

    def __init__(self, timeout: Timeout) -> None:
        self._timeout = timeout
        self._clock = self._get_clock()
        self._total_at = INFINITY if timeout.total is None else self._clock() + timeout.total
        self.start("total")

    def _get_clock(self) -> Callable[[], float]:
        return current_time

    @property
    def remaining(self) -> float:
        """Seconds until `total` runs out, never below 0; infinite without a total."""
        return max(0.0, self._total_at - self._clock()) if self._total_at < INFINITY else INFINITY

    @property
    def deadline(self) -> float | None:
        """When the phase (or `total`) ends, on the loop's clock: for what takes a deadline instead of a `wait`."""
        return None if self._at == INFINITY else self._at

    def check(self) -> None:
        """Raises `RequestTimeout` if the phase is over: for a loop of waits that keep coming back with too little."""
        if self._at < INFINITY and self._at <= self._clock():
            raise self.expired()

    def total_is_over(self) -> bool:
        """For events that are there already, and for which nobody waits."""
        return self._total_at < INFINITY and self._total_at <= self._clock()

    def total_expired(self) -> RequestTimeout:
        """The error to raise then."""
        self._at = self._total_at
        return self.expired()

    def start(self, phase: Phase, seconds: float | None = None) -> None:
        """`phase` begins now, and may last `seconds` (when not given: what the `Timeout` says)."""
        limit: float | None = getattr(self._timeout, phase) if seconds is None else seconds
        self._phase: Phase = phase
        self._limit = limit
        self._at = self._total_at if limit is None else min(self._clock() + limit, self._total_at)

    async def wait(self, make: Callable[..., Awaitable[T]], *args: Any) -> T:
        """`await make(*args)` within what is left of the phase."""
        if self._at == INFINITY:
            return await make(*args)
        scope = CancelScope(deadline=self._at)
        try:
            with scope:
                return await make(*args)
        except Exception as error:
            if scope.cancel_called:  # what the clean-up raised instead of letting the cancellation through
                raise self.expired() from error
            raise
        raise self.expired()  # the scope has caught the cancellation that it sent

    def close(self) -> None:
        """The call is over."""

    def expired(self) -> RequestTimeout:
        """The error to raise when the phase is over."""
        phase, seconds = self._phase, self._limit
        if seconds is None or self._at == self._total_at:
            phase, seconds = "total", self._timeout.total
        assert seconds is not None
        return RequestTimeout(f"{_MEANING[phase]} {seconds:g} s", phase=_REPORTED[phase], seconds=seconds)


class AsyncioCallTimer(CallTimer):
    """The same with one timer of the event loop for the whole call, since `wait` is on the path of every event.

    A timer per wait (what `asyncio.timeout` and anyio's scopes do) costs more than decoding an event. Here a wait only
    notes who waits and until when; the loop's timer is left as it is while it is due earlier than that, finds out when
    it fires whether anything has really expired, and is set again if not.
    """

    __slots__ = ("_cancelling", "_due", "_fired", "_handle", "_loop", "_task")

    def __init__(self, timeout: Timeout, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self._due = INFINITY
        """When the loop's timer fires."""
        self._task: asyncio.Task[Any] | None = None
        """Who is waiting."""
        self._cancelling = 0
        """How many cancellations that task had pending when the wait began."""
        self._fired = False
        """Our own cancellation is on its way to that task."""
        super().__init__(timeout)

    def _get_clock(self) -> Callable[[], float]:
        return self._loop.time

    async def wait(self, make: Callable[..., Awaitable[T]], *args: Any) -> T:
        if self._at == INFINITY:
            return await make(*args)
        task = asyncio.current_task(self._loop)
        assert task is not None
        self._cancelling = task.cancelling()
        self._task = task
        if self._at < self._due:
            self._set_timer(self._at)
        try:
            return await make(*args)
        except BaseException as error:
            if self._fired and task.cancelling() - 1 <= self._cancelling:  # nobody but the timer has cancelled it
                if isinstance(error, asyncio.CancelledError):
                    raise self.expired() from None
                if isinstance(error, Exception):
                    raise self.expired() from error  # what the clean-up raised instead
            raise
        finally:
            self._task = None
            if self._fired:
                self._fired = False
                task.uncancel()

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle, self._due = None, INFINITY

    def _set_timer(self, at: float) -> None:
        self.close()
        self._handle = self._loop.call_at(at, self._on_timer)
        self._due = at

    def _on_timer(self) -> None:
        self._handle, self._due = None, INFINITY
        task, now = self._task, self._clock()
        if task is None:
            return  # nobody waits; the next wait sets it anew
        if now < self._at:
            self._set_timer(self._at)
        elif task.cancelling() > self._cancelling and now < self._at + GRACE:
            # Somebody else's cancellation is passing through (the caller's, or an inner timeout's). A second one would
            # cut its clean-up short, so look again a little later.
            self._set_timer(now + GRACE / 40)
        else:
            self._fired = True
            task.cancel()


GRACE = 2.0
"""How long somebody else's cancellation may take, in seconds, before ours follows it all the same."""

_REPORTED: dict[Phase, TimeoutPhase] = {
    "connect": "connect",
    "first_event": "first_event",
    "answer": "first_event",
    "idle": "idle",
    "total": "total",
}
_MEANING: dict[Phase, str] = {
    "connect": "no connection within",
    "first_event": "no event of the stream within",
    "answer": "no complete answer within",
    "idle": "no further event of the stream within",
    "total": "the call was not over within its total of",
}
