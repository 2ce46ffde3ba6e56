"""Byte pipes: what the connection pool stands on, behind httpcore's own interfaces.

    backend_for_this_loop()     AsyncioBackend or TrioBackend, both httpcore.AsyncNetworkBackend
    backend.connect_tcp(...)    host and port -> a connected `Stream` (an httpcore.AsyncNetworkStream)

What is different from httpcore's own backends, and why:

- Closing is a plain call. `close()` and `abort()` take effect without waiting for the peer, so giving up a connection
  cannot be cancelled half-way, needs no shield and cannot hang.
- Reading and writing need no cancel scope or task for their time limits. Under asyncio one lazy timer per stream serves
  them all: it fires once per timeout, not once per read.
- Unread bytes are bounded: `HIGH_WATER` per stream, after which the socket is left to TCP's flow control.
- Writes go out in pieces of at most `PIECE` bytes, and the loop runs between two of them.

Deadlines are absolute, on the event loop's own clock (`current_time`); None waits for ever.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import httpcore

from bedrock_converse._loop import running_loop

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

__all__ = [
    "HIGH_WATER",
    "PIECE",
    "Backend",
    "Bytes",
    "Stream",
    "backend_for_this_loop",
    "current_time",
    "deadline_after",
    "seconds_left",
    "set_socket_options",
]

HIGH_WATER = 64 * 1024
"""How many unread bytes a stream holds before it leaves its socket alone; also the most that one read returns."""
PIECE = 256 * 1024
"""How many bytes are handed to a socket at once. One write of 27 MB was seen to hold the loop for 50 to 117 ms."""
Bytes: TypeAlias = bytes | bytearray | memoryview


class Backend(httpcore.AsyncNetworkBackend):
    """Connects. The names are httpcore's."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        """Raises `httpcore.ConnectError`, whose cause is the `OSError`, or `ConnectTimeout`."""
        raise NotImplementedError


def backend_for_this_loop() -> Backend:
    loop = running_loop()
    if isinstance(loop, asyncio.AbstractEventLoop):
        from bedrock_converse._http.network_asyncio import AsyncioBackend

        return AsyncioBackend(loop)
    from bedrock_converse._http.network_trio import TrioBackend

    return TrioBackend()


def current_time() -> float:
    """Seconds on the clock of the event loop, which need not be the system's."""
    loop: Any = running_loop()
    return loop.time() if isinstance(loop, asyncio.AbstractEventLoop) else sys.modules["trio"].current_time()


def deadline_after(timeout: float | None) -> float | None:
    return None if timeout is None else current_time() + timeout


def seconds_left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - current_time())


# TCP_KEEPIDLE is called TCP_KEEPALIVE on macOS; not every system has the others.
KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
SOCKET_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in KEEP_ALIVE if hasattr(socket, name)),
)


def set_socket_options(sock: socket.socket) -> None:
    """No Nagle delay; probes when quiet, since a NAT gateway forgets a connection on which nothing moves for 350 s."""
    for level, option, value in SOCKET_OPTIONS:
        sock.setsockopt(level, option, value)


class Stream(httpcore.AsyncNetworkStream):
    """A connected pipe of bytes. `receive`, `send`, `close` and `abort` are ours; the rest is httpcore's interface."""

    async def receive(self, deadline: float | None = None, max_bytes: int = HIGH_WATER) -> bytes:
        """Wait for bytes; b"" is the end. Raises `httpcore.ReadError` or `ReadTimeout`."""
        while True:
            too_late = await self.wait(deadline)
            data = self.receive_nowait(max_bytes)
            if data is not None:
                return data
            if too_late:
                raise httpcore.ReadTimeout("the peer sent nothing in time")

    def receive_nowait(self, max_bytes: int = HIGH_WATER) -> bytes | None:
        """The bytes that have come already, b"" for the end, None for nothing. Raises `httpcore.ReadError`."""
        raise NotImplementedError

    async def wait(self, deadline: float | None = None) -> bool:
        """Wait until there may be something to receive; True when the deadline came first. A cancelled wait loses
        nothing. Raises `httpcore.WriteError` where receiving means writing too (TLS)."""
        raise NotImplementedError

    async def send(self, data: Bytes, timeout: float | None = None) -> None:
        """Hand everything to the socket, each `PIECE` within `timeout` seconds: a peer that takes nothing is too slow,
        a big body is not. Raises `httpcore.WriteError` or `WriteTimeout`."""
        raise NotImplementedError

    def close(self, last: bytes = b"") -> None:
        """Close now and politely: `last` (a protocol's goodbye) goes out if the socket takes it at once."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close now. Whoever waits in `receive` or `send` gets an error."""
        raise NotImplementedError

    def drop(self) -> None:
        """Let go of the socket without touching the event loop, which is closed or belongs to another process."""
        raise NotImplementedError

    def on_lost(self, callback: Callable[[], None] | None) -> None:
        """Have `callback` called when the peer closes. Never called where nobody looks at an idle socket (trio)."""

    @property
    def readable(self) -> bool:
        """Bytes, the end or an error have come. On a connection that waits for no answer that means: unusable."""
        try:
            self.look()
            return self.receive_nowait() is not None
        except httpcore.ReadError:
            return True

    def look(self) -> None:
        """Take in what has come while the event loop was busy elsewhere, for `receive_nowait`."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self.receive(deadline_after(timeout), max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self.send(buffer, timeout)

    async def aclose(self) -> None:
        self.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        from bedrock_converse._http.tls import start_tls

        return await start_tls(self, ssl_context, server_hostname, deadline_after(timeout))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self.readable
        sock = self.socket
        if info == "socket":
            return sock
        if info == "client_addr":
            return sock.getsockname()
        if info == "server_addr":
            return sock.getpeername()
        return None

    @property
    def socket(self) -> socket.socket:
        raise NotImplementedError
