"""A connection pool whose cost does not grow with the number of connections.

httpx's own pool looks at every connection for every request, and loses slots for good when requests are cancelled while
they connect (encode/httpcore#1093). This one keeps its books in `slots`, synchronously and in constant time, and awaits
nothing to give a connection back or up: no cancellation can come between.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakMethod, finalize

import anyio
import anyio.lowlevel
import httpcore
import httpx

from bedrock_converse._http.body import BODY, Body
from bedrock_converse._http.connection import EXCHANGE, Connection, Exchange, Message, Origin
from bedrock_converse._http.network import backend_for_this_loop
from bedrock_converse._http.proxy import Proxy, proxy_from_environment
from bedrock_converse._http.slots import Claim, Slots
from bedrock_converse._http.tracebacks import forget_locals
from bedrock_converse._loop import at_most, call_in_loop, running_loop
from bedrock_converse.errors import ClientClosed

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping

    from bedrock_converse._http.http11 import ResponseHead
    from bedrock_converse._http.network import Stream

__all__ = ["ConnectionPool", "Reply", "replaced"]

OPENING_AT_ONCE = 32
"""How many connections `warm_up` opens side by side: each handshake keeps the event loop busy for a millisecond."""
DEFAULT_PORTS = {b"http": 80, b"https": 443}
CLOSED = "the client is closed"


class ConnectionPool:
    """What httpx's transport calls its pool: httpcore requests in, httpcore responses out."""

    def __init__(
        self,
        *,
        max_connections: int,
        keepalive_expiry: float,
        ssl_context: ssl.SSLContext | None,
        proxy: Proxy | None,
        trust_env: bool,
    ) -> None:
        self.slots = Slots(max_connections, keepalive_expiry)
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._trust_env = trust_env
        self._origins: dict[tuple[bytes, bytes, int | None], Origin] = {}
        self._backend = backend_for_this_loop()
        self._loop = running_loop()
        self._process = os.getpid()
        self._closing = False  # takes no new requests
        self._closed = False  # has cut off the old ones too
        self._quiet: anyio.Event | None = None  # set when the last of them is over
        self._stand_in: httpcore.AsyncConnectionPool | None = None
        self._sentinel = at_the_end_of_the_loop(WeakMethod(self._cut_off))
        finalize(self, forgotten, self.slots, self._sentinel, self._loop, self._process).atexit = False

    # Requests.

    def use_tls(self, context: ssl.SSLContext) -> None:
        self._ssl_context = context

    async def handle_async_request(self, request: httpcore.Request) -> Reply | httpcore.Response:
        """What httpx calls."""
        if replaced(httpcore.AsyncConnectionPool) or replaced(httpcore.AsyncHTTPConnection):
            self.check_usable()
            return await self._pool_of_httpcore().handle_async_request(request)
        url, extensions = request.url, cast("Mapping[str, Any]", request.extensions)  # pyright: ignore[reportUnknownMemberType]
        origin = self.origin(url.scheme, url.host, url.port)
        stream = cast("AsyncIterable[bytes]", request.stream)
        message = Message(request.method, url.target, request.headers, stream)
        return await self.send(origin, message, extensions.get("timeout") or {}, extensions.get(EXCHANGE) or Exchange())

    async def send(
        self, origin: Origin, message: Message, timeouts: Mapping[str, float | None], exchange: Exchange
    ) -> Reply:
        """What everything comes down to."""
        self.check_usable()
        connection = await self._acquire(origin, timeouts, exchange)
        try:
            head = await connection.request(message, timeouts, exchange)
            body = Body(self, connection, timeouts)
        except BaseException as exc:
            self.give_up(connection)
            forget_locals(exc)
            self.explain(exc)
            raise
        return Reply(head, body, connection.stream)

    async def _acquire(self, origin: Origin, timeouts: Mapping[str, float | None], exchange: Exchange) -> Connection:
        exchange.reused = None
        exchange.written = exchange.answered = False
        claim = self.slots.claim(origin, exchange.fresh)
        if not claim.granted:
            await self._wait(claim, timeouts.get("pool"))
        connection = claim.connection
        if connection is None:
            connection = await self._open(origin, timeouts.get("connect"))
        exchange.reused = connection.used
        return connection

    async def _wait(self, claim: Claim, timeout: float | None) -> None:
        claim.wake = anyio.Event()
        try:
            await at_most(timeout, claim.wake.wait)
        except BaseException:
            self.slots.withdraw(claim)
            raise
        if not claim.granted:
            self.slots.withdraw(claim)
            self.check_usable()
            raise httpcore.PoolTimeout(self._say_full(timeout))

    def _say_full(self, timeout: float | None) -> str:
        streams = sum(connection.answering for connection in self.slots.connections)
        return (
            f"no connection became free within {timeout:g} s: all {self.slots.limit} are in use, {streams} of them by "
            f"open streams, and {self.slots.queued} other calls wait. Close streams, or raise max_connections"
        )

    async def _open(self, origin: Origin, timeout: float | None) -> Connection:
        """A new connection, in a slot that is ours already."""
        connection = Connection(origin)
        self.slots.add(connection)
        try:
            if self._closed:
                raise ClientClosed(CLOSED)
            await connection.open(self._backend, self._ssl_context, timeout)
        except BaseException as exc:
            self.give_up(connection)
            forget_locals(exc)
            self.explain(exc)
            raise
        connection.when_lost(self.slots.retire)
        return connection

    def release(self, connection: Connection) -> None:
        """Its answer has been read to the end."""
        if connection.reusable and not self._closed:
            self.slots.put_back(connection)
        else:
            self.slots.give_up(connection)

    def give_up(self, connection: Connection) -> None:
        self.slots.give_up(connection)

    def retire(self, connection: Connection) -> None:
        """Close it if it is idle."""
        self.slots.retire(connection)

    def reclaim(self, connection: Connection) -> None:
        """Its response was dropped; called by the garbage collector, which may run in any thread or after the loop."""
        if not self._run_in_loop(lambda: self.slots.give_up(connection)):
            connection.drop()

    def explain(self, error: BaseException) -> None:
        """Raise `ClientClosed` if that is why there is an error."""
        if self._closed and isinstance(error, Exception) and not isinstance(error, ClientClosed):
            raise ClientClosed(CLOSED) from error

    def origin(self, scheme: bytes, host: bytes, port: int | None) -> Origin:
        key = (scheme, host, port)
        origin = self._origins.get(key)
        if origin is None:
            if scheme not in DEFAULT_PORTS:
                raise httpcore.UnsupportedProtocol(
                    f"neither http:// nor https://: {scheme.decode('ascii', 'replace')}://"
                )
            secure, name, number = scheme == b"https", host.decode("ascii"), port or DEFAULT_PORTS[scheme]
            proxy = self._proxy
            if proxy is None and self._trust_env:
                proxy = proxy_from_environment(secure, name, number)
            origin = self._origins[key] = Origin(secure, name, number, proxy)
        return origin

    def _pool_of_httpcore(self) -> httpcore.AsyncConnectionPool:
        if self._stand_in is None:
            self._stand_in = httpcore.AsyncConnectionPool(self._ssl_context, network_backend=self._backend)
        return self._stand_in

    # Connections before they are needed.

    async def warm_up(self, url: str, connections: int, timeout: float | None) -> int:
        parsed = httpx.URL(url)
        origin = self.origin(parsed.raw_scheme, parsed.raw_host, parsed.port)
        opened: list[Connection] = []
        failures: list[Exception] = []
        at_once = anyio.CapacityLimiter(OPENING_AT_ONCE)

        async def open_one() -> None:
            async with at_once:
                if failures or not self.slots.claim_spare():
                    return
                try:
                    connection = await self._open(origin, timeout)
                except Exception as exc:  # noqa: BLE001 - it is raised below, when the others have ended
                    failures.append(exc)
                    return
                opened.append(connection)
                self.slots.put_back(connection)

        self.check_usable()
        async with anyio.create_task_group() as tasks:
            for _ in range(connections - len(origin.idle)):
                tasks.start_soon(open_one)
        if failures:
            raise failures[0]
        return len(opened)

    # The end.

    def check_usable(self) -> None:
        """Raises `ClientClosed` in a pool that is closed, or that belongs to another process or event loop."""
        if os.getpid() != self._process:
            raise ClientClosed("the client's connections belong to the process that this one was forked from")
        if running_loop() is not self._loop:
            raise ClientClosed("the client's connections belong to another event loop")
        if self._closing or self._closed:
            raise ClientClosed(CLOSED)

    async def aclose(self, drain: float = 0.0) -> None:
        self._closing = True
        if os.getpid() != self._process or running_loop() is not self._loop:
            self._cut_off_from_elsewhere()
            return
        try:
            if drain > 0 and self.slots.active:
                if self._quiet is None:
                    self._quiet = anyio.Event()
                    self.slots.when_quiet = self._quiet.set
                await at_most(drain, self._quiet.wait)
        finally:
            self._cut_off()
            with anyio.CancelScope(shield=True):
                await at_most(1, self._close_the_rest)

    async def _close_the_rest(self) -> None:
        if self._stand_in is not None:
            await self._stand_in.aclose()
        await self._sentinel.aclose()
        await anyio.lowlevel.checkpoint()  # asyncio closes the sockets in its next turn

    def _cut_off(self) -> None:
        self._closed = True
        self.slots.cut_off()

    def _cut_off_from_elsewhere(self) -> None:
        """Never waits for a loop that may have ended. If it runs in another thread it does the work; otherwise the
        sockets are closed under it."""
        self._closed = True
        connections = list(self.slots.connections)
        loop = self._loop
        if isinstance(loop, asyncio.AbstractEventLoop) and not loop.is_running():
            if not loop.is_closed() and os.getpid() == self._process:
                self._cut_off()  # it may run again, and must not watch sockets that are others' by then
        elif self._run_in_loop(self._cut_off):
            return
        for connection in connections:
            connection.drop()
        self.slots.connections.clear()

    def _run_in_loop(self, function: Callable[[], None]) -> bool:
        """Have the pool's own loop call `function`; False when it never will."""
        return os.getpid() == self._process and call_in_loop(self._loop, function)

    async def __aenter__(self) -> ConnectionPool:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def at_the_end_of_the_loop(method: WeakMethod[Callable[[], None]]) -> AsyncGenerator[None, None]:
    """Have `method` called when the event loop ends (`asyncio.run`, `trio.run`), or when the result is closed.

    Both kinds of loop close the async generators that are left when they end: this is one that waits for that. Whoever
    runs one `asyncio.run` after another with a client that is never closed leaves no sockets behind in the old loops.
    """

    async def sentinel() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            function = method()
            if function is not None:
                function()

    generator = sentinel()
    with suppress(StopIteration):
        anext(generator).__await__().send(None)  # as far as the yield
    return generator


