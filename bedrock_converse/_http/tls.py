"""TLS: whom to trust (`load_tls_context`), and a TLS connection over any `Stream`.

OpenSSL runs over memory buffers here, the same way under asyncio and trio, directly over TCP or inside another TLS
connection (to a proxy). Closing never waits for the peer's goodbye. asyncio's own TLS costs a buffer of 256 KiB per
connection and a second transport; trio's can only be closed asynchronously.
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import httpcore

from bedrock_converse._aws.flight import Flights
from bedrock_converse._http.network import HIGH_WATER, Bytes, Stream, seconds_left
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["TLSStream", "load_tls_context", "start_tls"]

PIECE = 64 * 1024
"""How many bytes are encrypted at once: OpenSSL's memory buffer keeps its greatest size for the connection's life."""
RECORD = 16 * 1024
"""The most that one TLS record holds (RFC 8446, section 5.1), so the most that one read from OpenSSL can give."""

_contexts: dict[tuple[str | None, str | None], ssl.SSLContext] = {}
_flights: Flights[ssl.SSLContext] = Flights("tls")


async def load_tls_context(verify: str | os.PathLike[str] | None = None) -> ssl.SSLContext:
    """The context for the certificate authorities to trust. Reads files in a thread, once per process and source.

    The first of these that is given: `verify` (a bundle file or a directory of hashed certificates), `AWS_CA_BUNDLE`,
    `SSL_CERT_FILE`, `SSL_CERT_DIR`; otherwise certifi's bundle, as httpx does. A process's contexts are shared by its
    event loops. Raises `ConfigError` for a bundle that is missing or not PEM.
    """
    name, path = trusted_authorities(verify)
    key = (name, path)
    context = _contexts.get(key)
    if context is None:
        context = await _flights.get(key, partial(_load, name, path))
    return context


def trusted_authorities(verify: str | os.PathLike[str] | None) -> tuple[str | None, str | None]:
    """Where the choice was made, and the path."""
    if verify is not None:
        return "verify", os.fspath(verify)
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(name)
        if path:
            return name, path
    return None, None


def _load(name: str | None, path: str | None) -> ssl.SSLContext:
    context = _contexts[name, path] = _build(name, path)
    return context


def _build(name: str | None, path: str | None) -> ssl.SSLContext:
    if path is None:
        import certifi

        context = ssl.create_default_context(cafile=certifi.where())
    else:
        try:
            is_directory = os.path.isdir(path)
            context = ssl.create_default_context(
                cafile=None if is_directory else path, capath=path if is_directory else None
            )
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(f"cannot read the certificate authorities that {name} names: {path}") from exc
    context.set_alpn_protocols(["http/1.1"])
    return context


async def start_tls(
    stream: Stream, context: ssl.SSLContext, hostname: str | None, deadline: float | None = None
) -> TLSStream:
    """Shake hands over `stream`, which is closed when that fails.

    Raises `httpcore.ConnectError` (its cause is the `ssl.SSLError`, or the `ConnectionResetError` when the peer went
    away) or `ConnectTimeout`.
    """
    secured = TLSStream(stream, context, hostname)
    try:
        await secured.handshake(deadline)
    except httpcore.TimeoutException as exc:
        stream.abort()
        raise httpcore.ConnectTimeout(f"no TLS handshake with {hostname} in time") from exc
    except httpcore.NetworkError as exc:
        stream.abort()
        cause = exc.__cause__ or ConnectionResetError("closed by the peer")
        raise httpcore.ConnectError(f"the connection broke in the TLS handshake with {hostname}") from cause
    except ssl.SSLError as exc:
        secured.close()  # which tells the peer what is wrong
        raise httpcore.ConnectError(f"no TLS connection to {hostname}: {explain(exc)}") from exc
    except BaseException:
        stream.abort()
        raise
    return secured


def explain(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return error.reason or str(error)


class TLSStream(Stream):
    """A TLS connection over another stream. The peer's end without a goodbye is an end like any other: HTTP's own
    framing tells whether something is missing."""

    def __init__(self, inner: Stream, context: ssl.SSLContext, hostname: str | None) -> None:
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        self._inner_ended = False
        self._ended = False
        self._broken: ssl.SSLError | None = None
        self._exhausted = True
        """Everything that came has been read: there will be more when more comes in below."""

    @property
    def socket(self) -> socket.socket:
        return self._inner.socket

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else super().get_extra_info(info)

    async def handshake(self, deadline: float | None) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush(seconds_left(deadline))
                self._feed(await self._inner.receive(deadline))
            else:
                await self._flush(seconds_left(deadline))
                self._exhausted = not self._incoming.pending  # who speaks first may do so in the same packet
                return

    async def wait(self, deadline: float | None = None) -> bool:
        if not self._exhausted:
            return False
        await self._flush(seconds_left(deadline))  # OpenSSL answers a key update by itself
        return await self._inner.wait(deadline)

    def receive_nowait(self, max_bytes: int = HIGH_WATER) -> bytes | None:
        # Not everything that comes is for us: a server sends session tickets on a connection that waits for nothing.
        while (data := self._decrypt(max_bytes)) is None:
            received = self._inner.receive_nowait()
            if received is None:
                self._exhausted = True
                return None
            self._feed(received)
        self._exhausted = False
        return data

    def look(self) -> None:
        self._inner.look()

    async def send(self, data: Bytes, timeout: float | None = None) -> None:
        with memoryview(data) as view:
            for start in range(0, len(view), PIECE):
                if start:
                    await anyio.lowlevel.checkpoint()
                try:
                    self._tls.write(view[start : start + PIECE])
                except ssl.SSLError as exc:
                    raise httpcore.WriteError(explain(exc)) from exc
                await self._flush(timeout)

    def close(self, last: bytes = b"") -> None:
        with suppress(ssl.SSLError):  # it wants to wait for the peer's goodbye, or there was no handshake to take back
            self._tls.unwrap()
        self._inner.close(self._outgoing.read())

    def abort(self) -> None:
        self._inner.abort()

    def drop(self) -> None:
        self._inner.drop()

    def on_lost(self, callback: Callable[[], None] | None) -> None:
        self._inner.on_lost(callback)

    async def _flush(self, timeout: float | None) -> None:
        if self._outgoing.pending:
            await self._inner.send(self._outgoing.read(), timeout)

    def _feed(self, received: bytes) -> None:
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()
            self._inner_ended = True

    def _decrypt(self, max_bytes: int) -> bytes | None:
        """What can be read now, b"" for the end, None when more must come first."""
        parts: list[bytes] = []
        while max_bytes and not self._ended and (self._incoming.pending or self._inner_ended or self._tls.pending()):
            if self._broken is not None:
                break
            try:
                part = self._tls.read(min(max_bytes, RECORD))
            except ssl.SSLWantReadError:
                break
            except ssl.SSLEOFError:
                part = b""
            except ssl.SSLError as exc:
                self._broken = exc  # what came before it is good, and goes first
                break
            self._ended = not part
            parts.append(part)
            max_bytes -= len(part)
        if not parts:
            if self._broken is not None:
                raise httpcore.ReadError(explain(self._broken)) from self._broken
            return b"" if self._ended else None
        return parts[0] if len(parts) == 1 else b"".join(parts)
