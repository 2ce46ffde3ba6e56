"""One attempt: what an answer is read into, how it ends, what the time limits mean to the pool."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import httpx
import pytest

from bedrock_converse._http import transport
from bedrock_converse._http.connection import Exchange
from bedrock_converse._http.deadline import Timeout
from bedrock_converse._http.pool import RawAnswer
from bedrock_converse._http.running import RunningCalls
from bedrock_converse._http.timer import call_timer
from bedrock_converse._http.transport import Answer, Pieces, SignedHeaders, Transport, decoded
from bedrock_converse._loop import running_loop
from bedrock_converse.errors import APIError, ClientClosed, ConfigError, ResponseInvalid, TransportError


class Body:
    """Pieces, and perhaps an error at the end."""

    def __init__(self, *pieces: bytes, failure: Exception | None = None) -> None:
        self.pieces = list(pieces)
        self.failure = failure
        self.closed = 0

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        if self.failure:
            raise self.failure
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed += 1


def answer(body: Body, *headers: tuple[bytes, bytes], status: int = 200) -> Answer:
    return Answer.of_pool(RawAnswer(status, list(headers), body), Exchange())


async def test_reading() -> None:
    """Empty pieces are skipped, bytes counted, and the end closes."""
    body = Body(b"a", b"", b"bc")
    read = answer(body)
    assert [await read.read(), await read.read(), await read.read(), await read.read()] == [b"a", b"bc", b"", b""]
    assert read.received == 3
    assert body.closed


async def test_the_whole_body_has_a_limit() -> None:
    """Past it, it is closed and given up."""
    body = Body(b"x" * 10, b"x" * 10)
    assert await answer(Body(b"x" * 10)).read_whole(limit=10) == b"x" * 10
    with pytest.raises(ResponseInvalid, match="larger than 10 bytes") as caught:
        await answer(body).read_whole(limit=10)
    assert caught.value.possibly_billed
    assert body.closed


async def test_a_broken_body() -> None:
    """The library's error is the cause."""
    failure = httpx.ReadError("gone")
    with pytest.raises(TransportError) as caught:
        await answer(Body(b"x", failure=failure)).read_whole()
    assert caught.value.__cause__ is failure


async def test_an_error_of_ours_is_not_its_own_cause() -> None:
    """What walks along the causes of an error must come to an end."""
    with pytest.raises(ResponseInvalid) as caught:
        await answer(Body(b"nonsense"), (b"content-encoding", b"gzip")).read()
    cause = caught.value.__cause__
    assert cause is not caught.value
    with pytest.raises(ResponseInvalid) as caught:
        await answer(Body(b"x"), (b"content-encoding", b"br")).read()
    assert caught.value.__cause__ is None


async def test_an_error_answer_that_breaks_off() -> None:
    """The status is known, so it is that error all the same; long bodies are cut."""
    broken = answer(Body(b'{"mess', failure=httpx.ReadError("gone")), status=503)
    assert (await broken.read_error()).status_code == 503
    endless = Body(*[b"x" * 65536] * 50)
    failure = await answer(endless, status=400).read_error()
    assert isinstance(failure, APIError)
    assert len(endless.pieces) == 49
    assert endless.closed


@pytest.mark.parametrize("encoding", [b"gzip", b"GZIP", b" x-gzip ", b"deflate"])
async def test_unpacking(encoding: bytes) -> None:
    """Whatever the pieces are, in bounded steps."""
    plain = bytes(3_000_000)
    packed = zlib.compress(plain) if encoding == b"deflate" else gzip.compress(plain)
    read = answer(Body(*(packed[at : at + 100] for at in range(0, len(packed), 100))), (b"Content-Encoding", encoding))
    largest = total = 0
    while piece := await read.read():
        largest, total = max(largest, len(piece)), total + len(piece)
    assert total == len(plain)
    assert largest <= transport.UNPACKED_AT_ONCE


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_unpacking_what_was_packed_in_parts(size: int) -> None:
    """gzip may come in several parts: none is dropped without a word."""
    packed = gzip.compress(b"one, ") + gzip.compress(b"") + gzip.compress(b"two")
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert await answer(Body(*pieces), (b"content-encoding", b"gzip")).read_whole() == b"one, two"


@pytest.mark.parametrize(
    "body",
    [b"", gzip.compress(b"hello")[:-3], b"nonsense", gzip.compress(b"hello") + b"junk"],
    ids=["nothing", "cut", "nonsense", "with junk behind it"],  # gzip writes the time
)
async def test_unpacking_what_is_broken(body: bytes) -> None:
    """Cut, no gzip at all, or something else behind it."""
    with pytest.raises(ResponseInvalid):
        await answer(Body(body), (b"content-encoding", b"gzip")).read_whole()


async def test_an_encoding_that_nobody_asked_for() -> None:
    """It is refused when it is read, so that the connection is closed as always."""
    with pytest.raises(ResponseInvalid, match="br"):
        await answer(Body(b"x"), (b"content-encoding", b"br")).read_whole()


def test_headers() -> None:
    """Lower case, repeated ones joined, any bytes."""
    raw = [(b"X-A", b"1"), (b"x-a", b"2"), (b"X-B", b"\xe9")]
    assert decoded(raw) == {"x-a": "1, 2", "x-b": "\xe9"}


def test_reports_show_no_headers_and_no_body() -> None:
    """What error reporters print of frames."""
    assert "secret" not in repr(SignedHeaders({"authorization": "secret"}))
    assert "secret" not in repr(Pieces([b"secret"]))


async def send(carrier: Any, url: str = "https://x.example/model/m/converse", **timeouts: Any) -> Answer:
    timeout = Timeout(**timeouts)
    timer = call_timer(timeout)
    try:
        return await Transport(carrier, RunningCalls(running_loop()), own=False).send(
            url,
            {"Host": "x.example"},
            Pieces([b"a", b"b"]),
            exchange=Exchange(),
            timer=timer,
            timeout=timeout,
            phase="answer",
        )
    finally:
        timer.close()


async def test_the_limits_that_an_http_client_gets() -> None:
    """A connection in time, nothing per read: the phase's own clock sees to the rest."""
    seen: list[Any] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        assert request.headers["content-length"] == "2"
        return httpx.Response(200, content=b"ok")

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle), timeout=1) as carrier:
        carrier.build_request("POST", "https://x.example")
        timeout = Timeout(answer=10, connect=3)
        timer = call_timer(timeout)
        read = await Transport(carrier, RunningCalls(running_loop()), own=False).send(
            "https://x.example/a",
            {"content-length": "2"},
            Pieces([b"a", b"b"]),
            exchange=Exchange(),
            timer=timer,
            timeout=timeout,
            phase="answer",
        )
        timer.close()
        assert await read.read_whole() == b"ok"
    assert seen == [{"pool": 9.95, "connect": 3, "write": None, "read": None}]


async def test_a_url_that_httpx_would_change() -> None:
    """The path would not be the one that was signed."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200))) as carrier:
        with pytest.raises(ConfigError, match="normal form"):
            await send(carrier, "https://x.example/a/../model/m/converse")


async def test_a_client_that_closes_while_it_is_asked() -> None:
    """httpx raises a RuntimeError then."""
    carrier = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200)))
    build = carrier.build_request

    def closing(*args: Any, **kwargs: Any) -> Any:
        carrier._state = type(carrier._state).CLOSED  # type: ignore[attr-defined]
        return build(*args, **kwargs)

    carrier.build_request = closing  # type: ignore[method-assign]
    with pytest.raises(ClientClosed, match="http_client"):
        await send(carrier)
