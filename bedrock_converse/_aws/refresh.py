"""A value that expires, kept fresh for any number of tasks, on any number of event loops, in any number of threads.

      obtained                              renew_at            wait_at              expires
    ─────┴─────────────────────────────────────┴───────────────────┴───────────────────┴─────
         the value is served as it is          │ still served,      │ everybody waits for the
         (no lock, no thread, no await)        │ one renewal runs   │ one renewal

The renewal is blocking work (files, HTTP, a process), so it runs in a thread; it serves all loops, so it cannot be a
task of one of them; it must outlive the call that began it, so it cannot live in that call's task group. Hence a
`Flight`: one daemon thread for one renewal, which ends with it. Renewals are hours apart, so a thread kept waiting for
the next one would gain nothing, and nothing has to be closed.

A source that is a coroutine function is awaited instead, by the first task of each loop that needs it; when that task
is cancelled, the next one takes over.
"""

from __future__ import annotations

import copy
import logging
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from bedrock_converse._aws.flight import Flight
from bedrock_converse.errors import BedrockError, ConfigError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio import Event

__all__ = ["NeedsLoop", "Renewed", "Source"]

ADVISORY = 900.0
"""Seconds before the end from which a renewal runs in the background; for short lives half of the life."""
MANDATORY = 600.0
"""Seconds before the end from which everybody waits for the renewal; for short lives a third of the life."""
TIME_LIMIT = 60.0
"""Seconds that anybody waits for a renewal. A slower one is given up, and the next call begins a new one."""
PAUSE = 60.0
"""Seconds between two renewals in the background when the first one failed."""

logger = logging.getLogger("bedrock_converse")

T = TypeVar("T")


class NeedsLoop(Exception):  # noqa: N818 - a signal, not an error
    """A source that was called in a thread gave back an awaitable: it wants to be called on the event loop."""


class Source(Generic[T]):
    """Where a value comes from."""

    what = "the source"
    """How an error message calls it."""
    renewable = True
    """It can be asked again."""
    on_loop = False
    """Call `load_on_loop` on the event loop instead of `load` in a thread."""

    async def prepare(self) -> Any:
        """Get what `load` needs from the event loop; called before the thread is started."""
        return None

    def load(self, prepared: Any, *, refused: bool) -> T:
        """Get the value; may block. `refused` means that AWS no longer accepts the last one, whatever its age."""
        raise NotImplementedError

    async def load_on_loop(self) -> T:
        """Get the value by awaiting."""
        raise NotImplementedError

    def expires_at(self, value: T) -> float | None:
        """When the value ends, as a Unix time; None if it does not say."""
        return None


class _Held(Generic[T]):
    """A value and the two moments of the drawing above. Without a `repr` that would show the value."""

    __slots__ = ("renew_at", "value", "wait_at")

    def __init__(self, value: T, expires_at: float | None, life: float = 0.0) -> None:
        self.value = value
        self.renew_at = self.wait_at = float("inf")
        if expires_at is not None:
            self.renew_at = expires_at - min(ADVISORY, life / 2)
            self.wait_at = expires_at - min(MANDATORY, life / 3)


