"""One HTTP/1.1 connection, for one request at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from bedrock_converse._http.connect_failures import classify_connect_error
from bedrock_converse._http.http11 import ResponseDecoder, ResponseHead, encode_head
from bedrock_converse._http.network import Backend, Stream, deadline_after, seconds_left
from bedrock_converse._http.proxy import Proxy, open_tunnel
from bedrock_converse._http.timer import cancel_scope
from bedrock_converse._http.tls import start_tls
from bedrock_converse.errors import ConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence

    import anyio

    from bedrock_converse._http.timer import AsyncioScope

__all__ = ["EXCHANGE", "Connection", "Exchange", "Origin"]

EXCHANGE: Final = "bedrock_converse.exchange"
"""The key in `request.extensions` under which a caller may put an `Exchange`, to learn what became of the request."""
INFINITY: Final = float("inf")
SMALL: Final = 64 * 1024
"""A body that fits goes out in one write with the headers: one system call, one TLS record where it can."""


@dataclass(slots=True, eq=False)
class Exchange:
    """What became of one request on the wire. The pool fills it in as it goes; it holds after a failure too.

    It answers the question of DESIGN 5.6: may AWS have run (and billed) this request? Nothing here is filled in when a
    mocking library, or a client of the user's own, has answered: `reused` is None then.
    """

    fresh: bool = False
    """Set by the caller: use no idle connection, open a new one. For the retry after a connection died."""
    reused: bool | None = None
    """The connection had been idle before. None: the request has not come as far as having a connection."""
    written: bool = False
    """The whole request was handed to the operating system."""
    written_at: float = INFINITY
    """When that was, in `time.monotonic()`."""
    answered: bool = False
    """At least one byte of the answer came."""


@dataclass(slots=True, eq=False)
class Message:
    """A request to send."""

    method: bytes
    target: bytes
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes | AsyncIterable[bytes] = field(repr=False)


class Origin:
    """Where connections go: scheme, host and port, and the proxy on the way. Made by the pool, one per origin."""

    __slots__ = ("host", "idle", "port", "proxy", "secure")

    def __init__(self, secure: bool, host: str, port: int, proxy: Proxy | None) -> None:
        self.secure = secure
        self.host = host
        self.port = port
        self.proxy = proxy
        self.idle: OrderedDict[Connection, None] = OrderedDict()
        """Its idle connections, the one used last at the end."""

    @property
    def authority(self) -> bytes:
        return (f"[{self.host}]" if ":" in self.host else self.host).encode("ascii")


class Connection:
    """Opened, used and given up by the pool; knows nothing of it."""

    __slots__ = ("_decoder", "_opening", "_stream", "_written", "answering", "expires_at", "origin", "used")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.expires_at = 0.0
        """When it has been idle for too long, in `time.monotonic()`."""
        self.used = False
        """It has been idle before."""
        self.answering = False
        """An answer is being read from it."""
        self._stream: Stream | None = None
        self._decoder: ResponseDecoder | None = None
        self._opening: anyio.CancelScope | AsyncioScope | None = None
        self._written = False

    async def open(self, backend: Backend, context: ssl.SSLContext | None, timeout: float | None) -> None:
        """Connect, through the proxy and with TLS where the origin wants it. On failure nothing stays open.

        Raises `httpcore.ConnectError`, `ConnectTimeout` or `ProxyError`.
        """
        with cancel_scope() as self._opening:
            self._stream = await dial(self.origin, backend, context, timeout)
        if self._opening.cancel_called:
            self.abort()
            raise httpcore.ConnectError("closed while connecting")

    async def request(self, message: Message, timeouts: Mapping[str, float | None], exchange: Exchange) -> ResponseHead:
        """Send the request and wait for the head of its answer, for `timeouts["read"]` seconds in all."""
        stream = self._stream
        assert stream is not None
        self._decoder = decoder = ResponseDecoder(message.method)
        self._written = False
        try:
            await self._write(stream, message, timeouts.get("write"))
            self._written = exchange.written = True
            exchange.written_at = monotonic()
        except httpcore.WriteError:
            pass  # a server may refuse a request before it has read it all: its answer says more than this error
        deadline = deadline_after(timeouts.get("read"))
        head = None
        while head is None:
            data = await stream.receive(deadline)
            if not data:
                decoder.end()
            exchange.answered = True
            head = decoder.head(data)
        self.answering = True
        return head

    def begin_body(self) -> bytes:
        """The payload that came together with the head."""
        assert self._decoder is not None
        return self._decoder.body(b"")

    def payload_nowait(self) -> bytes | None:
        """What has come of the body; b"" is its end, None means that more must come first."""
        decoder, stream = self._decoder, self._stream
        assert decoder is not None
        assert stream is not None
        while not decoder.complete:
            decoder.check()
            data = stream.receive_nowait()
            if data is None:
                return None
            if not data:
                decoder.end()
            elif payload := decoder.body(data):
                return payload
        return b""

    def wait(self, deadline: float | None) -> Awaitable[bool]:
        """Wait until more may have come; True when the deadline came first."""
        assert self._stream is not None
        return self._stream.wait(deadline)

    @property
    def malformed(self) -> bool:
        """The next `payload_nowait` raises: there is nothing to wait for."""
        return self._decoder is not None and bool(self._decoder.malformed)

    @property
    def complete(self) -> bool:
        """The answer has been read to its end."""
        return self._decoder is not None and self._decoder.complete

    @property
    def reusable(self) -> bool:
        """The answer has been read to its end, and another request can follow it."""
        return self._written and self._decoder is not None and self._decoder.reusable

    def alive(self, now: float) -> bool:
        """Neither idle for too long nor closed by the peer."""
        return now < self.expires_at and self.quiet

    @property
    def quiet(self) -> bool:
        """Nothing has come since the last answer, the end included."""
        return self._stream is not None and not self._stream.readable

    @property
    def stream(self) -> Stream | None:
        return self._stream

    def when_lost(self, callback: Callable[[Connection], None]) -> None:
        """Have `callback` called with this connection when the peer closes it."""
        if self._stream is not None:
            self._stream.on_lost(partial(callback, self))

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def abort(self) -> None:
        if self._stream is not None:
            self._stream.abort()
        elif self._opening is not None:
            self._opening.cancel()

    def drop(self) -> None:
        """Give up the socket without the event loop's help."""
        if self._stream is not None:
            self._stream.drop()

    async def _write(self, stream: Stream, message: Message, timeout: float | None) -> None:
        origin, target, headers, body = self.origin, message.target, message.headers, message.body
        if origin.proxy is not None and not origin.secure:  # no tunnel: the proxy reads the request (RFC 9112, 3.2.2)
            target = b"http://%b:%d%b" % (origin.authority, origin.port, target)
            if origin.proxy.authorization is not None:
                headers = [*headers, (b"proxy-authorization", origin.proxy.authorization)]
        outbox = Outbox(stream, encode_head(message.method, target, headers), headers, timeout)
        if isinstance(body, bytes):
            await outbox.add(body)
        elif isinstance(body, httpx.SyncByteStream):  # and an async stream, so in memory: no generator to look after
            for piece in body:
                await outbox.add(piece)
        else:
            pieces = aiter(body)
            try:
                async for piece in pieces:
                    await outbox.add(piece)
            finally:
                if isinstance(pieces, AsyncGenerator):  # trio warns about one that is left in the middle
                    await pieces.aclose()
        await outbox.end()


