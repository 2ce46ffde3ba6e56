"""The transport as the client uses it: two ways to send, one result."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import Any

import anyio
import httpx
import pytest
from direct import post
from loopback import Peer, serve
from steady import run_steadily

from bedrock_converse._http.pool import BODY, EXCHANGE, Exchange, PoolStats, PoolTransport, body_of

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


async def streams(peer: Peer) -> None:
    while await peer.request():
        await peer.send(
            b"HTTP/1.1 202 Accepted\r\nx-Request-Id: 7\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"3\r\ndef\r\n0\r\n\r\n",
            pause=0.01,
        )


def request(url: str, **extensions: Any) -> httpx.Request:
    return httpx.Request("POST", url, content=b"question", extensions={"timeout": {"read": 5.0}, **extensions})


@BACKENDS
def test_both_ways_give_the_same(backend: str) -> None:
    """Status, headers as they were sent, the bytes; over the same connection."""

    async def main() -> None:
        async with PoolTransport() as transport:
            first, second = Exchange(), Exchange()
            response = await transport.handle_async_request(request(server.url, **{EXCHANGE: first}))
            ordinary = [part async for part in body_of(response)]
            answer = await post(transport, request(server.url, **{EXCHANGE: second}))
            direct = [part async for part in answer.body]
            assert (answer.status, answer.headers) == (response.status_code, response.headers.raw)
            assert answer.headers[0] == (b"x-Request-Id", b"7")
            assert ordinary == direct == [b"abc", b"def"]
            assert (first.reused, second.reused) == (False, True)

    with serve(streams) as server:
        run_steadily(main, backend=backend)


@BACKENDS
def test_it_serves_an_httpx_client(backend: str) -> None:
    """It is an httpx transport like any other."""

    async def main() -> None:
        async with httpx.AsyncClient(transport=PoolTransport()) as client:
            assert (await client.post(server.url, json={})).content == b"abcdef"
            async with client.stream("POST", server.url) as response:
                assert response.http_version == "HTTP/1.1"
                assert response.reason_phrase == "Accepted"
                assert [part async for part in response.aiter_bytes()] == [b"abc", b"def"]
        await anyio.to_thread.run_sync(server.wait_until_open, 0)

    with serve(streams) as server:
        run_steadily(main, backend=backend)
    assert server.accepted == 1


class Overriding(PoolTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(299, content=b"overridden")


async def test_sending_directly_does_not_pass_by_an_override(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced in a subclass, on the object, or on httpx's class: the replacement gets the request."""

    async def replacement(*args: Any) -> httpx.Response:
        return httpx.Response(299, content=b"overridden")

    with serve() as server:
        async with Overriding() as transport:
            assert (await post(transport, request(server.url))).status == 299
        async with PoolTransport() as transport:
            monkeypatch.setattr(transport, "handle_async_request", replacement)
            assert (await post(transport, request(server.url))).status == 299
        async with PoolTransport() as transport:
            monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", replacement)
            answer = await post(transport, request(server.url))
            assert answer.status == 299
            assert [part async for part in answer.body] == [b"overridden"]
            monkeypatch.undo()
            assert (await post(transport, request(server.url))).status == 200
    assert server.accepted == 1


async def test_nothing_is_loaded_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx's own transport reads certificates there, on the event loop: 20 ms and more."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a TLS context on the event loop")

    monkeypatch.setattr("ssl.create_default_context", refuse)
    monkeypatch.setattr("httpx._transports.default.create_ssl_context", refuse)
    async with PoolTransport():
        pass


async def test_stats_are_a_frozen_record() -> None:
    """A picture of one moment, not a view."""
    async with PoolTransport(max_connections=7) as transport:
        stats = transport.stats()
        assert stats == PoolStats(open=0, idle=0, active=0, queued=0, limit=7)
        with pytest.raises(dataclasses.FrozenInstanceError):
            stats.open = 1  # type: ignore[misc]


@BACKENDS
def test_two_threads_with_a_loop_each(backend: str) -> None:
    """A transport for each: they do not disturb each other."""
    done: list[int] = []

    async def main() -> None:
        async with PoolTransport() as transport:
            for _ in range(20):
                answer = await post(transport, request(server.url))
                done.append(sum([len(part) async for part in answer.body]))

    with serve() as server:
        threads = [threading.Thread(target=anyio.run, args=(main,), kwargs={"backend": backend}) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.wait_until_open(0)
    assert done == [5] * 40


def test_one_loop_after_another_leaves_no_sockets() -> None:
    """`asyncio.run` for each job, and nobody closes anything: the sockets go with their loop, without a warning."""

    async def job() -> None:
        transport = PoolTransport()
        kept.append(transport)
        answer = await post(transport, request(server.url))
        assert [part async for part in answer.body] == [b"hello"]
        await post(transport, request(server.url.replace("127.0.0.1", "localhost")))

    kept: list[PoolTransport] = []
    with serve() as server:
        for _ in range(3):
            asyncio.run(job())
            server.wait_until_open(0)
    assert server.accepted == 6


# The body.


@BACKENDS
def test_a_body_that_was_closed_early_does_not_look_whole(backend: str) -> None:
    """Reading on after closing is an error, not an end; closing twice is nothing."""

    async def main() -> None:
        async with PoolTransport() as transport:
            body = (await post(transport, request(server.url))).body
            iterator = aiter(body)
            assert await anext(iterator) == b"abc"
            await body.aclose()
            await body.aclose()
            with pytest.raises(Exception, match="closed before its end"):
                await anext(iterator)

    with serve(streams) as server:
        run_steadily(main, backend=backend)


@BACKENDS
def test_a_body_that_was_read_has_ended(backend: str) -> None:
    """Once more over it: nothing comes, and closing it does not touch the connection that another request has now."""

    async def main() -> None:
        async with PoolTransport() as transport:
            body = (await post(transport, request(server.url))).body
            assert [part async for part in body] == [b"abc", b"def"]
            other = await post(transport, request(server.url))
            await body.aclose()
            assert [part async for part in body] == []
            assert [part async for part in other.body] == [b"abc", b"def"]
            assert transport.stats().idle == 1

    with serve(streams) as server:
        run_steadily(main, backend=backend)


async def test_whose_body_it_is() -> None:
    """Ours when it is there and untouched; what a recording tool has read is where that tool put it."""
    with serve(streams) as server:
        async with PoolTransport() as transport:
            response = await transport.handle_async_request(request(server.url))
            assert body_of(response) is response.extensions[BODY]
            content = await response.aread()
            assert body_of(response) is not response.extensions[BODY]
            assert [part async for part in body_of(response)] == [content]
            response = await transport.handle_async_request(request(server.url))
            taped = b"".join([part async for part in response.stream])  # type: ignore[union-attr]
            response.stream = httpx.ByteStream(taped)
            assert [part async for part in body_of(response)] == [b"abcdef"]
    mocked = httpx.Response(200, content=b"mocked")
    assert [part async for part in body_of(mocked)] == [b"mocked"]
