"""A TCP server on loopback for tests, in a thread of its own: `async with` nothing, any client backend will do.

async def script(peer):                 # runs for each connection
    while await peer.request():
        await peer.reply(b"hello")

with serve(script) as server:
    ... httpx.Request("GET", server.url) ...
    server.wait_until_open(0)           # the clients' sockets are really closed
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

__all__ = ["Peer", "Received", "Server", "answer", "black_hole", "serve"]


@dataclass
class Received:
    """One request as it came."""

    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    def header(self, name: bytes) -> bytes | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower():
                return value.strip()
        return None


class Peer:
    """The server's end of one connection."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer

    async def request(self) -> Received | None:
        """The next request, or None when the client has gone."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            received = Received(head[:-4], b"")
            received.body = await self.reader.readexactly(int(received.header(b"content-length") or 0))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self.server.requests.append(received)
        return received

    async def send(self, *pieces: bytes, pause: float = 0) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause)

    async def reply(self, body: bytes = b"hello", status: bytes = b"200 OK", *headers: bytes) -> None:
        lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
        await self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    async def gone(self) -> None:
        """Wait until the client has closed."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def half_close(self) -> None:
        self.writer.write_eof()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Server:
    port: int = 0
    scheme: str = "http"
    requests: list[Received] = field(default_factory=list[Received], repr=False)
    accepted: int = 0
    open: int = 0
    """Connections that the client has not closed."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/"

    def wait_until_open(self, count: int, timeout: float = 5.0) -> None:
        """Block until so many connections are open. The server has its own thread, so this may block the test's."""
        until = time.monotonic() + timeout
        while self.open != count:
            assert time.monotonic() < until, f"{self.open} connections are open, not {count}"
            time.sleep(0.002)


async def turns() -> None:
    """As many turns of the loop as anything takes that has no more to wait for."""
    for _ in range(20):
        await asyncio.sleep(0)


Script = Callable[[Peer], Awaitable[Any]]


async def answer(peer: Peer) -> None:
    """The plainest script: every request gets the same answer."""
    while await peer.request():
        await peer.reply()


@contextmanager
def serve(script: Script = answer, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(scheme="http" if tls is None else "https")
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    scripts: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        scripts.add(task)
        server.accepted += 1
        server.open += 1
        peer = Peer(server, reader, writer)
        try:
            await script(peer)
            if not writer.transport.is_closing():
                await peer.gone()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            scripts.discard(task)
            server.open -= 1
            writer.transport.abort()

    async def main() -> None:
        listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, backlog=2048)
        server.port = listener.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        await turns()  # connections that were being accepted have a script now
        listener.close()
        for task in scripts:
            task.cancel()
        await asyncio.gather(*list(scripts), return_exceptions=True)
        await turns()  # the aborted transports have closed their sockets

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(5)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


@contextmanager
def black_hole() -> Iterator[str]:
    """A port whose queue is full: nobody answers there, not even to refuse."""
    with socket.socket() as full, ExitStack() as queue:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"127.0.0.1:{full.getsockname()[1]}"