def forgotten(slots: Slots, sentinel: AsyncGenerator[None, None], loop: object, process: int) -> None:
    """The pool has been collected, in any thread. What is here was kept from being collected together with it, because
    then sockets would warn that nobody has closed them, and trio that nobody has closed the generator."""
    with suppress(StopIteration, RuntimeError):  # has ended; is ending in its loop's thread
        sentinel.aclose().__await__().send(None)
    # asyncio's loop watches the sockets, so it has to close them; trio's watches those only that somebody waits for
    watched = isinstance(loop, asyncio.AbstractEventLoop) and os.getpid() == process
    if not (watched and call_in_loop(loop, slots.cut_off)):
        for connection in list(slots.connections):
            connection.drop()


class Reply:
    """An answer whose head has come: as much of an `httpcore.Response` as httpx looks at."""

    __slots__ = ("_head", "_network_stream", "headers", "status", "stream")

    def __init__(self, head: ResponseHead, stream: Body, network_stream: Stream | None) -> None:
        self.status = head.status
        self.headers = head.headers
        self.stream = stream
        self._head = head
        self._network_stream = network_stream

    @property
    def extensions(self) -> dict[str, Any]:
        return {
            "http_version": self._head.version,
            "reason_phrase": self._head.reason,
            "network_stream": self._network_stream,
            BODY: self.stream,
        }


def replaced(owner: type[Any]) -> bool:
    """Somebody has put something else in the place of the class's own `handle_async_request`, to see the requests."""
    # Told by the name that the compiler gave the code: it holds if the replacement came before we were imported, and
    # whatever name the replacement was given.
    method = owner.handle_async_request
    if type(method) is not FunctionType:
        return True
    return method.__code__.co_qualname != f"{owner.__name__}.handle_async_request"
