"""The asyncio side of `network`: one protocol class, and connecting."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from typing import TYPE_CHECKING, Any, cast

import httpcore

from bedrock_converse._http.connect_failures import connect_error, most_telling
from bedrock_converse._http.names import ATTEMPT_DELAY, interleave, resolve
from bedrock_converse._http.network import HIGH_WATER, PIECE, Backend, Bytes, Stream, deadline_after, set_socket_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bedrock_converse._http.names import Address

__all__ = ["AsyncioBackend", "AsyncioStream"]


class AsyncioStream(Stream, asyncio.BufferedProtocol):
    """A TCP connection under asyncio (any event loop: only its transports are used)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, scratch: memoryview) -> None:
        self._loop = loop
        self._socket = sock
        self._scratch = scratch
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._unread = 0
        self._reading_paused = False
        self._writing_paused = False
        self._ended = False
        self._error: BaseException | None = None
        # A request is written, then its answer is read: one task, so one waiter, for whatever happens next.
        self._waiter: asyncio.Future[bool] | None = None
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._lost_callback: Callable[[], None] | None = None
        self._poll: select.poll | None = None

    @property
    def socket(self) -> socket.socket:
        return self._socket

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        if self._ended:  # given up while asyncio was still setting it up
            self._transport.abort()
        self._transport.set_write_buffer_limits(high=0)  # so that `send` returns when the kernel has it all

    def get_buffer(self, sizehint: int) -> memoryview:
        # One buffer for all streams of the loop: asyncio fills it and calls `buffer_updated` in the same breath.
        return self._scratch[: HIGH_WATER - self._unread] if self._unread else self._scratch

    def buffer_updated(self, nbytes: int) -> None:
        self._chunks.append(bytes(self._scratch[:nbytes]))
        self._unread += nbytes
        if self._unread >= HIGH_WATER and self._transport is not None:
            self._transport.pause_reading()
            self._reading_paused = True
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = self._error or exc
        self._wake()
        self._stop_timer()
        callback, self._lost_callback = self._lost_callback, None
        if callback is not None:
            callback()

    # What the pool calls.

    async def wait(self, deadline: float | None = None) -> bool:
        if self._unread or self._ended:
            return False
        return await self._next_happening(deadline)

    def receive_nowait(self, max_bytes: int = HIGH_WATER) -> bytes | None:
        if not self._unread:
            if not self._ended:
                return None
            if self._error is not None:
                raise httpcore.ReadError(str(self._error)) from self._error
            return b""
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        if len(data) > max_bytes:
            chunks.append(data[max_bytes:])
            data = data[:max_bytes]
        self._unread -= len(data)
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()
        return data

    def look(self) -> None:
        # The peer may have hung up, or sent what nobody asked for: the answer to the next request it must not become.
        # Asking the system takes 1 µs. The event loop, when it comes to look, finds nothing and goes on.
        if self._unread or self._ended or not self._can_read():
            return
        try:
            data = self._socket.recv(HIGH_WATER)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._error, self._ended = exc, True
            return
        if data:
            self._chunks.append(data)
            self._unread = len(data)
        else:
            self._ended = True

    def _can_read(self) -> bool:
        if not hasattr(select, "poll"):
            return bool(select.select([self._socket], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._socket, select.POLLIN)
        return bool(self._poll.poll(0))

    async def send(self, data: Bytes, timeout: float | None = None) -> None:
        if len(data) > PIECE:
            with memoryview(data) as view:
                for start in range(0, len(view), PIECE):
                    await asyncio.sleep(0)
                    await self.send(view[start : start + PIECE], timeout)
            return
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(data)
            deadline = deadline_after(timeout) if self._writing_paused else None
            while self._writing_paused and not transport.is_closing():
                if await self._next_happening(deadline) and self._writing_paused:
                    raise httpcore.WriteTimeout("the peer did not take the request in time")
        if transport is None or transport.is_closing():
            raise httpcore.WriteError("the connection is closed") from self._error

    def on_lost(self, callback: Callable[[], None] | None) -> None:
        self._lost_callback = callback

    def close(self, last: bytes = b"") -> None:
        transport = self._transport
        if transport is not None and last and not transport.is_closing():
            transport.write(last)
        if transport is None or transport.get_write_buffer_size():
            self.abort()  # a close would wait until the peer has read the rest
        else:
            self._give_up()
            transport.close()

    def abort(self) -> None:
        self._give_up()
        if self._transport is not None:
            self._transport.abort()
        else:
            self._socket.close()

    def drop(self) -> None:
        self._lost_callback = None
        self._socket.close()
        if self._socket.fileno() >= 0:  # uvloop keeps it open, and will close that number one day: it has to stay taken
            with socket.socket() as nothing:
                os.dup2(nothing.fileno(), self._socket.detach(), inheritable=False)
        self._transport = None

    def _give_up(self) -> None:
        self._lost_callback = None
        self._ended = True
        self._error = self._error or ConnectionAbortedError("closed on this side")
        self._chunks.clear()
        self._unread = 0
        self._stop_timer()
        self._wake()

    # Waiting.

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(False)

    def _next_happening(self, deadline: float | None) -> asyncio.Future[bool]:
        """Done with the next thing that happens; True when the deadline came first."""
        self._waiter = self._loop.create_future()
        self._deadline = deadline
        if deadline is not None and (self._timer is None or deadline < self._timer_due):
            self._start_timer(deadline)
        return self._waiter

    def _start_timer(self, deadline: float) -> None:
        self._stop_timer()
        self._timer_due = deadline
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        # Most waits end long before their deadline and leave the timer as it is: it finds the newer deadline here.
        self._timer = None
        waiter, deadline = self._waiter, self._deadline
        if waiter is None or waiter.done() or deadline is None:
            return
        if deadline - self._loop.time() > 0.001:
            self._start_timer(deadline)
        else:
            waiter.set_result(True)


class AsyncioBackend(Backend):
    """Connects under asyncio, trying several addresses as RFC 8305 ("happy eyeballs") says."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._scratch = memoryview(bytearray(HIGH_WATER))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncioStream:
        try:
            async with asyncio.timeout(timeout):
                sock = await self._connect(await resolve(host, port), local_address)
                for option in socket_options or ():
                    sock.setsockopt(*option)
                return await self._stream(sock)
        except TimeoutError as exc:
            if exc.errno is not None:  # the system's own patience has run out, not ours
                raise connect_error(host, port, exc) from exc
            raise httpcore.ConnectTimeout(f"no connection to {host}:{port} in time") from exc
        except OSError as exc:
            raise connect_error(host, port, exc) from exc

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _connect(self, addresses: Sequence[Address], local_address: str | None) -> socket.socket:
        if len(addresses) == 1:
            return await self._attempt(addresses[0], local_address)
        untried = interleave(addresses)
        pending: set[asyncio.Task[socket.socket]] = set()
        errors: list[OSError] = []
        try:
            while untried or pending:
                if untried:
                    pending.add(asyncio.create_task(self._attempt(untried.pop(0), local_address)))
                delay = ATTEMPT_DELAY if untried else None
                done, _ = await asyncio.wait(pending, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
                for attempt in done:
                    pending.discard(attempt)
                    error = attempt.exception()
                    if error is None:
                        return attempt.result()
                    if not isinstance(error, OSError):
                        raise error
                    errors.append(error)
        finally:
            for attempt in pending:
                attempt.cancel()
                attempt.add_done_callback(close_unclaimed)
        raise most_telling(errors)

    async def _attempt(self, address: Address, local_address: str | None) -> socket.socket:
        family, kind, protocol, _, where = address
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            set_socket_options(sock)
            if local_address is not None:
                sock.bind((local_address, 0))
            await self._loop.sock_connect(sock, where)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _stream(self, sock: socket.socket) -> AsyncioStream:
        stream = AsyncioStream(self._loop, sock, self._scratch)
        try:
            await self._loop.create_connection(lambda: stream, sock=sock)
        except BaseException:
            stream.abort()
            raise
        return stream


def close_unclaimed(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
