"""ONE attempt on the wire: a request with all its headers goes out, an answer comes back, and every error is ours.

What carries the bytes is our own pool, called directly, or an `httpx.AsyncClient` (or `httpx2.AsyncClient`) of the
user's. Both are behind `Transport.send`.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import httpx

from bedrock_converse._http.body import Body
from bedrock_converse._http.failures import map_error
from bedrock_converse._loop import at_most
from bedrock_converse._wire.deserialize import parse_error, request_id
from bedrock_converse.errors import BedrockError, ClientClosed, ConfigError, RequestTimeout, ResponseInvalid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from bedrock_converse._http.body import Readable
    from bedrock_converse._http.connection import Exchange
    from bedrock_converse._http.deadline import Timeout
    from bedrock_converse._http.pool import PoolTransport, RawAnswer
    from bedrock_converse._http.running import RunningCalls
    from bedrock_converse._http.timer import CallTimer

__all__ = ["Answer", "HttpClient", "Pieces", "SignedHeaders", "Transport"]

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of a unary answer, decoded, that are read before it is given up."""
MAX_ERROR = 64 * 1024
"""Bytes of an error's body that are read; the rest is cut off."""
UNPACKED_AT_ONCE = 1024 * 1024
"""Bytes: a small piece that unpacks to gigabytes meets the limits above before it is in memory."""
FOREIGN_CLOSED = "the http_client that this client was given is closed"


class HttpClient(Protocol):
    """What `http_client=` has to have: `httpx.AsyncClient` does, `httpx2.AsyncClient` too."""

    @property
    def is_closed(self) -> bool: ...
    @property
    def build_request(self) -> Callable[..., Any]: ...
    @property
    def send(self) -> Callable[..., Awaitable[Any]]: ...


