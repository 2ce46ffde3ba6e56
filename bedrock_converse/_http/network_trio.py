"""The trio side of `network`: a stream over a plain socket, and connecting.

The socket is taken out of trio's own stream, because trio can only close one asynchronously.
"""

from __future__ import annotations

import math
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpcore
import trio

from bedrock_converse._http.connect_failures import connect_error, most_telling
from bedrock_converse._http.names import ATTEMPT_DELAY, interleave, resolve
from bedrock_converse._http.network import HIGH_WATER, PIECE, Backend, Bytes, Stream, set_socket_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bedrock_converse._http.names import Address

__all__ = ["TrioBackend", "TrioStream"]


class TrioStream(Stream):
    """A TCP connection under trio. Nothing is read ahead: unread bytes stay in the kernel."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    @property
    def socket(self) -> socket.socket:
        return self._socket

    async def wait(self, deadline: float | None = None) -> bool:
        with trio.move_on_after(math.inf if deadline is None else max(0.0, deadline - trio.current_time())):
            if self._socket.fileno() >= 0:
                with suppress(trio.ClosedResourceError):  # `receive_nowait` says so
                    await trio.lowlevel.wait_readable(self._socket)
            return False
        return True

    def receive_nowait(self, max_bytes: int = HIGH_WATER) -> bytes | None:
        try:
            return self._socket.recv(max_bytes)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as exc:
            raise httpcore.ReadError(str(exc)) from exc

    async def send(self, data: Bytes, timeout: float | None = None) -> None:
        with memoryview(data) as view:
            for start in range(0, len(view), PIECE):
                with trio.move_on_after(math.inf if timeout is None else timeout) as limit:
                    await self._send_piece(view[start : start + PIECE])
                if limit.cancelled_caught:
                    raise httpcore.WriteTimeout("the peer did not take the request in time")

    async def _send_piece(self, piece: memoryview) -> None:
        await trio.lowlevel.checkpoint()
        while piece:
            try:
                piece = piece[self._socket.send(piece) :]
            except (BlockingIOError, InterruptedError):
                await self._wait_writable()
            except OSError as exc:
                raise httpcore.WriteError(str(exc)) from exc

    async def _wait_writable(self) -> None:
        try:
            await trio.lowlevel.wait_writable(self._socket)
        except trio.ClosedResourceError as exc:
            raise httpcore.WriteError("closed on this side") from exc

    def close(self, last: bytes = b"") -> None:
        if last:
            with suppress(OSError):  # it is only a courtesy
                self._socket.send(last)
        self.abort()

    def abort(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    def drop(self) -> None:
        self._socket.close()


class TrioBackend(Backend):
    """Connects under trio, trying several addresses as RFC 8305 ("happy eyeballs") says.

    trio's own `open_tcp_stream` does that too, but looks names up in the threads that the application may have filled.
    """

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> TrioStream:
        try:
            with trio.fail_after(math.inf if timeout is None else timeout):
                sock = await self._connect(await resolve(host, port), local_address)
        except trio.TooSlowError as exc:
            raise httpcore.ConnectTimeout(f"no connection to {host}:{port} in time") from exc
        except OSError as exc:
            raise connect_error(host, port, exc) from exc
        for option in socket_options or ():
            sock.setsockopt(*option)
        return TrioStream(sock)

    async def _connect(self, addresses: Sequence[Address], local_address: str | None) -> socket.socket:
        if len(addresses) == 1:
            return await self._attempt(addresses[0], local_address)
        errors: list[OSError] = []
        won: list[socket.socket] = []

        async def attempt(address: Address, failed: trio.Event) -> None:
            try:
                won.append(await self._attempt(address, local_address))
            except OSError as exc:
                errors.append(exc)
                failed.set()
            else:
                nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                for address in interleave(addresses):
                    failed = trio.Event()
                    nursery.start_soon(attempt, address, failed)
                    with trio.move_on_after(ATTEMPT_DELAY):
                        await failed.wait()
        except BaseException:
            for sock in won:
                sock.close()
            raise
        for late in won[1:]:
            late.close()
        if won:
            return won[0]
        raise most_telling(errors)

    async def _attempt(self, address: Address, local_address: str | None) -> socket.socket:
        family, kind, protocol, _, where = address
        sock = socket.socket(family, kind, protocol)
        try:
            set_socket_options(sock)
            if local_address is not None:
                sock.bind((local_address, 0))
            await trio.socket.from_stdlib_socket(sock).connect(where)
        except BaseException:
            sock.close()
            raise
        return sock

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)
