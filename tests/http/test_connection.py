"""One connection: how requests are framed, and what is known about them when they fail."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import anyio
import httpx
import pytest
from direct import post
from loopback import Peer, serve
from steady import run_steadily

from bedrock_converse._http.pool import EXCHANGE, Exchange, PoolTransport
from bedrock_converse.errors import ConfigError

BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
LIMITS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


def request(
    url: str, exchange: Exchange | None = None, headers: dict[str, str] | None = None, **options: Any
) -> httpx.Request:
    return httpx.Request(
        "POST", url, headers=headers, extensions={"timeout": LIMITS, EXCHANGE: exchange or Exchange()}, **options
    )


async def send(transport: PoolTransport, request: httpx.Request) -> httpx.Response:
    response = await transport.handle_async_request(request)
    await response.aread()
    return response


class Pieces:
    """A body in pieces, of unknown length."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        if not self.parts:
            raise StopAsyncIteration
        return self.parts.pop(0)


@BACKENDS
@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 3_000_000])
def test_a_body_with_its_length(backend: str, size: int) -> None:
    """Small or large, it arrives as it was."""

    async def main() -> None:
        async with PoolTransport() as transport:
            for _ in range(2):
                assert (await send(transport, request(server.url, content=b"x" * size))).status_code == 200

    with serve() as server:
        run_steadily(main, backend=backend)
    assert [len(received.body) for received in server.requests] == [size, size]
    assert server.accepted == 1


def test_a_small_request_is_one_packet() -> None:
    """Headers and body together: one write, not two that wait for each other."""
    reads: list[bytes] = []

    async def raw(peer: Peer) -> None:
        reads.append(await peer.reader.read(65536))
        await peer.reply()

    async def main() -> None:
        async with PoolTransport() as transport:
            await send(transport, request(server.url, content=b"question"))

    with serve(raw) as server:
        asyncio.run(main())
    assert reads[0].endswith(b"\r\n\r\nquestion")


@BACKENDS
def test_a_body_without_a_length_is_chunked(backend: str) -> None:
    """An async iterator: chunks, also the large ones; an empty piece does not end it."""

    async def chunks(peer: Peer) -> None:
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        while size := int(await peer.reader.readline(), 16):
            received.append(await peer.reader.readexactly(size))
            assert await peer.reader.readline() == b"\r\n"
        assert await peer.reader.readline() == b"\r\n"
        await peer.reply()

    async def main() -> None:
        async with PoolTransport() as transport:
            response = await send(transport, request(server.url, content=Pieces(b"a", b"", b"b" * 100_000, b"c")))
            assert response.status_code == 200
            assert transport.stats().idle == 1

    received: list[bytes] = []
    with serve(chunks) as server:
        run_steadily(main, backend=backend)
    assert received == [b"a", b"b" * 100_000, b"c"]


@BACKENDS
@pytest.mark.parametrize("parts", [(b"abc",), (b"abcd", b"ef"), (b"x" * 100_000, b"y" * 100_000)])
def test_a_body_that_is_not_as_long_as_announced(backend: str, parts: tuple[bytes, ...]) -> None:
    """Shorter or longer: refused, since the next request on that connection could not be read."""

    async def main() -> None:
        async with PoolTransport() as transport:
            exchange = Exchange()
            wrong = request(server.url, exchange, {"content-length": "5"}, content=Pieces(*parts))
            with pytest.raises(httpx.LocalProtocolError, match="than its content-length"):
                await send(transport, wrong)
            assert exchange.written is False
            assert transport.stats().open == 0

    with serve() as server:
        run_steadily(main, backend=backend)
        server.wait_until_open(0)


@BACKENDS
def test_an_error_in_the_callers_body_is_his(backend: str) -> None:
    """It comes out as it is; the connection is given up."""

    class Broken(Pieces):
        async def __anext__(self) -> bytes:
            if not self.parts:
                raise LookupError("the caller's")
            return await super().__anext__()

    async def main() -> None:
        async with PoolTransport() as transport:
            with pytest.raises(LookupError, match="the caller's"):
                await send(transport, request(server.url, content=Broken(b"abc")))
            assert transport.stats().open == 0

    with serve() as server:
        run_steadily(main, backend=backend)


@BACKENDS
def test_an_early_refusal_is_heard(backend: str) -> None:
    """The server answers before it has read the body, and closes: its answer comes out."""

    async def refuses(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.reply(b"too big", b"413 Content Too Large", b"connection: close")
        await asyncio.sleep(0.05)
        peer.writer.close()

    async def main() -> None:
        async with PoolTransport() as transport:
            exchange = Exchange()
            stream = Pieces(*[b"x" * 500_000] * 20)
            try:
                response = await send(
                    transport, request(server.url, exchange, {"content-length": "10000000"}, content=stream)
                )
                assert response.status_code == 413
                assert response.content == b"too big"
            except httpx.ReadError:
                pass  # the server's reset has overtaken its answer: that is TCP's
            assert exchange.written is False
            assert transport.stats().idle == 0

    with serve(refuses) as server:
        run_steadily(main, backend=backend)


@BACKENDS
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more",
    ],
    ids=["close", "HTTP/1.0", "no length", "surplus"],
)
def test_a_connection_that_is_used_up(backend: str, answer: bytes) -> None:
    """The whole answer, and then not reused."""

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        if b"length" not in answer:
            peer.half_close()

    async def main() -> None:
        async with PoolTransport() as transport:
            for _ in range(2):
                exchange = Exchange()
                response = await send(transport, request(server.url, exchange))
                assert response.content == b"hello"
                assert exchange.reused is False
                assert transport.stats().open == 0

    with serve(once) as server:
        run_steadily(main, backend=backend)
        server.wait_until_open(0)