class Pieces(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A request body in pieces, sent without joining them. Its `repr` does not show them."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    @property
    def whole(self) -> bytes | None:
        """All of it, if it is in one piece."""
        return self._pieces[0] if len(self._pieces) == 1 else None

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class AsyncOnly:
    """An `httpx.AsyncClient` takes what can be iterated in both ways for a synchronous body."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces.__aiter__()


class SignedHeaders(dict[str, str]):
    """The headers of one attempt. Reports of crashes show the locals of frames, hence the `repr`."""

    def __repr__(self) -> str:
        return f"<{len(self)} headers>"


class Answer:
    """The head of an answer, and its body to be read. Close it, or read it to its end."""

    __slots__ = ("_body", "_pieces", "direct", "exchange", "headers", "received", "status")

    def __init__(
        self, status: int, headers: dict[str, str], body: Readable, pieces: AsyncIterator[bytes], exchange: Exchange
    ) -> None:
        self.status = status
        self.headers = headers
        """Names in lower case."""
        self.exchange = exchange
        self.received = 0
        """Bytes of the body read so far, decompressed if they had to be."""
        self.direct = body if isinstance(body, Body) and pieces is body else None
        """The body of our own pool, if nothing has to be unpacked."""
        self._body = body
        self._pieces = pieces

    @classmethod
    def of_pool(cls, answer: RawAnswer, exchange: Exchange) -> Answer:
        """The answer that our pool gives."""
        headers = decoded(answer.headers)
        return cls(answer.status, headers, answer.body, unpacked(answer.body, headers), exchange)

    @classmethod
    def of_client(cls, response: Any, exchange: Exchange, running: RunningCalls) -> Answer:
        """The answer that somebody's `http_client` gives; told by duck type."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = ForeignBody(response, running)
        pieces = body if body.read_before else unpacked(body, headers)
        return cls(response.status_code, headers, body, pieces, exchange)

    async def read(self) -> bytes:
        """The next piece of the body; `b""` at its end.

        Raises:
            TransportError: the connection broke.
        """
        try:
            while True:
                piece = await self._pieces.__anext__()
                if piece:
                    self.received += len(piece)
                    return piece
        except StopAsyncIteration:
            await self.close()  # an http_client gets its connection back only then
            return b""
        except BedrockError:
            raise
        except Exception as error:
            raise map_error(error, self.exchange, {}) from error

    async def read_within(self, timer: CallTimer) -> bytes:
        """`read`, within what is left of the timer's phase.

        Raises:
            RequestTimeout: the phase is over.
            TransportError: the connection broke.
        """
        body = self.direct
        if body is None:
            return await timer.wait(self.read)
        # The path of every event: our own pool's wait takes a deadline and is not stopped by a cancellation.
        try:
            while True:
                too_late = await body.wait(timer.deadline)
                piece = body.read_nowait()
                if piece is not None:
                    self.received += len(piece)
                    return piece
                if too_late:
                    raise timer.expired()
        except BedrockError:
            raise
        except Exception as error:
            raise map_error(error, self.exchange, {}) from error

    def whole(self) -> bytes | None:
        """The whole body, if all of it came together with the head; most do."""
        body = self.direct.all_at_once() if self.direct is not None else None
        self.received += len(body or b"")
        return body

    async def read_whole(self, limit: int = MAX_ANSWER) -> bytes:
        """The whole body.

        Raises:
            ResponseInvalid: it is longer than `limit`.
            TransportError: the connection broke.
        """
        pieces: list[bytes] = []
        while piece := await self.read():
            pieces.append(piece)
            if self.received > limit:
                await self.close()
                raise ResponseInvalid(f"the answer is larger than {limit:,} bytes", possibly_billed=True)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read_error(self) -> BedrockError:
        """The error that an answer with another status than 2xx stands for."""
        pieces: list[bytes] = []
        try:
            while self.received < MAX_ERROR and (piece := await self.read()):
                pieces.append(piece)
        except BedrockError as error:
            if isinstance(error, RequestTimeout):
                raise
            # the status is known, and says more than the connection that broke after it
        await self.close()
        return parse_error(self.status, self.headers, b"".join(pieces)[:MAX_ERROR])

    async def close(self) -> None:
        """Gives the connection back if the body was read to its end, and cuts it otherwise."""
        try:
            close_pieces = getattr(self._pieces, "aclose", None)
            if close_pieces is not None:
                await close_pieces()
            await self._body.aclose()
        except BedrockError:
            raise
        except Exception as error:
            raise map_error(error, self.exchange, {}) from error

    async def give_up(self) -> None:
        """Closes, whatever is cancelled meanwhile: within a second, and without an error."""
        if isinstance(self._body, Body):
            self._body.close()
            return
        with anyio.CancelScope(shield=True), suppress(BedrockError):
            await at_most(1, self.close)

    @property
    def ended(self) -> bool:
        """The end of the body is here: `read` will not wait for it."""
        return self.direct is not None and self.direct.ended

    def distrust(self) -> None:
        """The answer is not one that AWS gives: its connection, which may lead to something else, is used no more."""
        if isinstance(self._body, Body):
            self._body.distrust()

    def drop(self) -> None:
        """Cuts the connection, for an owner that nobody has closed; `close` needs an event loop."""
        if isinstance(self._body, Body):
            self._body.drop()

    @property
    def request_id(self) -> str | None:
        return request_id(self.headers)


class Transport:
    """Sends requests, through our pool or the user's client."""

    def __init__(self, carrier: PoolTransport | HttpClient, running: RunningCalls, *, own: bool) -> None:
        self.carrier: Any = carrier
        self._running = running
        self.own = own
        """The carrier is our pool, to be called directly."""
        self._urls: dict[str, httpx.URL] = {}

    async def send(
        self,
        url: str,
        headers: dict[str, str],
        body: Pieces,
        *,
        exchange: Exchange,
        timer: CallTimer,
        timeout: Timeout,
        phase: Any,
    ) -> Answer:
        """Sends one request and waits for the head of its answer. `phase` begins with it.

        Raises:
            TransportError: no answer came; `.possibly_billed` says whether AWS may have run the request.
        """
        limit: float | None = timeout.first_event if phase == "first_event" else timeout.answer
        # a little before the phase ends: waiting for a connection is the more telling failure, and costs nothing
        waits = {
            "pool": None if limit is None else limit - min(limit / 10, 0.05),
            "connect": timeout.connect,
            "write": None,
            "read": None,
        }
        timer.start(phase)
        try:
            return await timer.wait(self._send, url, headers, body, exchange, waits)
        except RequestTimeout as error:
            if exchange.reused is not None and not exchange.written and error.phase == "first_event":
                error.phase = "write"
                error.args = (f"the request could not be sent within {error.seconds:g} s",)
                error.message = error.args[0]
            error.possibly_billed = exchange.written or (exchange.reused is None and not self.own)
            raise
        except BedrockError as error:
            if isinstance(error, ClientClosed):  # in the middle of it: AWS goes on
                error.possibly_billed |= exchange.written
            raise
        except Exception as error:
            raise map_error(error, exchange, waits) from error

    async def _send(
        self, url: str, headers: dict[str, str], body: Pieces, exchange: Exchange, waits: Mapping[str, Any]
    ) -> Answer:
        if not self.own:
            return Answer.of_client(await self._send_foreign(url, headers, body, waits), exchange, self._running)
        pool: PoolTransport = self.carrier
        known_url = self._url(url)
        answer = await pool.post(known_url, headers, body.whole or body, timeouts=waits, exchange=exchange)
        return Answer.of_pool(answer, exchange)

    async def _send_foreign(self, url: str, headers: dict[str, str], body: Pieces, waits: Mapping[str, Any]) -> Any:
        client = self.carrier
        if client.is_closed:
            raise ClientClosed(FOREIGN_CLOSED)
        content = AsyncOnly(body) if body.whole is None else body.whole
        extensions = {"timeout": dict(waits)}
        request = client.build_request("POST", url, headers=headers, content=content, extensions=extensions)
        del content
        if request.url.raw_path != self._url(url).raw_path:
            raise ConfigError("the http_client changes the URL (params=?), which would break the signature")
        self._running.check()
        send = partial(client.send, request, stream=True, follow_redirects=False, auth=None)
        try:
            return await self._running.unless_closed(send)  # we close no client that we did not make
        except ClientClosed as error:
            error.possibly_billed = True
            raise
        except RuntimeError as error:
            if client.is_closed:
                raise ClientClosed(FOREIGN_CLOSED) from error
            raise

    def _url(self, url: str) -> httpx.URL:
        known = self._urls.get(url)
        if known is None:
            if len(self._urls) > 1000:
                self._urls.clear()
            known = self._urls[url] = httpx.URL(url)
            if known.raw_path != b"/" + url.split("/", 3)[3].encode():
                raise ConfigError("the endpoint's path is not in its normal form: httpx would change what was signed")
        return known


class ForeignBody:
    """The body of a response of somebody's `http_client`, as it came: httpx would unpack it without a limit."""

    def __init__(self, response: Any, running: RunningCalls) -> None:
        self.read_before: bool = getattr(response, "is_stream_consumed", False)
        """A mock's response, or one that a recorder has read; then it is unpacked, too."""
        self._response = response
        self._running = running
        self._pieces: AsyncIterator[bytes] = (
            httpx.ByteStream(response.content).__aiter__() if self.read_before else response.aiter_raw()
        )
        self._interrupted = False
        """A wait was cut short, by its reader or by an error: what httpx gives from then on looks like the end."""

    def __aiter__(self) -> ForeignBody:
        return self

    async def __anext__(self) -> bytes:
        if self._interrupted:
            raise httpx.ReadError("a wait for more was given up, and httpx has closed the connection then")
        self._interrupted = True
        try:
            piece = await self._running.unless_closed(self._pieces.__anext__)
        except StopAsyncIteration:
            self._interrupted = False
            raise
        self._interrupted = False
        return piece

    async def aclose(self) -> None:
        await self._response.aclose()
        extensions: Mapping[str, Any] = getattr(self._response, "extensions", {})
        if "network_stream" in extensions and extensions.get("http_version") == b"HTTP/1.1":
            # httpx reads through generators in generators, and closing the outermost leaves the others to the garbage
            # collector, of which trio warns. They end when they find the connection closed.
            with suppress(Exception):
                while True:
                    await self._pieces.__anext__()


def unpacked(body: Readable, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The bytes of the body as they were before somebody compressed them."""
    encoding = headers.get("content-encoding", "").strip().lower()
    return body.__aiter__() if encoding in ("", "identity") else Unpacked(body, encoding)


class Unpacked:
    """A compressed body, unpacked as it comes. We ask for none; a proxy may compress all the same."""

    def __init__(self, body: Readable, encoding: str) -> None:
        self._encoding = encoding
        self._pieces = body.__aiter__()
        self._decoder = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever the header of the data says

    def __aiter__(self) -> Unpacked:
        return self

    async def __anext__(self) -> bytes:
        if self._encoding not in ("gzip", "x-gzip", "deflate"):
            raise ResponseInvalid(f"the answer is encoded as {self._encoding[:40]!r}, which nobody asked for")
        if self._decoder.unconsumed_tail:
            return self._unpack(self._decoder.unconsumed_tail)
        try:
            packed = self._decoder.unused_data or await self._pieces.__anext__()
        except StopAsyncIteration:
            if not self._decoder.eof:
                raise ResponseInvalid("the compressed answer ends in the middle") from None
            raise
        return self._unpack(packed)

    def _unpack(self, packed: bytes) -> bytes:
        if self._decoder.eof:  # what was compressed in parts may come in parts (RFC 1952, section 2.2)
            self._decoder = zlib.decompressobj(wbits=47)
        try:
            return self._decoder.decompress(packed, UNPACKED_AT_ONCE)
        except zlib.error as error:
            raise ResponseInvalid(f"the answer cannot be unpacked: {error}") from error


def decoded(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case; the values of a name that comes several times are joined."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
