"""Calls that begin together take turns, so that hundreds of them do not hold the event loop.

Beginning a call (checking, writing, signing, connecting) takes a fraction of a millisecond without an await in between,
and asyncio runs every task that is ready before it looks at anything else: the rest of the program would wait for all
calls of a `gather`. With turns it waits for `AT_ONCE` of them, and a call that begins alone waits for nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from bedrock_converse._loop import asyncio_task

if TYPE_CHECKING:
    import asyncio

__all__ = ["take_turn"]

AT_ONCE: Final = 64
"""Calls that begin in one turn of the event loop, about 10 ms of work. With fewer, the last of a thousand streams would
wait while the events of those before them are read: with 16 its first event came 0.3 s later."""


class Turns:
    """The turns of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = AT_ONCE
        """How many more may begin in this turn."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        if self._left == AT_ONCE:
            self._loop.call_soon(self._next_turn)
        if self._left:
            self._left -= 1
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_turn(self) -> None:
        self._left = AT_ONCE
        while self._left and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled
                turn.set_result(None)
                self._left -= 1
        if self._left < AT_ONCE:
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
