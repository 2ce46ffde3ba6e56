"""Calls that begin together take turns, so that hundreds of them do not hold the event loop.

Beginning a call (checking, writing, signing, connecting) takes a fraction of a millisecond without an await in between,
and asyncio runs every task that is ready before it looks at anything else: the rest of the program would wait for all
calls of a `gather`. With turns it waits for a few of them, and a call that begins alone waits for nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from bedrock_converse._loop import asyncio_task

if TYPE_CHECKING:
    import asyncio

__all__ = ["take_turn"]

AT_ONCE: Final = 8
"""Calls that begin in one turn of the event loop, 3 ms of work; more where a burst would not be over in `TURNS`."""
TURNS: Final = 24
"""In which a burst has begun, however large it is. The last of a thousand streams would otherwise wait, in turn after
turn, for the events of all that began before it."""


class Turns:
    """The turns of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._size = self._left = AT_ONCE
        """How many may begin in a turn, and how many more in this one."""
        self._running = False
        """The event loop will call `_next_turn`."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        if not self._running:
            self._running = True
            self._loop.call_soon(self._next_turn)
        if self._left:
            self._left -= 1
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        self._size = max(self._size, len(self._waiting) // TURNS)
        await turn

    def _next_turn(self) -> None:
        if not self._waiting:
            self._size = AT_ONCE
        self._left = self._size
        while self._left and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled
                turn.set_result(None)
                self._left -= 1
        self._running = self._left < self._size
        if self._running:
            self._loop.call_soon(self._next_turn)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


async def take_turn() -> None:
    """Wait until it is this call's turn to begin; under trio, whose scheduler knows no order, at once."""
    task = asyncio_task()
    if task is None:
        return
    loop = task.get_loop()
    turns = _turns.get(loop)
    if turns is None:
        turns = _turns[loop] = Turns(loop)
    await turns.take()
