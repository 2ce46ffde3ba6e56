"""The transport that a default client sends through: an O(1) connection pool inside an httpx transport.

    transport = PoolTransport(max_connections=1000, ssl_context=await load_tls_context())
    response = await transport.handle_async_request(httpx.Request("POST", url, content=body))

`handle_async_request` is httpx's own: pytest-httpx, vcrpy and OpenTelemetry replace or wrap it on
`httpx.AsyncHTTPTransport`, and see every request. respx replaces methods of httpcore instead; while it does, requests
go through httpcore's own pool, where it waits for them.

A transport belongs to the event loop and the process that it was made in; `usable` says whether that is this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

import httpcore
import httpx

from bedrock_converse._http.body import BODY, Body, Readable, body_of
from bedrock_converse._http.connection import EXCHANGE, Exchange, Message
from bedrock_converse._http.connection_pool import ConnectionPool, replaced
from bedrock_converse._http.proxy import Proxy
from bedrock_converse.errors import ClientClosed

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, Mapping

__all__ = ["BODY", "EXCHANGE", "Body", "Exchange", "PoolStats", "PoolTransport", "RawAnswer", "body_of"]

KEEPALIVE_EXPIRY = 55.0
"""AWS's load balancers close a connection that has been idle for 60 s, unless they are told otherwise. Closing it first
means never sending a request into a connection that is being closed."""


@dataclass(frozen=True, slots=True)
class PoolStats:
    """How many connections there are, at one moment."""

    open: int
    """Idle, in use, or being opened."""
    idle: int
    active: int
    """Held by requests and open streams."""
    queued: int
    """Requests that wait for a connection."""
    limit: int


class RawAnswer(NamedTuple):
    """The head of an answer, and its body, to be read to the end or closed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: Readable


class PoolTransport(httpx.AsyncHTTPTransport):
    """An httpx transport over a `ConnectionPool`. Made inside a running event loop, for that loop.

    `request.extensions` may hold `"timeout"`, a dict of seconds or None: `pool` (for a connection to become free),
    `connect` (address, TCP, proxy and TLS together), `write` (per 256 KiB), `read` (for the head of the answer in all,
    then for each piece of its body); and `EXCHANGE`, to learn what became of the request. `trace` is not called.

    Raises httpx's errors, with httpcore's and then the system's as `__cause__`, and our `ClientClosed`.
    """

    def __init__(
        self,
        *,
        max_connections: int = 1000,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
    ) -> None:
        """`ssl_context` is for https, see `load_tls_context`. `proxy` goes before the environment's (`HTTPS_PROXY`,
        `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), which `trust_env=False` ignores."""
        # Not super().__init__(), which would build a TLS context on the event loop, and a pool.
        self._pool = ConnectionPool(  # pyright: ignore[reportAttributeAccessIssue] - all that httpx asks of a pool
            max_connections=max_connections,
            keepalive_expiry=keepalive_expiry,
            ssl_context=ssl_context,
            proxy=None if proxy is None else Proxy.parse(proxy),
            trust_env=trust_env,
        )

    async def post(
        self,
        url: httpx.URL,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes],
        *,
        timeouts: Mapping[str, float | None],
        exchange: Exchange,
    ) -> RawAnswer:
        """`handle_async_request` without httpx's request, response and wrappers: about a third of a call's cost.

        `headers` have the right `Host` and `Content-Length`. If somebody has replaced or wrapped that method, or
        httpcore's, a request is made and takes the ordinary way past it. Raises httpcore's errors where the ordinary
        way raises httpx's, which have the same names.
        """
        if self._observed():
            extensions = {"timeout": timeouts, EXCHANGE: exchange}
            stream = httpx.ByteStream(body) if isinstance(body, bytes) else cast("httpx.AsyncByteStream", body)
            request = httpx.Request("POST", url, headers=headers, stream=stream, extensions=extensions)
            del headers, body  # an error would show them: see `forget_locals`
            response = await self.handle_async_request(request)
            return RawAnswer(response.status_code, response.headers.raw, body_of(response))
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        message = Message(b"POST", url.raw_path, lines, body)
        del headers, body, lines
        origin = self._pool.origin(url.raw_scheme, url.raw_host, url.port)
        reply = await self._pool.send(origin, message, timeouts, exchange)
        return RawAnswer(reply.status, reply.headers, reply.stream)

    def _observed(self) -> bool:
        return (
            replaced(httpx.AsyncHTTPTransport)
            or replaced(httpcore.AsyncConnectionPool)
            or replaced(httpcore.AsyncHTTPConnection)
            or type(self).handle_async_request is not httpx.AsyncHTTPTransport.handle_async_request
            or "handle_async_request" in self.__dict__
        )

    @property
    def usable(self) -> bool:
        """Not closed, and this is the process and the event loop that it was made in."""
        try:
            self._pool.check_usable()
        except ClientClosed:
            return False
        return True

    def use_tls(self, context: ssl.SSLContext) -> None:
        """Trust what `context` trusts, from the next https connection on."""
        self._pool.use_tls(context)

    def stats(self) -> PoolStats:
        slots = self._pool.slots
        return PoolStats(slots.taken, slots.idle, slots.active, slots.queued, slots.limit)

    async def warm_up(self, url: str, connections: int, timeout: float | None = 5.0) -> int:
        """Have `connections` idle connections to the URL's origin, TLS and all, as far as the limit leaves room.

        Returns how many had to be opened. Each may take `timeout` seconds. Raises httpcore's error when one fails.
        """
        return await self._pool.warm_up(url, connections, timeout)

    async def aclose(self, drain: float = 0.0) -> None:
        """Take no more requests, leave those that run `drain` seconds to finish, then cut them off: they raise
        `ClientClosed`. Waits for nothing else; from another event loop, or when its own has ended, for nothing at all.
        """
        await self._pool.aclose(drain)