FAULTS: dict[str, tuple[tuple[bytes, ...], str]] = {
    "nothing": ((), "without sending a response"),
    "half a head": ((b"HTTP/1.1 200 OK\r\ncont",), "in the middle of the response headers"),
    "short body": ((b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",), "4 bytes before the end"),
    "cut chunks": ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",), "in the middle of"),
    "no last chunk": ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",), "in the middle of"),
    "garbage": ((b"\x00\x01\x02 garbage\r\n\r\n",), "not HTTP/1"),
    "endless head": ((b"HTTP/1.1 200 OK\r\n", *[b"a: " + b"b" * 50_000 + b"\r\n"] * 40), "headers are longer than"),
    "bad chunk": ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhello\r\n",), "malformed"),
}


@BACKENDS
@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_is_broken(backend: str, fault: str) -> None:
    """Never a short answer that looks whole: an error, the connection gone, and the next call works."""
    sent, message = FAULTS[fault]

    async def breaks(peer: Peer) -> None:
        if not peer.server.requests:
            await peer.request()
            await peer.send(*sent)
            peer.half_close()
            return
        await peer.request()
        await peer.reply()

    async def main() -> None:
        async with PoolTransport() as transport:
            exchange = Exchange()
            with pytest.raises(httpx.RemoteProtocolError, match=message):
                await send(transport, request(server.url, exchange, content=b"question"))
            assert (exchange.reused, exchange.written, exchange.answered) == (False, True, bool(sent))
            assert transport.stats().open == 0
            assert (await send(transport, request(server.url))).content == b"hello"

    with serve(breaks) as server:
        run_steadily(main, backend=backend)
        server.wait_until_open(0)


@BACKENDS
def test_drops_of_bytes_do_not_stretch_the_limit(backend: str) -> None:
    """A head, or a chunk's beginning, that comes byte by byte has to be complete within the limit, not each byte."""

    async def drips(peer: Peer) -> None:
        received = await peer.request()
        assert received is not None
        begin = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" if received.body == b"chunk" else b""
        rest = b"5;" + b"x" * 1000 if begin else b"HTTP/1.1 200 OK\r\n" + b"a: " + b"b" * 1000
        await peer.send(begin)
        await peer.send(*[rest[i : i + 1] for i in range(len(rest))], pause=0.01)

    async def main() -> None:
        async with PoolTransport() as transport:
            for content in (b"head", b"chunk"):
                slow = request(server.url, content=content)
                slow.extensions["timeout"] = {**LIMITS, "read": 0.1}
                with anyio.fail_after(1), pytest.raises(httpx.ReadTimeout):
                    await send(transport, slow)

    with serve(drips) as server:
        run_steadily(main, backend=backend)


async def test_a_limit_may_change_between_two_reads() -> None:
    """The dict is looked up each time: waiting for the first event may take longer than for the next."""

    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"abc", pause=0.05)
        await asyncio.sleep(5)

    with serve(slow) as server:
        async with PoolTransport() as transport:
            limits = {"read": 5.0}
            answer = await post(transport, httpx.Request("POST", server.url, extensions={"timeout": limits}))
            body = aiter(answer.body)
            assert await anext(body) == b"abc"
            limits["read"] = 0.02
            with pytest.raises(Exception, match="nothing in time"):
                await anext(body)


async def test_https_needs_a_context() -> None:
    """A mistake of ours, said clearly, before anything is sent."""
    with serve() as server:
        async with PoolTransport() as transport:
            with pytest.raises(ConfigError, match="TLS context"):
                await send(transport, request(server.url.replace("http:", "https:")))
            assert transport.stats().open == 0


async def test_another_scheme_is_refused() -> None:
    """Only HTTP is spoken here."""
    async with PoolTransport() as transport:
        with pytest.raises(httpx.UnsupportedProtocol, match="ftp"):
            await send(transport, request("ftp://127.0.0.1/"))


@BACKENDS
def test_names_and_ipv6(backend: str) -> None:
    """`localhost` is looked up, which may give two families; `[::1]` is taken as it is."""

    async def main() -> None:
        async with PoolTransport(ssl_context=ssl.create_default_context()) as transport:
            url = server.url.replace("127.0.0.1", "localhost")
            assert (await send(transport, request(url))).content == b"hello"
            with pytest.raises(httpx.ConnectError, match="::1"):
                await send(transport, request("http://[::1]:9/"))

    with serve() as server:
        run_steadily(main, backend=backend)
    assert server.requests[0].header(b"host") == f"localhost:{server.port}".encode()
