"""The fake as a real HTTP/1.1 server on loopback: any client can talk to it, and faults happen to real sockets."""

from __future__ import annotations

import socket
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.abc
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import h11
from anyio.streams.tls import TLSStream

from bedrock_converse.testing.connection import GONE, Response, SocketStream, Timer, complain, read_request

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from bedrock_converse.testing.fake import FakeBedrock

__all__ = ["LoopbackServer"]

BACKLOG = 4096


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
        _spawn(partial(self._run, self._new_scope()))
        try:
            await anyio.lowlevel.checkpoint()
        except BaseException:  # cancelled: nobody will leave what was not entered
            self._stop()
            raise
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
                tasks.start_soon(self._run, self._new_scope())
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

    def _new_scope(self) -> anyio.CancelScope:
        """For `_run`, which can so be stopped before it has begun."""
        scope = anyio.CancelScope()
        self._stop = scope.cancel
        return scope

    async def _run(self, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                async with anyio.create_task_group() as tasks:
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
            timer = Timer()
            while True:
                self._idle.add(raw)
                request = await read_request(stream, unread)
                self._idle.discard(raw)
                if request is None:
                    break
                method, path, headers, body, unread = request
                plan = await self._fake.answer(method, path, headers, body)
                if (
                    not await Response(plan, stream, raw, timer).send()
                    or headers.get("connection", "").lower() == "close"
                ):
                    break
        except GONE:
            pass  # the client has left: that is its right
        except OSError:
            pass  # it has left in the middle of a TLS handshake
        except h11.RemoteProtocolError as error:
            await complain(raw, error)
        except Exception as error:  # noqa: BLE001 - one broken answer must not end the server; check() raises it
            self._fake.failed(error)
            raw.reset()
        finally:
            self.connections -= 1
            self._idle.discard(raw)
            await raw.aclose()


def _nothing() -> None:
    """Before it runs there is nothing to stop."""


def _spawn(function: Any) -> None:
    """Run it beside the caller, not below it: a fixture may be set up and torn down by different tasks."""
    trio = cast("Any", sys.modules.get("trio"))
    if hasattr(trio, "lowlevel") and trio.lowlevel.in_trio_run():
        trio.lowlevel.spawn_system_task(function)
    else:
        import asyncio

        task = asyncio.get_running_loop().create_task(function())
        _running.add(task)
        task.add_done_callback(_running.discard)


_running: set[Any] = set()
"""asyncio itself holds tasks weakly."""
