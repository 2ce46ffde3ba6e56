"""What a client and all its views share: connections, identities, clocks, quotas. One per `BedrockClient`.

Sockets belong to an event loop, so there is one transport per loop; everything else outlives loops. Nothing is made
before it is needed.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from bedrock_converse._aws.credentials import ApiKey, Identities, Identity, session_region
from bedrock_converse._aws.endpoint import Endpoint, resolve_endpoint
from bedrock_converse._aws.flight import Flights
from bedrock_converse._aws.sigv4 import Clock, Signer
from bedrock_converse._http.connection import Exchange
from bedrock_converse._http.failures import map_error
from bedrock_converse._http.pool import PoolTransport
from bedrock_converse._http.proxy import proxy_from_environment
from bedrock_converse._http.retry import RetryQuota
from bedrock_converse._http.running import CLOSED, RunningCalls
from bedrock_converse._http.timer import call_timer
from bedrock_converse._http.tls import load_tls_context
from bedrock_converse._http.transport import HttpClient, Transport
from bedrock_converse._loop import at_most, call_in_loop, running_loop
from bedrock_converse.errors import BedrockError, ClientClosed

if TYPE_CHECKING:
    from bedrock_converse._http.deadline import Timeout
    from bedrock_converse._http.limiter import InFlightLimiter

__all__ = ["Hub", "Loop", "Target"]

T = TypeVar("T")

REMEMBERED = 1000
"""Endpoints, clocks and quotas that are kept, the ones used last: a service may have a view per tenant."""
ASKED_EVERY = 0.02
"""Seconds. How often a drain looks at the loops of other threads."""


@dataclass(slots=True)
class Target:
    """Who calls, and where: what one view resolves to."""

    endpoint: Endpoint
    identity: Identity | ApiKey
    clock: Clock
    quota: RetryQuota


@dataclass(slots=True)
class Loop:
    """What belongs to one event loop."""

    transport: Transport
    running: RunningCalls
    secure: bool = False
    """The TLS context is loaded."""
    workers: anyio.CapacityLimiter | None = None
    """For what takes long: not the loop's own threads, which the application may have filled. Made when needed."""


