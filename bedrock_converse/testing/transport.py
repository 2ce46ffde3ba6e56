"""The fake as an httpx transport: no socket, the same answers, and the errors that httpx raises over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NoReturn

import anyio
import anyio.lowlevel
import httpx

if TYPE_CHECKING:
    from bedrock_converse.testing.fake import FakeBedrock
    from bedrock_converse.testing.plan import Plan

__all__ = ["FakeTransport"]


class FakeTransport(httpx.AsyncBaseTransport):
    """Made by `FakeBedrock.transport()`."""

    def __init__(self, fake: FakeBedrock) -> None:
        self._fake = fake

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._fake.refusing_connections:
            await anyio.lowlevel.checkpoint()
            raise httpx.ConnectError("All connection attempts failed", request=request)
        body = await request.aread()
        exchange = request.extensions.get("bedrock_converse.exchange")
        if exchange is not None:  # a default client's own pool would have told it so: what follows may cost money
            exchange.reused, exchange.written = False, True
        path = request.url.raw_path.decode("ascii")
        plan = await self._fake.answer(request.method, path, request.headers, body)
        reading = _Reading(request)
        await reading.wait(plan.delay)
        if plan.start != "answer":
            await reading.fail(plan.start, "Server disconnected without sending a response.")
        headers = [(name.encode(), value.encode()) for name, value in plan.headers.items()]
        if plan.content_length is None:
            headers.append((b"Transfer-Encoding", b"chunked"))
        else:
            headers.append((b"Content-Length", str(plan.content_length).encode()))
        return httpx.Response(
            plan.status,
            headers=headers,
            stream=_Body(plan, reading),
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )


class _Reading:
    """The client's side of waiting: httpx's read timeout is measured against each wait."""

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._timeout: float | None = request.extensions.get("timeout", {}).get("read")
        self._due: float | None = None

    async def wait(self, seconds: float) -> None:
        """Until `seconds` after the wait before was due, so that time lost in between is made up for."""
        now = anyio.current_time()
        self._due = (now if self._due is None else self._due) + seconds
        if self._timeout is not None and self._due - now > self._timeout:
            await anyio.sleep(self._timeout)
            raise httpx.ReadTimeout("The read operation timed out", request=self._request)
        if self._due > now:
            await anyio.sleep(self._due - now)
        else:
            await anyio.lowlevel.checkpoint()

    async def fail(self, how: str, closed: str) -> NoReturn:
        """What a read gives when the connection ends in that way."""
        if how == "hang":
            if self._timeout is None:
                await anyio.sleep_forever()
            else:
                await anyio.sleep(self._timeout)
            raise httpx.ReadTimeout("The read operation timed out", request=self._request)
        if how == "reset":
            raise httpx.ReadError("Connection reset by peer", request=self._request)
        raise httpx.RemoteProtocolError(closed, request=self._request)


class _Body(httpx.AsyncByteStream, AsyncIterator[bytes]):
    """An iterator and no generator: trio complains about a generator that is left early, as streams are."""

    def __init__(self, plan: Plan, reading: _Reading) -> None:
        self._plan = plan
        self._reading = reading
        self._pieces = iter(plan.pieces)
        self._received = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        promised = self._plan.content_length
        for piece in self._pieces:
            await self._reading.wait(piece.pause)
            data = piece.data if promised is None else piece.data[: promised - self._received]
            self._received += len(data)
            if data:
                return data
        if self._plan.ending == "complete" or self._received == promised:
            raise StopAsyncIteration
        expected = f"received {self._received} bytes, expected {promised}"
        missing = "incomplete chunked read" if promised is None else expected
        closed = f"peer closed connection without sending complete message body ({missing})"
        return await self._reading.fail(self._plan.ending, closed)
