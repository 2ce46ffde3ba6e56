"""The fake as a real HTTP/1.1 server on loopback: any client can talk to it, and faults happen to real sockets.

h11 reads the requests. Responses are written by hand, since most of what a test wants is what h11 would refuse to send.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import anyio.lowlevel
import h11
import httpx
from anyio.streams.tls import TLSStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType

    from bedrock_converse.testing.fake import FakeBedrock
    from bedrock_converse.testing.plan import Plan

__all__ = ["LoopbackServer"]

BACKLOG = 4096
MAX_HEAD = 256 * 1024
READ = 256 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


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
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


class LoopbackServer:
    """Made by `FakeBedrock.serve()`. `async with` runs it in the caller's event loop, `with` in a thread of its own.

    Either gives the URL: `BedrockClient(endpoint_url=url, ...)`. At the end every connection is closed.
    """

    def __init__(self, fake: FakeBedrock, *, host: str, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self._fake = fake
        self._address = (host, port)
        self._ssl_context = ssl_context
        self._listener: socket.socket | None = None
        self._stop: Callable[[], None] = _nothing
        self._ended: anyio.Event | None = None
        self._listening: anyio.CancelScope | None = None
        self._refusing: anyio.Event | None = None
        self._resume: anyio.Event | None = None
        self._token: Any = None
        self._idle: set[SocketStream] = set()
        self._thread: threading.Thread | None = None
        self.connections: int = 0
        """How many connections are open."""
        self.accepted: int = 0
        """How many there have been."""

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return self._address[1]

    @property
    def url(self) -> str:
        """Where it is: `http://127.0.0.1:PORT`."""
        host, port = self._address
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._ssl_context else 'http'}://{shown}:{port}"

    # --- starting and stopping ----------------------------------------------------------------------------------------

    async def __aenter__(self) -> str:
        self._listen()
        self._ended = anyio.Event()
        _spawn(self._run)
        await anyio.lowlevel.checkpoint()
        return self.url

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop()
        if self._ended is not None:
            with anyio.CancelScope(shield=True):
                await self._ended.wait()

    def __enter__(self) -> str:
        self._listen()
        started = threading.Event()

        async def main() -> None:
            self._token = token = anyio.lowlevel.current_token()
            self._ended = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._run)
                await anyio.lowlevel.checkpoint()
                own_stop = self._stop
                self._stop = lambda: anyio.from_thread.run_sync(own_stop, token=token)
                started.set()

        self._thread = threading.Thread(target=anyio.run, args=(main,), name="FakeBedrock", daemon=True)
        self._thread.start()
        started.wait(10)
        return self.url

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop()
        if self._thread is not None:
            self._thread.join(10)

    def _listen(self) -> None:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(self._address)
        except OSError:
            listener.close()
            raise
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._listener = listener
        self._address = listener.getsockname()[:2]

    async def _run(self) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                self._stop = tasks.cancel_scope.cancel
                while True:
                    with anyio.CancelScope() as self._listening:
                        await self._accept(tasks)
                    await self._refuse_until_resumed()
        finally:
            if self._listener is not None:
                self._listener.close()
            if self._ended is not None:
                self._ended.set()

    # --- refusing connections -----------------------------------------------------------------------------------------

    async def refuse(self) -> None:
        """Close the port and the connections that are idle: the next connect is refused by the operating system."""
        await self._in_own_loop(self._refuse)

    async def resume(self) -> None:
        """Listen again, at the same port."""
        await self._in_own_loop(self._resume_listening)

    async def _in_own_loop(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._ended is None or self._ended.is_set():
            return  # not running
        if self._token is None:
            await function()
        else:
            await anyio.to_thread.run_sync(partial(anyio.from_thread.run, function, token=self._token))

    async def _refuse(self) -> None:
        assert self._listening is not None
        self._refusing = anyio.Event()
        self._resume = anyio.Event()
        self._listening.cancel()
        await self._refusing.wait()

    async def _refuse_until_resumed(self) -> None:
        assert self._listener is not None
        assert self._resume is not None
        self._listener.close()
        for stream in self._idle:
            stream.hang_up()
        if self._refusing is not None:
            self._refusing.set()
        await self._resume.wait()
        self._listen()

    async def _resume_listening(self) -> None:
        assert self._resume is not None
        self._resume.set()
        await anyio.lowlevel.checkpoint()  # the accepting task listens again
        await anyio.lowlevel.checkpoint()

    async def _accept(self, tasks: anyio.abc.TaskGroup) -> None:
        assert self._listener is not None
        while True:
            try:
                connected, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                await anyio.wait_readable(self._listener)
                continue
            except OSError:  # this process may open no more files: one of its connections has to end first
                await anyio.sleep(0.05)
                continue
            self.accepted += 1
            tasks.start_soon(self._serve, SocketStream(connected))

    # --- one connection -----------------------------------------------------------------------------------------------

    async def _serve(self, raw: SocketStream) -> None:
        self.connections += 1
        try:
            stream: anyio.abc.ByteStream = raw
            if self._ssl_context is not None:
                stream = await TLSStream.wrap(
                    raw, server_side=True, ssl_context=self._ssl_context, standard_compatible=False
                )
            unread = b""
            timer = _Timer()
            while True:
                self._idle.add(raw)
                request = await _read_request(stream, unread)
                self._idle.discard(raw)
                if request is None:
                    break
                method, path, headers, body, unread = request
                plan = await self._fake.answer(method, path, headers, body)
                if (
                    not await _Response(plan, stream, raw, timer).send()
                    or headers.get("connection", "").lower() == "close"
                ):
                    break
        except _GONE:
            pass  # the client has left: that is its right
        except OSError:
            pass  # it has left in the middle of a TLS handshake
        except h11.RemoteProtocolError as error:
            await _complain(raw, error)
        except Exception as error:  # noqa: BLE001 - one broken answer must not end the server; check() raises it
            self._fake.failed(error)
            raw.reset()
        finally:
            self.connections -= 1
            self._idle.discard(raw)
            await raw.aclose()


async def _complain(stream: SocketStream, error: h11.RemoteProtocolError) -> None:
    head = b"HTTP/1.1 %d Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    try:
        await stream.send(head % error.error_status_hint)
    except _GONE:
        return


def _nothing() -> None:
    """Before it runs there is nothing to stop."""


def _spawn(function: Any) -> None:
    """Run it beside the caller, not below it: a fixture may be set up and torn down by different tasks."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        trio.lowlevel.spawn_system_task(function)
    else:
        import asyncio

        task = asyncio.get_running_loop().create_task(function())
        _running.add(task)
        task.add_done_callback(_running.discard)


_running: set[Any] = set()
"""asyncio itself holds tasks weakly."""


async def _read_request(
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


class _Timer:
    """The event loop's own clock and sleep: anyio looks for the loop in each call, which thousands of streams feel."""

    def __init__(self) -> None:
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_run():
            self.now: Callable[[], float] = trio.current_time
            self.sleep: Callable[[float], Awaitable[None]] = trio.sleep
        else:
            import asyncio

            loop = asyncio.get_running_loop()
            self.now = lambda: loop.time()
            self.sleep = asyncio.sleep


class _Response:
    """Carries out a plan over a stream."""

    def __init__(self, plan: Plan, stream: anyio.abc.ByteStream, raw: SocketStream, timer: _Timer) -> None:
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
