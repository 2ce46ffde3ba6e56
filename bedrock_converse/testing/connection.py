"""One connection of the loopback server: reading requests, and carrying out plans.

h11 reads the requests. Responses are written by hand, since most of what a test wants is what h11 would refuse to send.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.abc
import anyio.lowlevel
import h11
import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bedrock_converse.testing.plan import Plan

__all__ = ["GONE", "Response", "SocketStream", "Timer", "complain", "read_request"]

MAX_HEAD = 256 * 1024
READ = 256 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}

GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What reading and writing raise when the client has left."""


class SocketStream(anyio.abc.ByteStream):
    """A connected socket, which can also be reset: anyio's own stream says goodbye with a FIN first."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected

    async def receive(self, max_bytes: int = READ) -> bytes:
        while True:
            try:
                data = self._socket.recv(max_bytes)
            except (BlockingIOError, InterruptedError):
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise anyio.BrokenResourceError from error
            else:
                if not data:
                    raise anyio.EndOfStream
                return data

    async def send(self, item: bytes) -> None:
        unsent = memoryview(item)
        while unsent:
            try:
                unsent = unsent[self._socket.send(unsent) :]
            except (BlockingIOError, InterruptedError):
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        self._socket.close()

    def hang_up(self) -> None:
        """End the connection for whoever waits for something from it."""
        with contextlib.suppress(OSError):  # the client was faster
            self._socket.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close with a TCP RST."""
        self._socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        )
        self._socket.close()


async def complain(stream: SocketStream, error: h11.RemoteProtocolError) -> None:
    """Answer what is no HTTP."""
    head = b"HTTP/1.1 %d Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    try:
        await stream.send(head % error.error_status_hint)
    except GONE:
        return


async def read_request(
    stream: anyio.abc.ByteStream, unread: bytes
) -> tuple[str, str, httpx.Headers, bytes, bytes] | None:
    """Method, path, headers, body, and what came after it; None when the client has closed."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    if unread:
        connection.receive_data(unread)
    head: h11.Request | None = None
    body: list[bytes] = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                continue_ = connection.send(h11.InformationalResponse(status_code=100, headers=[]))
                await stream.send(continue_ or b"")
            try:
                connection.receive_data(await stream.receive(READ))
            except anyio.EndOfStream:
                connection.receive_data(b"")
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            headers = httpx.Headers(list(head.headers))
            return head.method.decode(), head.target.decode(), headers, b"".join(body), connection.trailing_data[0]
        else:
            return None


class Timer:
    """The event loop's own clock and sleep: anyio looks for the loop in each call, which thousands of streams feel."""

    def __init__(self) -> None:
        trio = cast("Any", sys.modules.get("trio"))
        if hasattr(trio, "lowlevel") and trio.lowlevel.in_trio_run():
            self.now: Callable[[], float] = trio.current_time
            self.sleep: Callable[[float], Awaitable[None]] = trio.sleep
        else:
            import asyncio

            loop = asyncio.get_running_loop()
            self.now = lambda: loop.time()
            self.sleep = asyncio.sleep


class Response:
    """Carries out a plan over a stream."""

    def __init__(self, plan: Plan, stream: anyio.abc.ByteStream, raw: SocketStream, timer: Timer) -> None:
        self._plan = plan
        self._stream = stream
        self._raw = raw
        self._timer = timer
        self._due = timer.now()
        self._unsent: list[bytes] = []

    async def send(self) -> bool:
        """True if the connection can go on."""
        plan = self._plan
        await self._pause(plan.delay)
        if plan.start != "answer":
            return await self._end(plan.start)
        chunked = plan.content_length is None
        self._unsent.append(self._head())
        for piece in plan.pieces:
            if piece.pause:
                await self._pause(piece.pause)
            if piece.data:
                self._unsent.append(b"%x\r\n%b\r\n" % (len(piece.data), piece.data) if chunked else piece.data)
        if chunked and plan.ending == "complete":
            self._unsent.append(b"0\r\n\r\n")
        await self._flush()
        return await self._end(plan.ending)

    def _head(self) -> bytes:
        plan = self._plan
        reason = _REASONS.get(plan.status, "Response")
        lines = [f"HTTP/1.1 {plan.status} {reason}", *(f"{name}: {value}" for name, value in plan.headers.items())]
        length = plan.content_length
        lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def _pause(self, seconds: float) -> None:
        """Send what there is and wait, by the times that the pauses add up to: being late is made up for."""
        self._due += seconds
        wait = self._due - self._timer.now()
        if wait > 0:
            await self._flush()
            await self._timer.sleep(wait)

    async def _flush(self) -> None:
        data, self._unsent = b"".join(self._unsent), []
        if data:
            await self._stream.send(data)

    async def _end(self, how: str) -> bool:
        if how == "complete":
            await anyio.lowlevel.checkpoint()
            return True
        if how == "hang":
            while True:  # until the client leaves
                await self._stream.receive()
        if how == "reset":
            self._raw.reset()
        return False
