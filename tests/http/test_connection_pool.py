"""The pool over real sockets: no slot lost, whatever is cancelled, closed, dropped or cut, on asyncio and trio."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import trustme
from loopback import Peer, Server, answer, serve
from steady import run_steadily
from stepwise import WAYS, EveryAwait, cancelled_at, living_tasks

from bedrock_converse._http.pool import BODY, EXCHANGE, Body, Exchange, PoolStats, PoolTransport
from bedrock_converse.errors import ClientClosed

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
LIMITS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}
PAYLOAD = b"x" * 1000


def run(backend: str, main: Any, *args: Any) -> None:
    run_steadily(main, *args, backend=backend)


def request(url: str, exchange: Exchange | None = None, body: bytes = PAYLOAD, **limits: float) -> httpx.Request:
    extensions: dict[str, Any] = {"timeout": {**LIMITS, **limits}}
    if exchange is not None:
        extensions[EXCHANGE] = exchange
    return httpx.Request("POST", url, content=body, extensions=extensions)


async def call(transport: PoolTransport, url: str, **kwargs: Any) -> bytes:
    """One whole call: send, read to the end, close."""
    response = await transport.handle_async_request(request(url, **kwargs))
    assert response.status_code == 200
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return b"".join([part async for part in response.stream])
    finally:
        await response.stream.aclose()


async def left(transport: PoolTransport, url: str) -> bytes:
    """A call whose stream is left after its first bytes."""
    response = await transport.handle_async_request(request(url))
    body: Body = response.extensions[BODY]  # httpx's wrapper is a generator, which trio wants to see closed
    try:
        return await anext(body)
    finally:
        await body.aclose()


async def in_pieces(peer: Peer) -> None:
    """Answers slowly, so that the client waits at every point at which it can wait."""
    while await peer.request():
        await peer.send(
            b"HTTP/1.1 103 Early Hints\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-enc",
            b"oding: chunked\r\n\r\n",
            b"5\r\nhel",
            b"lo\r\n",
            b"0\r\n",
            b"\r\n",
            pause=0.003,
        )


@pytest.fixture(scope="module")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


# Reuse.


@BACKENDS
def test_a_connection_is_reused(backend: str) -> None:
    """Three calls in a row go over one connection, and the exchange says so."""

    async def main() -> None:
        async with PoolTransport() as transport:
            reused = list[bool | None]()
            for _ in range(3):
                exchange = Exchange()
                assert await call(transport, server.url, exchange=exchange) == b"hello"
                reused.append(exchange.reused)
                assert transport.stats() == PoolStats(open=1, idle=1, active=0, queued=0, limit=1000)
            assert reused == [False, True, True]

    with serve() as server:
        run(backend, main)
        server.wait_until_open(0)
    assert server.accepted == 1


@BACKENDS
def test_a_connection_comes_back_before_the_body_is_read(backend: str) -> None:
    """An answer that came in one piece needs its connection no more, even if nobody reads or closes it."""

    async def main() -> None:
        async with PoolTransport() as transport:
            response = await transport.handle_async_request(request(server.url))
            assert transport.stats().idle == 1
            assert await response.aread() == b"hello"

    with serve() as server:
        run(backend, main)


@BACKENDS
def test_a_stream_that_is_left_cuts_its_connection(backend: str) -> None:
    """Closed early: nothing is waited for, the server sees the end, and the next call gets a new connection."""

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            await peer.send(b"x" * 10000)

    async def main() -> None:
        async with PoolTransport() as transport:
            for _ in range(3):
                assert (await left(transport, server.url)).startswith(b"xxx")
                assert transport.stats().open == 0
                await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(endless) as server:
        run(backend, main)
    assert server.accepted == 3


@BACKENDS
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_the_server_closed_is_replaced(backend: str, how: str) -> None:
    """Closed while idle: found before anything is sent on it, so no call fails."""

    async def one_answer(peer: Peer) -> None:
        await peer.request()
        await peer.reply()
        if how == "close":
            peer.writer.close()
        else:
            peer.reset()

    async def main() -> None:
        async with PoolTransport() as transport:
            for _ in range(5):
                exchange = Exchange()
                assert await call(transport, server.url, exchange=exchange) == b"hello"
                assert exchange.reused is False
                await anyio.sleep(0.02)

    with serve(one_answer) as server:
        run(backend, main)
    assert server.accepted == 5


def test_asyncio_forgets_a_connection_as_soon_as_the_server_closes_it() -> None:
    """Without waiting for the next call: its slot and its file are free again."""

    async def one_answer(peer: Peer) -> None:
        await peer.request()
        await peer.reply()
        peer.writer.close()

    async def main() -> None:
        async with PoolTransport() as transport:
            await call(transport, server.url)
            await asyncio.sleep(0.05)
            assert transport.stats().open == 0

    with serve(one_answer) as server:
        asyncio.run(main())


@BACKENDS
def test_a_reused_connection_that_dies_is_told_from_a_new_one(backend: str) -> None:
    """The server closes just when the request comes: reused, written, no byte of an answer. The next one is fresh."""

    async def dies_at_second(peer: Peer) -> None:
        await peer.request()
        await peer.reply()
        await peer.request()
        peer.writer.close()

    async def main() -> None:
        async with PoolTransport() as transport:
            first, second = Exchange(), Exchange()
            await call(transport, server.url, exchange=first)
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                await call(transport, server.url, exchange=second)
            assert (second.reused, second.written, second.answered) == (True, True, False)
            await transport.warm_up(server.url, 2)
            second.fresh = True
            await call(transport, server.url, exchange=second)
            assert (second.reused, second.answered) == (False, True)

    with serve(dies_at_second) as server:
        run(backend, main)


@BACKENDS
def test_many_at_once(backend: str) -> None:
    """A thousand calls at once on a thousand connections; then they are idle, and serve the next thousand."""

    async def main() -> None:
        async with PoolTransport(max_connections=1000) as transport:
            for _ in range(2):
                async with anyio.create_task_group() as tasks:
                    for _ in range(1000):
                        tasks.start_soon(call, transport, server.url)
                assert transport.stats().active == 0
            assert transport.stats().idle == server.accepted <= 1000

    with serve() as server:
        run(backend, main)
        server.wait_until_open(0)
    assert len(server.requests) == 2000


# The limit.


@BACKENDS
def test_the_limit_holds_and_the_queue_is_fair(backend: str) -> None:
    """Two connections serve twenty calls, which are answered in the order in which they came."""

    queued = threading.Event()

    async def slowly(peer: Peer) -> None:
        while await peer.request():
            while not queued.is_set():  # noqa: ASYNC110 - set in another thread
                await asyncio.sleep(0.001)
            await peer.reply()

    async def main() -> None:
        finished: list[int] = []

        async def numbered(number: int) -> None:
            await call(transport, server.url, body=b"%d" % number)
            finished.append(number)

        async with PoolTransport(max_connections=2) as transport, anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(numbered, number)
                await anyio.lowlevel.checkpoint()
            await anyio.sleep(0.001)  # the last one has begun too
            assert transport.stats().queued == 18
            queued.set()
        assert sorted(finished) == list(range(20))

    with serve(slowly) as server:
        run(backend, main)
    assert server.accepted <= 2
    # As they were sent, not as they were answered: a connection may be slow. Two at a time, so neighbours may swap.
    order = [int(received.body) for received in server.requests]
    assert all(abs(number - place) <= 1 for place, number in enumerate(order))


@BACKENDS
def test_a_full_pool_says_who_holds_it(backend: str) -> None:
    """The error names the limit and how many of the connections open streams hold; nothing was sent."""

    async def main() -> None:
        async with PoolTransport(max_connections=2) as transport:
            streams = [await transport.handle_async_request(request(server.url)) for _ in range(2)]
            exchange = Exchange()
            with pytest.raises(httpx.PoolTimeout, match="all 2 are in use, 2 of them by open streams"):
                await call(transport, server.url, exchange=exchange, pool=0.02)
            assert (exchange.reused, exchange.written) == (None, False)
            assert transport.stats().queued == 0
            for stream in streams:
                await stream.aclose()
            with pytest.raises(httpx.ReadTimeout):
                await call(transport, server.url, read=0.02)
            assert transport.stats() == PoolStats(open=0, idle=0, active=0, queued=0, limit=2)

    async def stuck(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")

    with serve(stuck) as server:
        run(backend, main)


@BACKENDS
def test_another_origin_may_evict_an_idle_connection(backend: str) -> None:
    """One slot, two hosts: a request to the second one does not wait for the first one's idle connection to expire."""

    async def main() -> None:
        async with PoolTransport(max_connections=1) as transport:
            for _ in range(2):
                for server in (one, two):
                    assert await call(transport, server.url, pool=1) == b"hello"
            async with anyio.create_task_group() as tasks:
                for server in (one, two) * 5:
                    tasks.start_soon(call, transport, server.url)
            assert transport.stats().open == 1

    with serve() as one, serve() as two:
        run(backend, main)
        one.wait_until_open(0)
        two.wait_until_open(0)