class _Recent(OrderedDict[Hashable, Any]):
    """The values used last, made when asked for."""

    def __init__(self, lock: RLock) -> None:
        super().__init__()
        self._lock = lock

    def recall(self, key: Hashable) -> Any:
        """What is known under `key`, which is used now."""
        with self._lock:
            self.move_to_end(key)
            if len(self) > REMEMBERED:
                self.popitem(last=False)
            return self[key]

    def get_or_make(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self:
                self[key] = make()
            return self.recall(key)


class Hub:
    """Shared by a client and its views."""

    def __init__(
        self,
        *,
        http_client: HttpClient | None,
        max_connections: int,
        limiter: InFlightLimiter | None,
        proxy: str | None,
        verify: str | os.PathLike[str] | None,
    ) -> None:
        self.limiter = limiter
        self.signer = Signer()
        self.identities = Identities()
        self.live_streams: set[int] = set()
        """Ids of the streams that are being read. A set and no count: streams end in any thread, and in `__del__`."""
        self.closed = False
        self._http_client = http_client
        self._max_connections = max_connections
        self._proxy = proxy
        self._verify = verify
        self._lock = RLock()
        self._loops: dict[Hashable, Loop] = {}
        self._process = os.getpid()
        self._resolutions: Flights[None] = Flights("settings")
        """Settings files that are being read: calls that start together read them once."""
        self._endpoints = _Recent(self._lock)
        self._clocks = _Recent(self._lock)
        self._quotas = _Recent(self._lock)

    # --- who and where ---

    async def target(
        self,
        identity: Identity | ApiKey,
        *,
        region: str | None,
        endpoint_url: str | None,
        profile: str | None,
        credentials: object,
        allow_insecure: bool,
    ) -> Target:
        """Resolves region and endpoint: off the loop the first time, from memory afterwards.

        Raises:
            ConfigError: no region, a bad endpoint, or a key that would travel in the clear.
        """
        session = credentials if callable(getattr(credentials, "get_credentials", None)) else None
        key = (region, endpoint_url, profile, None if session is None else id(session))
        if key not in self._endpoints:
            self.check_usable()

            def resolve() -> None:  # remembers it too: whoever comes when this is over must find it
                found = _resolve(region, endpoint_url, profile, session)
                with self._lock:
                    self._endpoints[key] = (found, session)  # keeps the session, and so its id, alive

            await self._resolutions.get(key, resolve)
        endpoint: Endpoint = self._endpoints.recall(key)[0]
        if isinstance(identity, ApiKey):
            endpoint.refuse_plain_http(allow_insecure=allow_insecure, proxied=self._proxied(endpoint))
        else:
            endpoint.require_region()
        return Target(
            endpoint=endpoint,
            identity=identity,
            clock=self._clocks.get_or_make(endpoint.url, Clock),
            quota=self._quotas.get_or_make(identity.key, RetryQuota),
        )

    def _proxied(self, endpoint: Endpoint) -> bool:
        """A proxy will see what is sent in the clear; what a user's own client does is its own affair."""
        if self._http_client is not None or endpoint.scheme == "https":
            return False
        where = urlsplit(endpoint.url)
        return self._proxy is not None or (
            proxy_from_environment(False, where.hostname or "", where.port or 80) is not None
        )

    # --- connections ---

    def check_usable(self) -> None:
        """Not closed, and not carried over into a forked process.

        Raises:
            ClientClosed: it is one of the two.
        """
        if self.closed:
            raise ClientClosed(CLOSED)
        if os.getpid() != self._process:
            raise ClientClosed(
                "the client was used in the process that this one was forked from",
                hint="Make the client after the fork (in the worker's start-up), not before.",
            )

    async def loop(self, *, secure: bool = True) -> Loop:
        """What belongs to the running event loop, made on its first call. `secure`: with TLS ready.

        Raises:
            ClientClosed: the client was closed, or this process was forked from the one that made it.
        """
        self.check_usable()
        key = running_loop()
        known = self._loops.get(key)
        if known is not None and (known.secure or not secure):
            return known
        context = await load_tls_context(self._verify) if secure and self._http_client is None else None
        with self._lock:
            self._drop_ended()
            if self.closed:
                raise ClientClosed(CLOSED)
            known = self._loops.get(key)
            if known is None:
                running = RunningCalls(key)
                known = self._loops[key] = Loop(self._new_transport(running), running)
            if context is not None:
                known.transport.carrier.use_tls(context)
            known.secure = known.secure or secure
            return known

    async def work(self, function: Callable[..., T], *arguments: Any) -> T:
        """Runs in a worker thread what would hold the event loop for too long. It runs to its end, cancelled or not."""
        loop = await self.loop(secure=False)
        loop.workers = loop.workers or anyio.CapacityLimiter(2)
        return await anyio.to_thread.run_sync(function, *arguments, limiter=loop.workers)

    async def warm_up(self, find_target: Callable[[], Awaitable[Target]], connections: int, timeout: Timeout) -> int:
        """Gets ready what a call in this loop needs, within a call's limits; see `BedrockClient.warm_up`."""
        self.check_usable()
        timer = call_timer(timeout)
        try:
            target = await timer.wait(find_target)
            loop = await timer.wait(partial(self.loop, secure=target.endpoint.scheme == "https"))
            await timer.wait(loop.running.unless_closed, target.identity.get)
            opened = 0
            if loop.transport.own:
                what = (loop.transport.carrier, target.endpoint.url, connections, timeout.connect)
                opened = await timer.wait(loop.running.unless_closed, _open, *what)
            self.check_usable()  # closed in a drain, which waits for no warm-up
            return opened
        finally:
            timer.close()

    def _new_transport(self, running: RunningCalls) -> Transport:
        if self._http_client is not None:
            return Transport(self._http_client, running, own=False)
        return Transport(PoolTransport(max_connections=self._max_connections, proxy=self._proxy), running, own=True)

    def _drop_ended(self) -> None:
        for key in [key for key in self._loops if _has_ended(key)]:
            del self._loops[key]

    def pools(self) -> list[PoolTransport]:
        """The pools of all loops; none with the user's own http_client."""
        return [loop.transport.carrier for loop in list(self._loops.values()) if loop.transport.own]

    async def aclose(self, drain: float) -> None:
        """Closes what this client opened; see `BedrockClient.aclose`."""
        self.closed = True
        if os.getpid() != self._process:
            return  # the connections are the parent's
        here = self._loops.get(running_loop())
        try:
            if drain > 0:
                await at_most(drain, partial(self._drained, here))
        finally:
            for key, loop in list(self._loops.items()):
                if loop is here:
                    self._wake(key, loop)
                else:
                    call_in_loop(key, partial(self._wake, key, loop))
            for pool in self.pools():
                await pool.aclose()
            self._loops.clear()

    async def _drained(self, here: Loop | None) -> None:
        """Wait until no call is left in any loop of this process."""
        if here is not None:
            await here.running.drained()  # their end wakes us
        # Other threads' loops are asked now and then instead: one that ends with a stream still open would wake nobody.
        while any(loop.running.busy and _is_running(key) for key, loop in list(self._loops.items())):  # noqa: ASYNC110
            await anyio.sleep(ASKED_EVERY)

    def _wake(self, key: Hashable, loop: Loop) -> None:
        """Calls that wait for a retry, for their place in flight or for somebody else's code need wait no longer."""
        loop.running.close()
        if self.limiter is not None:
            self.limiter.refuse(key)


async def _open(pool: PoolTransport, url: str, connections: int, connect: float | None) -> int:
    try:
        return await pool.warm_up(url, connections, connect)
    except BedrockError:
        raise
    except Exception as error:
        raise map_error(error, Exchange(), {"connect": connect}) from error


def _has_ended(loop: Any) -> bool:
    if isinstance(loop, asyncio.AbstractEventLoop):
        return loop.is_closed()
    try:
        loop.run_sync_soon(_nothing, idempotent=True)  # trio's token: the one way to ask
    except RuntimeError:
        return True
    return False


def _is_running(loop: Any) -> bool:
    """Something can happen in it; a loop that is driven step by step may stand still for ever."""
    return loop.is_running() if isinstance(loop, asyncio.AbstractEventLoop) else not _has_ended(loop)


def _nothing() -> None:
    """Does nothing."""


def _resolve(region: str | None, endpoint_url: str | None, profile: str | None, session: object) -> Endpoint:
    return resolve_endpoint(
        region=region or session_region(session), endpoint_url=endpoint_url, profile=profile, environ=os.environ
    )
