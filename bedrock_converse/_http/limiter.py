"""At most so many calls in flight per model, so that one slow model cannot take every connection.

Fair: who came first goes first, and a newcomer never overtakes a waiter. A slot that becomes free is handed to the next
waiter directly; one that is cancelled at that very moment hands it on. Each event loop counts for itself, so a client
that serves several threads allows the number in each of them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bedrock_converse._http.running import CLOSED
from bedrock_converse._loop import call_in_loop, running_loop
from bedrock_converse.errors import ClientClosed, ConfigError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import TracebackType

    from anyio import Event

__all__ = ["InFlightLimiter", "Slot"]


class InFlightLimiter:
    """Gives out slots per model id. Without a setting a client has none of these at all; see `of`.

    A task that calls a model while it still holds a stream of the same model open takes two slots.
    """

    __slots__ = ("_limits", "_queues")

    def __init__(self, limits: int | Mapping[str, int]) -> None:
        """`limits` is one number for every model id, or a number per model id (others are not limited).

        Raises `ConfigError` for anything but whole numbers of at least 1.
        """
        for limit in limits.values() if isinstance(limits, Mapping) else (limits,):
            if not _is_count(limit):
                raise ConfigError(f"max_in_flight must be a whole number of at least 1 (per model id), not {limit!r}")
        self._limits: int | dict[str, int] = dict(limits) if isinstance(limits, Mapping) else limits
        # Only what is in use has an entry, so ids that come and go (and event loops that end) leave nothing behind.
        self._queues: dict[tuple[Hashable, str], _Queue] = {}

    @classmethod
    def of(cls, max_in_flight: int | Mapping[str, int] | None) -> InFlightLimiter | None:
        """What `max_in_flight=` accepts; None (no limit) gives None, so that an unlimited call does nothing at all."""
        return None if max_in_flight is None else cls(max_in_flight)

    async def acquire(self, model_id: str) -> Slot:
        """Wait for a slot. Release it (any number of times) when the call is over, or use it in a `with`."""
        limit = self._limits if isinstance(self._limits, int) else self._limits.get(model_id)
        if limit is None:
            return Slot(None)
        key = (running_loop(), model_id)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue(self._queues, key, limit)
        if queue.in_flight < limit:  # then nobody waits: a free slot goes to a waiter at once
            queue.in_flight += 1
        else:
            await queue.wait()
        return Slot(queue)

    def refuse(self, loop: Hashable) -> None:
        """The client is closed: who waits in this event loop, which must be the running one, gets `ClientClosed`."""
        for queue in list(self._queues.values()):
            if queue.loop == loop:
                while queue.waiters:
                    queue.waiters.popleft().over.set()

    def in_flight(self, model_id: str) -> int:
        """How many slots of this model are taken, over all event loops."""
        return sum(queue.in_flight for (_, name), queue in list(self._queues.items()) if name == model_id)

    def waiting(self, model_id: str) -> int:
        """How many calls wait for a slot of this model, over all event loops."""
        return sum(len(queue.waiters) for (_, name), queue in list(self._queues.items()) if name == model_id)


class Slot:
    """The right to have one call in flight."""

    __slots__ = ("_queue",)

    def __init__(self, queue: _Queue | None) -> None:
        self._queue = queue

    def release(self) -> None:
        """Give it back, to the next waiter if there is one. Doing so again does nothing."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.release()

    def drop(self) -> None:
        """`release` for the garbage collector, which may run in any thread, in the middle of anything, after the loop's
        end or in a forked process: the queue's own loop does it, as its next step."""
        queue, self._queue = self._queue, None
        if queue is not None and queue.process == os.getpid() and not call_in_loop(queue.loop, queue.release):
            queue.release()  # that loop has ended, and whoever waited there with it

    def __enter__(self) -> Slot:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class _Turn:
    """Somebody waits; `granted` when it is over, or refused."""

    __slots__ = ("granted", "over")

    def __init__(self, over: Event) -> None:
        self.over = over
        self.granted = False


class _Queue:
    """The slots of one model in one event loop. Everything but the wait itself is synchronous."""

    __slots__ = ("_home", "_key", "in_flight", "limit", "process", "waiters")

    def __init__(self, home: dict[tuple[Hashable, str], _Queue], key: tuple[Hashable, str], limit: int) -> None:
        self._home = home
        self._key = key
        self.process = os.getpid()
        self.limit = limit
        self.in_flight = 0
        self.waiters: deque[_Turn] = deque()

    @property
    def loop(self) -> Hashable:
        """The event loop that it belongs to."""
        return self._key[0]

    async def wait(self) -> None:
        from anyio import Event

        turn = _Turn(Event())
        self.waiters.append(turn)
        try:
            await turn.over.wait()
            if not turn.granted:
                raise ClientClosed(CLOSED)
        except BaseException:
            if turn.granted:
                self.release()  # the slot was given to us just before the cancellation: the next one gets it
            elif turn in self.waiters:
                self.waiters.remove(turn)
            raise

    def release(self) -> None:
        if self.waiters:
            turn = self.waiters.popleft()
            turn.granted = True
            turn.over.set()
            return
        self.in_flight -= 1
        if not self.in_flight:
            del self._home[self._key]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
