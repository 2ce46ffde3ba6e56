"""A response's body: the last that a request needs of its connection."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final, Protocol, cast

import httpcore

from bedrock_converse._http.network import deadline_after
from bedrock_converse._http.tracebacks import forget_locals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    import httpx

    from bedrock_converse._http.connection import Connection

__all__ = ["BODY", "Body", "Readable", "body_of"]

BODY: Final = "bedrock_converse.body"
"""The key in `response.extensions` under which the pool puts the `Body`: `response.stream` without httpx's wrappers."""


def body_of(response: httpx.Response) -> Readable:
    """The raw bytes of a transport's response: the pool's own `Body`, if it is one of ours.

    A tool that records (vcrpy) has read it before it hands the response on: then the bytes are where it put them.
    """
    body: Body | None = response.extensions.get(BODY)
    if body is not None and not body.touched:
        return body
    if response.is_stream_consumed:
        import httpx

        return httpx.ByteStream(response.content)
    return cast("httpx.AsyncByteStream", response.stream)


class Readable(Protocol):
    """Bytes to iterate over, once, and to close."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


class Lender(Protocol):
    """Where the connection came from, and goes."""

    def release(self, connection: Connection) -> None: ...
    def give_up(self, connection: Connection) -> None: ...
    def reclaim(self, connection: Connection) -> None: ...
    def retire(self, connection: Connection) -> None: ...
    def explain(self, error: BaseException) -> None: ...


class Body:
    """A response's body: iterate over its bytes, or `aclose` it early, which cuts the connection.

    Each step waits for at most `timeouts["read"]` seconds, looked up anew every time: a caller may change it between
    two. Raises httpcore's errors.
    """

    __slots__ = ("__weakref__", "_connection", "_cut", "_pool", "_ready", "_returned", "_timeouts", "touched")

    def __init__(self, pool: Lender, connection: Connection, timeouts: Mapping[str, float | None]) -> None:
        self._pool = pool
        self._timeouts = timeouts
        self._cut = False
        self.touched = False
        """Somebody has begun to read it, or has closed it."""
        self._connection: Connection | None = None
        self._returned: Connection | None = None
        self._ready = connection.begin_body()
        if connection.complete:
            self._returned = connection
            pool.release(connection)  # at once: most answers come in one piece, and the next request can have it
        else:
            self._connection = connection

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        deadline = deadline_after(self._timeouts.get("read"))
        while (payload := self.read_nowait()) is None:
            try:
                if await self.wait(deadline):
                    raise httpcore.ReadTimeout("the peer sent nothing in time")
            except BaseException as exc:
                self._give_up(exc)
                raise
        if not payload:
            raise StopAsyncIteration
        return payload

    def read_nowait(self) -> bytes | None:
        """The bytes that have come; b"" is the end, None means that more must come first."""
        self.touched = True
        payload, self._ready = self._ready, b""
        if payload:
            return payload
        connection = self._connection
        if connection is None:
            if self._cut:
                raise httpcore.ReadError("the response was closed before its end")
            return b""
        try:
            payload = connection.payload_nowait()
        except BaseException as exc:
            self._give_up(exc)
            raise
        if connection.complete:
            self._connection = None
            self._returned = connection
            self._pool.release(connection)
        return payload

    def all_at_once(self) -> bytes | None:
        """The whole payload, if it came together with the head and nobody has read it yet."""
        if self.touched or self._connection is not None:
            return None
        self.touched = True
        payload, self._ready = self._ready, b""
        return payload

    @property
    def ended(self) -> bool:
        """Everything has come and has been read, or it was closed."""
        return self._connection is None and not self._ready

    def wait(self, deadline: float | None) -> Awaitable[bool]:
        """Wait until `read_nowait` may have more; True when the deadline came first. A wait that
        is cancelled loses nothing."""
        if self._ready or self._connection is None or self._connection.malformed:
            return at_once()
        return self._connection.wait(deadline)

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """What `aclose` does, which waits for nothing."""
        self.touched = True
        if self._connection is not None:
            self._cut_off(self._connection)

    def _give_up(self, error: BaseException) -> None:
        if self._connection is not None:
            self._cut_off(self._connection)
        forget_locals(error)
        self._pool.explain(error)

    def _cut_off(self, connection: Connection) -> None:
        self._connection = None
        self._cut = True
        self._pool.give_up(connection)

    def distrust(self) -> None:
        """The answer was nonsense, so its connection is used no more, unless another request has it already."""
        if self._returned is not None:
            self._pool.retire(self._returned)

    def drop(self) -> bool:
        """What the garbage collector does instead of `aclose`, in any thread. False if there was nothing to do."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.reclaim(connection)
        return connection is not None

    def __del__(self) -> None:
        if self.drop():
            warnings.warn("a response was dropped without being closed", ResourceWarning, stacklevel=2, source=self)


async def at_once() -> bool:
    """Nothing to wait for."""
    return False