@BACKENDS
def test_idle_connections_expire(backend: str) -> None:
    """Too old: closed at the next chance, and not used again."""

    async def main() -> None:
        async with PoolTransport(keepalive_expiry=0.05) as transport:
            assert await transport.warm_up(server.url, 3) == 3
            await anyio.sleep(0.06)
            exchange = Exchange()
            await call(transport, server.url, exchange=exchange)
            assert exchange.reused is False
            assert transport.stats().open == 1
            await anyio.to_thread.run_sync(server.wait_until_open, 1)

    with serve() as server:
        run(backend, main)


# Cancellation.


async def nothing_is_left(transport: PoolTransport, server: Server, tasks: int) -> None:
    stats = transport.stats()
    assert (stats.active, stats.queued) == (0, 0)
    assert stats.open <= stats.idle
    assert await living_tasks() == tasks
    await anyio.to_thread.run_sync(server.wait_until_open, stats.idle)


@BACKENDS
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("warm", [False, True], ids=["connecting", "reusing"])
@pytest.mark.parametrize("act", [call, left])
def test_cancelled_at_every_await(
    backend: str, secure: bool, warm: bool, act: Any, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """Connecting, shaking hands, sending, reading, closing: no slot, socket or task is left, the next call works."""

    async def main() -> None:
        for way in WAYS[backend]:
            async with PoolTransport(ssl_context=tls[1], max_connections=1) as transport:
                await anyio.to_thread.run_sync(int)  # the worker thread's bookkeeping is there from the beginning
                tasks = await living_tasks()
                for run_cancelled in EveryAwait(way, at_least=3):
                    if warm:
                        await transport.warm_up(server.url, 1)
                    else:
                        await drop_idle(transport)
                    await run_cancelled(lambda: act(transport, server.url))
                    await nothing_is_left(transport, server, tasks)
                    assert await call(transport, server.url) == b"hello"

    async def drop_idle(transport: PoolTransport) -> None:
        for connection in list(transport._pool.slots.connections):
            transport._pool.slots.retire(connection)

    with serve(in_pieces, tls[0] if secure else None) as server:
        run(backend, main)
        server.wait_until_open(0)


@BACKENDS
def test_cancelled_at_every_await_of_a_big_request(backend: str) -> None:
    """The same while the body goes out in pieces to a server that takes its time."""

    async def slow_reader(peer: Peer) -> None:
        while await peer.reader.read(300_000):  # noqa: ASYNC110 - it is slow, it does not poll
            await asyncio.sleep(0.001)

    async def main() -> None:
        body = b"x" * 4_000_000
        for way in WAYS[backend]:
            async with PoolTransport() as transport:
                await anyio.to_thread.run_sync(int)
                tasks = await living_tasks()
                for step in range(1, 12):
                    assert await cancelled_at(step, way, lambda: call(transport, server.url, body=body))
                    await nothing_is_left(transport, server, tasks)

    with serve(slow_reader) as server:
        run(backend, main)


@BACKENDS
def test_cancelled_at_every_await_of_the_queue(backend: str) -> None:
    """Waiting for a connection that another call holds, and being handed it at the same moment."""

    async def main() -> None:
        for way in WAYS[backend]:
            async with PoolTransport(max_connections=1) as transport:
                await anyio.to_thread.run_sync(int)
                tasks = await living_tasks()
                for run_cancelled in EveryAwait(way, at_least=3):
                    holder = await transport.handle_async_request(request(server.url))

                    async def let_go(holder: httpx.Response = holder) -> None:
                        await anyio.sleep(0.002)
                        await holder.aclose()

                    async with anyio.create_task_group() as group:
                        group.start_soon(let_go)
                        await run_cancelled(lambda: call(transport, server.url))
                    await nothing_is_left(transport, server, tasks)
                    assert await call(transport, server.url) == b"hello"

    with serve(in_pieces) as server:
        run(backend, main)


@BACKENDS
def test_cancelled_after_being_woken(backend: str) -> None:
    """A call gets a connection and is cancelled in the same turn of the loop: the next one in the queue gets it."""

    async def main() -> None:
        async with PoolTransport(max_connections=1) as transport:
            holder = await transport.handle_async_request(request(server.url))
            answers: list[bytes] = []

            async def next_in_line() -> None:
                answers.append(await call(transport, server.url))

            async with anyio.create_task_group() as tasks:
                doomed = anyio.CancelScope()

                async def first_in_line() -> None:
                    with doomed:
                        await call(transport, server.url)

                tasks.start_soon(first_in_line)
                await anyio.wait_all_tasks_blocked()
                tasks.start_soon(next_in_line)
                await anyio.wait_all_tasks_blocked()
                assert transport.stats().queued == 2
                await holder.aclose()
                doomed.cancel()
            assert answers == [b"hello"]
            assert transport.stats().active == 0

    with serve(in_pieces) as server:
        run(backend, main)


async def storm(transport: PoolTransport, server: Server, seconds: float, concurrency: int) -> int:
    """Calls that are cancelled after random times, most of them; returns how many there were."""
    chance = random.Random(1)
    until = time.monotonic() + seconds
    calls = 0

    async def worker() -> None:
        nonlocal calls
        while time.monotonic() < until:
            calls += 1
            with anyio.move_on_after(chance.choice([0, 0.0005, 0.002, 0.005, 0.02, 1])):
                await chance.choice([call, left])(transport, server.url)

    async with anyio.create_task_group() as tasks:
        for _ in range(concurrency):
            tasks.start_soon(worker)
    return calls


@BACKENDS
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_storm_of_cancellations_loses_no_slot(
    backend: str, secure: bool, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """Random cancellations with more callers than connections; afterwards all slots are free and the pool works.

    `STORM_SECONDS=25` makes it as long as the one that empties httpcore's own pool.
    """

    async def sometimes_slow(peer: Peer) -> None:
        chance = random.Random(peer.server.accepted)
        while await peer.request():
            await asyncio.sleep(chance.choice([0, 0, 0.003]))
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", pause=chance.choice([0, 0.002]))
            await peer.send(b"llo")

    async def main() -> None:
        async with PoolTransport(ssl_context=tls[1], max_connections=10) as transport:
            seconds = float(os.environ.get("STORM_SECONDS", "1"))
            assert await storm(transport, server, seconds, 30) > 50
            stats = transport.stats()
            assert (stats.active, stats.queued) == (0, 0)
            for _ in range(12):
                assert await call(transport, server.url) == b"hello"
            await anyio.to_thread.run_sync(server.wait_until_open, transport.stats().idle)

    with serve(sometimes_slow, tls[0] if secure else None) as server:
        run(backend, main)
        server.wait_until_open(0)


# Warming up.


@BACKENDS
def test_warm_up_opens_connections_for_later(backend: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """TLS and all: the next calls shake no hands. Never more than the limit, and only what is missing."""

    async def main() -> None:
        async with PoolTransport(ssl_context=tls[1], max_connections=5) as transport:
            assert await transport.warm_up(server.url, 3) == 3
            assert await transport.warm_up(server.url, 3) == 0
            assert await transport.warm_up(server.url, 9) == 2
            await anyio.sleep(0.02)  # session tickets arrive on connections that wait for nothing
            exchange = Exchange()
            await call(transport, server.url, exchange=exchange)
            assert exchange.reused
            assert transport.stats() == PoolStats(open=5, idle=5, active=0, queued=0, limit=5)

    with serve(tls=tls[0]) as server:
        run(backend, main)
        server.wait_until_open(0)
    assert server.accepted == 5


@BACKENDS
def test_warm_up_says_when_it_cannot(backend: str) -> None:
    """A server that is not there: its error, and no slot taken."""

    async def main() -> None:
        async with PoolTransport() as transport:
            with pytest.raises(Exception, match="cannot connect to"):
                await transport.warm_up(f"http://127.0.0.1:{port}/", 50)
            assert transport.stats().open == 0

    with serve() as server:
        port = server.port
    run(backend, main)


# The end.


@BACKENDS
def test_after_the_end_there_is_one_error(backend: str) -> None:
    """Use after `aclose`: `ClientClosed`, and closing again is nothing."""

    async def main() -> None:
        transport = PoolTransport()
        await call(transport, server.url)
        assert transport.usable
        await transport.aclose()
        await transport.aclose()
        assert not transport.usable
        with pytest.raises(ClientClosed, match="closed"):
            await call(transport, server.url)
        with pytest.raises(ClientClosed):
            await transport.warm_up(server.url, 1)
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve() as server:
        run(backend, main)


@BACKENDS
def test_closing_cuts_off_whoever_is_at_work(backend: str) -> None:
    """Streams, calls that wait for an answer, that connect, that queue: each raises `ClientClosed` at once."""

    async def stuck(peer: Peer) -> None:
        received = await peer.request()
        if received is not None and received.body == b"stream":
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")

    async def main() -> None:
        refused: list[bytes] = []

        async def doomed(body: bytes, url: str) -> None:
            with pytest.raises(ClientClosed):
                await call(transport, url, body=body)
            refused.append(body)

        transport = PoolTransport(max_connections=3)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(doomed, b"stream", server.url)
            tasks.start_soon(doomed, b"waits", server.url)
            tasks.start_soon(doomed, b"connects", silent_url)
            await anyio.sleep(0.05)
            tasks.start_soon(doomed, b"queues", server.url)
            await anyio.sleep(0.05)
            assert transport.stats() == PoolStats(open=3, idle=0, active=3, queued=1, limit=3)
            with anyio.fail_after(1):
                await transport.aclose()
            assert transport.stats().open == 0
        assert sorted(refused) == [b"connects", b"queues", b"stream", b"waits"]
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    # A listener whose backlog is full: connecting to it takes for ever.
    with serve(stuck) as server, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        run(backend, main)
        for filler in fillers:
            filler.close()


@BACKENDS
def test_draining_lets_calls_finish(backend: str) -> None:
    """`aclose(drain=)` refuses new calls and waits for the old ones, those that queue included, and no longer."""

    async def slowly(peer: Peer) -> None:
        while await peer.request():
            await asyncio.sleep(0.05)
            await peer.reply()

    async def main() -> None:
        transport = PoolTransport(max_connections=1)
        answers: list[bytes] = []

        async def patient() -> None:
            answers.append(await call(transport, server.url))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(patient)
            tasks.start_soon(patient)
            await anyio.sleep(0.02)

            async def late() -> None:
                await anyio.sleep(0.01)
                with pytest.raises(ClientClosed):
                    await call(transport, server.url)

            tasks.start_soon(late)
            with anyio.fail_after(4):
                await transport.aclose(drain=5)
            await anyio.to_thread.run_sync(server.wait_until_open, 0)
        assert answers == [b"hello", b"hello"]

    with serve(slowly) as server:
        run(backend, main)


@BACKENDS
def test_a_drain_that_runs_out_cuts_off(backend: str) -> None:
    """The time is over: what still runs raises `ClientClosed`."""

    async def main() -> None:
        transport = PoolTransport()
        response = await transport.handle_async_request(request(server.url))
        await transport.aclose(drain=0.02)
        with pytest.raises(ClientClosed):
            await response.aread()
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    async def stuck(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")

    with serve(stuck) as server:
        run(backend, main)


@BACKENDS
def test_cancelled_at_every_await_of_the_close(backend: str) -> None:
    """A close that is cancelled has closed all the same."""

    async def stuck(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")

    async def main() -> None:
        for way in WAYS[backend]:
            for step in range(1, 4):
                transport = PoolTransport()
                response = await transport.handle_async_request(request(server.url))
                await cancelled_at(step, way, lambda: transport.aclose(drain=0.1))  # noqa: B023
                await response.aclose()
                assert transport.stats().open == 0
                await anyio.lowlevel.checkpoint()
                await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(stuck) as server:
        run(backend, main)


@BACKENDS
def test_a_response_that_is_dropped_gives_its_slot_back(backend: str) -> None:
    """Neither read nor closed: the garbage collector warns, and the connection is closed."""

    async def stuck(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")

    async def main() -> None:
        async with PoolTransport() as transport:
            responses = [await transport.handle_async_request(request(server.url))]
            with pytest.warns(ResourceWarning, match="without being closed"):
                responses.clear()
            await anyio.sleep(0.01)
            assert transport.stats().open == 0
            await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(stuck) as server:
        run(backend, main)


# Other loops, threads and processes.


@BACKENDS
def test_another_event_loop_is_refused_and_may_close(backend: str) -> None:
    """The loop has ended: a call says so, and closing drops the sockets at once, without a warning."""

    async def first() -> PoolTransport:
        transport = PoolTransport()
        await transport.warm_up(server.url, 3)
        return transport

    async def second(transport: PoolTransport) -> None:
        assert not transport.usable
        with pytest.raises(ClientClosed, match="another event loop"):
            await call(transport, server.url)
        with anyio.fail_after(1):
            await transport.aclose()

    with serve() as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        for other in ("asyncio", "trio"):
            transport: PoolTransport = run_steadily(first, backend=backend)
            run(other, second, transport)
            server.wait_until_open(0)
            del transport
            gc.collect()


@BACKENDS
def test_a_loop_in_another_thread_closes_its_own_sockets(backend: str) -> None:
    """Closed from a second loop while the first one runs: the first one does it, and its calls raise `ClientClosed`."""

    async def stuck(peer: Peer) -> None:
        await peer.request()

    ready = threading.Event()
    box: list[PoolTransport] = []

    async def first() -> None:
        transport = PoolTransport()
        box.append(transport)

        async def doomed() -> None:
            with pytest.raises(ClientClosed):
                await call(transport, server.url)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(doomed)
            await anyio.sleep(0.05)
            ready.set()

    with serve(stuck) as server:
        thread = threading.Thread(target=run, args=(backend, first))
        thread.start()
        assert ready.wait(5)
        asyncio.run(box[0].aclose())
        thread.join(5)
        assert not thread.is_alive()
        server.wait_until_open(0)


def test_a_loop_that_sleeps_may_wake_up_again() -> None:
    """Neither running nor closed: the sockets are closed at once, and what the loop does later is not disturbed."""

    async def later() -> None:
        async with PoolTransport() as transport, anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(call, transport, server.url)

    with serve() as server:
        loop = asyncio.new_event_loop()

        async def first() -> PoolTransport:
            transport = PoolTransport()
            await transport.warm_up(server.url, 5)
            return transport

        transport = loop.run_until_complete(first())
        asyncio.run(transport.aclose())
        server.wait_until_open(0)
        loop.run_until_complete(later())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        server.wait_until_open(0)


@BACKENDS
def test_closing_twice_at_once(backend: str) -> None:
    """A second close does not make the first one miss the end of the last call."""

    async def slowly(peer: Peer) -> None:
        while await peer.request():
            await asyncio.sleep(0.05)
            await peer.reply()

    async def main() -> None:
        transport = PoolTransport()
        with anyio.fail_after(4):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, transport, server.url)
                await anyio.sleep(0.02)
                tasks.start_soon(transport.aclose, 10)
                tasks.start_soon(transport.aclose, 10)

    with serve(slowly) as server:
        run(backend, main)


@BACKENDS
def test_whoever_queues_when_the_loop_ends(backend: str) -> None:
    """A call without a time limit in the queue, and everything comes to its end around it: one clear error, no hang."""

    async def main() -> None:
        transport = PoolTransport(max_connections=1)
        holder = await transport.handle_async_request(request(server.url))
        waiting = httpx.Request("POST", server.url)
        async with anyio.create_task_group() as tasks:

            async def queue() -> None:
                with pytest.raises(ClientClosed):
                    await transport.handle_async_request(waiting)

            tasks.start_soon(queue)
            await anyio.wait_all_tasks_blocked()
            transport._pool._cut_off()
        await holder.aclose()

    with serve(in_pieces) as server:
        run(backend, main)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_after_a_fork_the_child_is_refused() -> None:
    """In the child: `ClientClosed`, `usable` is false, and closing leaves the parent's connections alone."""
    code = """
import asyncio, os, sys
import httpx
from bedrock_converse._http.pool import PoolTransport
from bedrock_converse.errors import ClientClosed

async def call(transport):
    response = await transport.handle_async_request(httpx.Request("GET", sys.argv[1]))
    return await response.aread()

async def child(transport):
    assert not transport.usable
    try:
        await call(transport)
    except ClientClosed as error:
        assert "forked" in str(error), error
        await transport.aclose()
        return 7

async def main():
    transport = PoolTransport()
    await call(transport)
    pid = os.fork()
    if not pid:
        asyncio._set_running_loop(None)
        os._exit(asyncio.new_event_loop().run_until_complete(child(transport)) or 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert await call(transport) == b"hello"
    assert transport.usable
    await transport.aclose()

asyncio.run(main())
"""
    with serve() as server:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, server.url],
            check=True,
            timeout=30,
            cwd=Path(__file__).resolve().parents[2],
        )
    assert server.accepted == 1


@BACKENDS
def test_too_many_open_files_names_the_limit(backend: str) -> None:
    """EMFILE: the error says which limit to raise, and the slot is free again."""
    code = """
import resource, sys
import anyio, httpx
from bedrock_converse._http.connect_failures import classify_connect_error
from bedrock_converse._http.pool import PoolTransport

async def main():
    transport = PoolTransport()
    await transport.warm_up(sys.argv[1], 1)
    files = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        while True:
            files.append(open("/dev/null"))
    except OSError:
        pass
    try:
        await transport.handle_async_request(httpx.Request("GET", sys.argv[1].replace("127.0.0.1", "127.0.0.2")))
    except httpx.ConnectError as error:
        assert classify_connect_error(error) == "files", error
        assert "RLIMIT_NOFILE is 40" in str(error), error
        assert "ulimit -n" in str(error), error
    else:
        raise AssertionError("connected")
    assert transport.stats().active == 0
    for file in files:
        file.close()
    response = await transport.handle_async_request(httpx.Request("GET", sys.argv[1]))
    assert await response.aread() == b"hello"
    await transport.aclose()

anyio.run(main, backend=sys.argv[2])
"""
    with serve() as server:
        subprocess.run(
            [sys.executable, "-c", code, server.url, backend],
            check=True,
            timeout=30,
            cwd=Path(__file__).resolve().parents[2],
        )


def test_plain_answer_is_the_default_script() -> None:
    """The test server itself: what it says it did, it did."""
    with serve(answer) as server:
        assert httpx.get(server.url).text == "hello"
        server.wait_until_open(0)
    assert (server.accepted, len(server.requests)) == (1, 1)