class Renewed(Generic[T]):
    """The value of a source, renewed before it expires. Nothing happens until the first `get`."""

    def __init__(self, source: Source[T], *, given: T | None = None, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._clock = clock
        self._held = None if given is None else _Held(given, source.expires_at(given))
        self._refused = False
        self._paused_until = 0.0
        self._warned = False
        self._flight: Flight[_Held[T]] | None = None
        self._turns: dict[object, _Turn[T]] = {}
        self._lock = threading.Lock()  # never held over anything that waits
        self._pid = os.getpid()

    async def get(self) -> T:
        """Give a value that is good now.

        Raises:
            CredentialsError: There is none and none can be had.
        """
        held = self._held
        if held is not None and self._clock() < held.renew_at:
            return held.value
        if not self._source.on_loop:
            try:
                return await self._get_from_thread()
            except NeedsLoop:
                self._source.on_loop = True
        return await self._get_on_loop()

    @property
    def renewable(self) -> bool:
        """Tell whether a new value can be had at all, so that `invalidate` is of use."""
        return self._source.renewable

    def invalidate(self, used: T) -> None:
        """Say that AWS refused `used` as expired: the next `get` asks the source anew.

        Safe to call from all the tasks that were refused at once: nothing happens if the value is a newer one by now,
        or if the source cannot give another one.
        """
        if not self._source.renewable:
            return
        self._notice_fork()
        with self._lock:
            if self._held is not None and self._held.value == used:
                self._held = None
                self._refused = True
                self._flight = None  # it began before we knew: let it land unnoticed

    # ── in a thread

    async def _get_from_thread(self) -> T:
        while True:
            held, now = self._held, self._clock()
            if held is not None and now < held.wait_at:
                if now >= held.renew_at:
                    await self._renew_in_background(held)
                return held.value
            flight = self._current_flight() or self._start(held, await self._source.prepare())
            if flight is not None:
                return (await self._wait(flight)).value

    async def _renew_in_background(self, held: _Held[T]) -> None:
        if self._current_flight() or self._clock() < self._paused_until:
            return
        try:
            self._start(held, await self._source.prepare())
        except CredentialsError as error:
            self._failed(error)

    def _current_flight(self) -> Flight[_Held[T]] | None:
        self._notice_fork()
        with self._lock:
            flight = self._flight
            if flight is None or not flight.overdue:
                return flight
            self._flight = None
        self._failed(self._too_slow())
        return None

    def _notice_fork(self) -> None:
        if self._pid != os.getpid():  # the thread stayed in the other process, and perhaps it holds the lock there
            self._pid, self._lock, self._flight = os.getpid(), threading.Lock(), None

    def _start(self, held: _Held[T] | None, prepared: Any) -> Flight[_Held[T]] | None:
        """Begin a renewal of `held`, or give the one that runs; None if one has landed since `held` was looked up."""
        with self._lock:
            flight = self._flight
            if flight is None and self._held is not held:
                return None
            if flight is None:
                flight = self._flight = self._new_flight(prepared)
                try:
                    flight.start()
                except RuntimeError as error:  # no more threads, or the interpreter is ending
                    self._flight = None
                    raise CredentialsError(f"No thread can be started for {self._source.what}") from error
            return flight

    def _new_flight(self, prepared: Any) -> Flight[_Held[T]]:
        work = partial(self._load, prepared, self._refused)
        return Flight(work, self._landed, TIME_LIMIT, name="credentials")

    async def _wait(self, flight: Flight[_Held[T]]) -> _Held[T]:
        if not await flight.wait():
            raise self._too_slow()
        if flight.error is not None:
            raise _copy(flight.error) from flight.error.__cause__
        return cast("_Held[T]", flight.outcome)

    def _load(self, prepared: Any, refused: bool) -> _Held[T]:
        try:
            return self._accept(self._source.load(prepared, refused=refused))
        except NeedsLoop:
            raise
        except BaseException as error:  # noqa: BLE001 - a `sys.exit` in a callable must reach who waits as our error too
            raise self._as_ours(error) from error.__cause__ if isinstance(error, BedrockError) else error

    def _landed(self, flight: Flight[_Held[T]]) -> None:
        with self._lock:
            if self._flight is not flight:
                return  # given up or overtaken: what it brings may be older than what we have
            self._flight = None
            if flight.outcome is not None:
                self._hold(flight.outcome)
        if isinstance(flight.error, CredentialsError):
            self._failed(flight.error)

    # ── on the event loop

    async def _get_on_loop(self) -> T:
        from bedrock_converse._loop import running_loop

        loop = running_loop()
        while True:
            held, now = self._held, self._clock()
            usable = held is not None and now < held.wait_at
            if held is not None and (now < held.renew_at or (usable and now < self._paused_until)):
                return held.value
            turn = self._turns.get(loop)
            if turn is None:
                return await self._lead(loop, held if usable else None)
            if held is not None and usable:
                return held.value
            await turn.over.wait()
            if turn.error is not None:
                raise _copy(turn.error) from turn.error.__cause__
            if turn.outcome is not None:
                return turn.outcome.value

    async def _lead(self, loop: object, spare: _Held[T] | None) -> T:
        """Ask the source for all tasks of this loop. `spare` still serves if that fails."""
        import anyio

        from bedrock_converse._loop import at_most

        async def ask() -> None:
            turn.outcome = self._accept(await self._source.load_on_loop())

        turn = self._turns[loop] = _Turn[T](anyio.Event())
        try:
            await at_most(TIME_LIMIT, ask)
            if turn.outcome is None:
                turn.error = self._too_slow()
        except Exception as error:  # noqa: BLE001 - it is the user's callable: anything may come, all who wait get it
            turn.error = self._as_ours(error)
            turn.error.__cause__ = error.__cause__ if isinstance(error, BedrockError) else error
        finally:
            del self._turns[loop]
            turn.over.set()
        if turn.outcome is not None:
            self._hold(turn.outcome)
            return turn.outcome.value
        failure = turn.error or self._too_slow()
        if spare is None:
            raise _copy(failure) from failure.__cause__
        self._failed(failure)
        return spare.value

    # ── what both have in common

    def _accept(self, value: T) -> _Held[T]:
        expires_at, now = self._source.expires_at(value), self._clock()
        if expires_at is not None and expires_at <= now:
            ended = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(expires_at))
            raise CredentialsError(
                f"What {self._source.what} gave has expired already, at {ended} UTC",
                hint="If that cannot be, this machine's clock is wrong.",
            )
        return _Held(value, expires_at, 0.0 if expires_at is None else expires_at - now)

    def _hold(self, held: _Held[T]) -> None:
        self._held, self._refused, self._paused_until, self._warned = held, False, 0.0, False

    def _failed(self, error: CredentialsError) -> None:
        """A renewal failed. Who waits gets the error; if the old value still serves, one line in the log must do."""
        now = self._clock()
        self._paused_until = now + PAUSE
        if self._held is not None and now < self._held.wait_at and not self._warned:
            self._warned = True
            logger.warning("Renewing credentials failed; the present ones still serve. %s", error)

    def _as_ours(self, error: BaseException) -> CredentialsError:
        if isinstance(error, CredentialsError):
            return error
        if isinstance(error, ConfigError):
            return CredentialsError(f"From {self._source.what}: {error.message}", hint=error.hint)
        # Not its text: it is a stranger's, and it is about secrets. Whoever wants it finds it in __cause__.
        return CredentialsError(f"Getting credentials from {self._source.what} failed with {type(error).__name__}")

    def _too_slow(self) -> CredentialsError:
        return CredentialsError(f"Getting credentials from {self._source.what} took more than {TIME_LIMIT:.0f} s")


class _Turn(Generic[T]):
    """One task asks, the others of its loop wait. Neither outcome nor error: the task was cancelled."""

    __slots__ = ("error", "outcome", "over")

    def __init__(self, over: Event) -> None:
        self.over = over
        self.outcome: _Held[T] | None = None
        self.error: CredentialsError | None = None


def _copy(error: BaseException) -> BaseException:
    """One error for each task: what the client adds to it differs, and tracebacks must not pile up on a shared one.

    The copy has no traceback: the locals of the thread's frames, some of which are secrets, do not leave it.
    """
    return copy.copy(error) if isinstance(error, BedrockError) else error
