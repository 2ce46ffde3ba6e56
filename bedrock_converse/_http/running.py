"""The calls that have begun in one event loop and are not over: what `aclose(drain=)` waits for, and then ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from bedrock_converse._http.timer import cancel_scope
from bedrock_converse._loop import at_most, call_in_loop
from bedrock_converse.errors import ClientClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from anyio import CancelScope, Event

    from bedrock_converse._http.timer import AsyncioScope

__all__ = ["CLOSED", "RunningCalls"]

T = TypeVar("T")

CLOSED = "the client is closed"


class RunningCalls:
    """Counts them. A call waits for its retry or its place in flight while it holds no connection, so counting those is
    not enough. Everything but `sleep`, `drained` and `unless_closed` is synchronous."""

    __slots__ = ("_closed", "_count", "_loop", "_process", "_quiet", "_scopes", "_woken")

    def __init__(self, loop: Hashable) -> None:
        self._loop: Any = loop
        self._process = os.getpid()
        self._count = 0
        self._closed = False
        self._woken: Event | None = None
        self._quiet: Event | None = None
        self._scopes: set[CancelScope | AsyncioScope] = set()

    def begin(self) -> None:
        """A call has begun."""
        self._count += 1

    def end(self) -> None:
        """A call is over."""
        self._count -= 1
        if not self._count and self._quiet is not None:
            self._quiet.set()

    def drop(self) -> None:
        """`end` for the garbage collector, in any thread, at any time."""
        if self._process == os.getpid() and not call_in_loop(self._loop, self.end):
            self._count -= 1  # that loop has ended

    async def sleep(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            ClientClosed: the client was closed meanwhile.
        """
        from anyio import Event

        self._woken = self._woken or Event()
        await at_most(0 if self._closed else seconds, self._woken.wait)
        self.check()

    def check(self) -> None:
        """Raises `ClientClosed` if the client is closed."""
        if self._closed:
            raise ClientClosed(CLOSED)

    async def unless_closed(self, make: Callable[..., Awaitable[T]], *args: Any) -> T:
        """`await make(*args)`, for what waits for somebody else's code: nothing but a cancellation can end it.

        Raises:
            ClientClosed: the client is closed, or was closed meanwhile.
        """
        self.check()
        scope = cancel_scope()
        self._scopes.add(scope)
        try:
            with scope:
                return await make(*args)
        except Exception as error:
            if scope.cancel_called:  # what the clean-up raised instead of letting the cancellation through
                raise ClientClosed(CLOSED) from error
            raise
        finally:
            self._scopes.discard(scope)
        raise ClientClosed(CLOSED)

    @property
    def busy(self) -> bool:
        """A call is not over. To be asked from any thread."""
        return self._count > 0

    async def drained(self) -> None:
        """Wait until no call is left, in the loop that they run in."""
        from anyio import Event

        if self._count:
            self._quiet = self._quiet or Event()
            await self._quiet.wait()

    def close(self) -> None:
        """Those that sleep or wait for somebody else's code, now or later, get `ClientClosed`."""
        self._closed = True
        for scope in list(self._scopes):
            scope.cancel()
        if self._woken is not None:
            self._woken.set()