class Outbox:
    """Sends a request. Small pieces travel together, and the body is held to what the headers announce of it: anything
    else would make the next request unreadable."""

    __slots__ = ("_chunked", "_left", "_pending", "_stream", "_timeout")

    def __init__(
        self, stream: Stream, head: bytes, headers: Sequence[tuple[bytes, bytes]], timeout: float | None
    ) -> None:
        self._stream = stream
        self._pending = head
        self._timeout = timeout
        self._chunked = False
        self._left = 0
        for name, value in headers:
            if len(name) == 14 and name.lower() == b"content-length":
                self._left = int(value) if value.isdigit() else -1
            elif len(name) == 17 and name.lower() == b"transfer-encoding":
                self._chunked = True

    async def add(self, piece: bytes) -> None:
        if self._chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
        else:
            self._left -= len(piece)
            if self._left < 0:
                raise httpcore.LocalProtocolError("the request body is longer than its content-length")
        if len(self._pending) + len(piece) <= SMALL:
            self._pending += piece
        else:
            await self._stream.send(self._pending, self._timeout)
            self._pending = piece

    async def end(self) -> None:
        if self._chunked:
            self._pending += b"0\r\n\r\n"
        elif self._left:
            raise httpcore.LocalProtocolError("the request body is shorter than its content-length")
        await self._stream.send(self._pending, self._timeout)


async def dial(origin: Origin, backend: Backend, context: ssl.SSLContext | None, timeout: float | None) -> Stream:
    """`timeout` seconds for everything: finding the address, connecting, the proxy and the TLS handshake."""
    deadline = deadline_after(timeout)
    proxy = origin.proxy
    if proxy is None:
        stream = await backend.connect_tcp(origin.host, origin.port, timeout)
    else:
        try:
            stream = await dial_proxy(proxy, origin, backend, context, deadline)
        except (httpcore.NetworkError, httpcore.ProtocolError) as exc:
            if classify_connect_error(exc) == "files":
                raise
            raise httpcore.ProxyError(f"no connection through the proxy {proxy}: {exc}") from exc
    if origin.secure:
        stream = await start_tls(stream, needed(context), origin.host, deadline)
    return stream


async def dial_proxy(
    proxy: Proxy, origin: Origin, backend: Backend, context: ssl.SSLContext | None, deadline: float | None
) -> Stream:
    stream = await backend.connect_tcp(proxy.host, proxy.port, seconds_left(deadline))
    if proxy.secure:
        stream = await start_tls(stream, needed(context), proxy.host, deadline)
    if origin.secure:
        try:
            await open_tunnel(stream, proxy, b"%b:%d" % (origin.authority, origin.port), deadline)
        except httpcore.TimeoutException as exc:
            stream.abort()
            raise httpcore.ConnectTimeout(f"no tunnel through the proxy {proxy} in time") from exc
        except BaseException:
            stream.abort()
            raise
    return stream


def needed(context: ssl.SSLContext | None) -> ssl.SSLContext:
    if context is None:
        raise ConfigError("a TLS connection needs a TLS context; see load_tls_context")
    return context
